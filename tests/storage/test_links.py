"""The pages' content security policy allows the links to the bucket, wherever the bucket is."""

from typing import Any

import boto3
import pytest
from botocore.config import Config

from composition import build_pipeline
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.storage.s3 import S3Storage
from tests.support.faults import Countdown, amazon_fails, answering

SESSION = boto3.Session("testing", "testing")
REGIONS = sorted(
    region
    for partition in SESSION.get_available_partitions()
    for region in SESSION.get_available_regions("s3", partition)
)
STYLES: dict[str, dict[str, Any]] = {
    "virtual": {"s3": {"addressing_style": "virtual"}},
    "path": {"s3": {"addressing_style": "path"}},
    "auto": {"s3": {"addressing_style": "auto"}},
    "accelerate": {"s3": {"use_accelerate_endpoint": True}},
    "dualstack": {"use_dualstack_endpoint": True},
    "accelerate and dualstack": {
        "s3": {"use_accelerate_endpoint": True},
        "use_dualstack_endpoint": True,
    },
}
ENDPOINTS = {"custom": "http://localhost:9000", "custom with a path": "https://s3.duck.example/v1"}


def storage(bucket: str, region: str, endpoint: str | None = None, **config: Any) -> S3Storage:
    client = SESSION.client(
        "s3", region, endpoint_url=endpoint, config=Config(signature_version="s3v4", **config)
    )
    return S3Storage(client, bucket, link_seconds=900)


def link_matches(storage: S3Storage) -> bool:
    return (storage.url("uploads/a.jpg") or "").startswith(f"{storage.origin}/")


@pytest.mark.parametrize("region", REGIONS)
def test_in_each_region(region: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the site composes it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    changes = {"bucket": "my-ducks", "region": region, "engine": "local"}
    storage = build_pipeline(settings.model_copy(update=changes)).storage
    assert isinstance(storage, S3Storage)
    assert link_matches(storage)


def test_every_partition_is_among_the_regions() -> None:
    assert {"us-east-1", "eu-central-1", "cn-north-1", "eusc-de-east-1"} <= set(REGIONS)
    assert len(REGIONS) > 40


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_with_each_addressing_style(style: str, region: str) -> None:
    assert link_matches(storage("my-ducks", region, **STYLES[style]))


@pytest.mark.parametrize("style", ["virtual", "path", "auto", "dualstack"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_for_a_bucket_with_dots_in_its_name(style: str, region: str) -> None:
    """Its name is not in the host, since the certificate of S3 would not match."""
    dotted = storage("my.ducks.example", region, **STYLES[style])
    assert link_matches(dotted)
    assert "my.ducks" not in str(dotted.origin)


@pytest.mark.parametrize("style", ["virtual", "path", "auto"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_with_a_custom_endpoint(style: str, endpoint: str) -> None:
    assert link_matches(storage("my-ducks", "us-east-1", ENDPOINTS[endpoint], **STYLES[style]))


def test_with_a_directory_bucket_of_s3_express() -> None:
    """Its links are signed with the credentials of a session, which botocore asks S3 for."""
    express = storage("ducks--use1-az4--x-s3", "us-east-1")
    names = {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}
    credentials = "".join(f"<{name}>{value}</{name}>" for name, value in names.items())
    body = (
        "<CreateSessionResult><Credentials>"
        f"{credentials}<Expiration>2099-01-01T00:00:00Z</Expiration>"
        "</Credentials></CreateSessionResult>"
    )
    with amazon_fails([express.client], answering(200, body.encode()), Countdown(1, lasts=True)):
        assert link_matches(express)
    assert "s3express-use1-az4" in str(express.origin)


@pytest.mark.parametrize("region", ["eusc-de-east-1", "mx-central-1", "us-gov-west-1"])
def test_a_region_is_whatever_botocore_knows(region: str, settings: Settings) -> None:
    given = Settings(bucket="my-ducks", region=region, engine="local")
    assert build_pipeline(given.model_copy(update={"uploads": settings.uploads})).storage


def test_an_unknown_region_is_refused_by_name(settings: Settings) -> None:
    changes = {"bucket": "my-ducks", "region": "atlantis-west-1", "engine": "local"}
    with pytest.raises(InvalidSettings, match="AWS has no region atlantis-west-1"):
        build_pipeline(settings.model_copy(update=changes))
