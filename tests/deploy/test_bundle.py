"""What goes to Elastic Beanstalk."""

import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy import bundle, static_files
from deploy.errors import DeploymentError
from rubberduck.core.settings import ROOT

GENERATED = {static_files.MAP, static_files.HEADERS, static_files.OWN_HEADERS}


def names(file: Path) -> set[str]:
    with ZipFile(file) as zipped:
        return set(zipped.namelist())


def test_the_same_files_make_the_same_bundle(tmp_path: Path) -> None:
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    assert bundle.write(one) == bundle.write(other)
    assert one.read_bytes() == other.read_bytes()


def test_what_git_does_not_know_stays_here(tmp_path: Path) -> None:
    bundle.write(tmp_path / "bundle.zip")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert names(tmp_path / "bundle.zip") - GENERATED <= set(tracked)


def test_what_the_site_does_not_need_stays_here(tmp_path: Path) -> None:
    bundle.write(tmp_path / "bundle.zip")
    tops = {name.split("/")[0] for name in names(tmp_path / "bundle.zip")}
    assert {"app.py", "Procfile", "requirements.txt", ".ebextensions", ".platform"} <= tops
    assert tops & {"tests", "training", "docs", "deploy", "Makefile", ".env", "uploads"} == set()


def test_a_single_machine_hears_nothing_of_a_load_balancer(tmp_path: Path) -> None:
    many, one = tmp_path / "many.zip", tmp_path / "one.zip"
    assert bundle.write(many) != bundle.write(one, single=True)
    assert names(many) - names(one) == {".ebextensions/load-balanced.config"}
    with ZipFile(one) as zipped:
        configs = [zipped.read(name) for name in zipped.namelist() if name.startswith(".ebext")]
    assert not [text for text in configs if b"AWSEBV2LoadBalancer" in text or b"aws:elbv2" in text]


def test_without_git_there_is_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeploymentError, match="install git"):
        bundle.write(tmp_path / "bundle.zip")


def test_a_variant_that_is_none_makes_no_bundle() -> None:
    with pytest.raises(
        SystemExit, match="VARIANT=sinlge is not valid: it must be load-balanced or single"
    ):
        bundle.main(["sinlge"])
