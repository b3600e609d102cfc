"""The certificate authorities that PostgreSQL's certificate is checked against."""

from pathlib import Path

import pytest
import time_machine

from deploy import bundle, certificates
from deploy.errors import DeploymentError


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "ap-southeast-2"])
def test_a_region_has_its_authority(region: str) -> None:
    certificates.check(region)


def test_the_bundle_holds_them_and_their_licence() -> None:
    names = bundle.contents(single=False)
    assert {".platform/certificates/rds-ca.pem", ".platform/certificates/LICENSE"} <= set(names)


def test_a_region_without_an_authority_is_refused() -> None:
    with pytest.raises(DeploymentError, match="no certificate “Amazon RDS us-gov-west-1 Root CA"):
        certificates.check("us-gov-west-1")


def test_an_expired_authority_is_refused() -> None:
    with (
        time_machine.travel("2199-01-01"),
        pytest.raises(DeploymentError, match="has expired"),
    ):
        certificates.check("eu-central-1")


@pytest.mark.parametrize("text", [None, "", "not a certificate"])
def test_a_missing_or_damaged_file_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "rds-ca.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DeploymentError, match="restore it with git"):
        certificates.check("eu-central-1", file)


def test_another_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package.tgz").write_bytes(b"something else")
    with pytest.raises(DeploymentError, match="not the package"):
        certificates.extract(tmp_path / "package.tgz")
