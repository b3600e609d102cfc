"""What the site asks of AWS, and what the template lets it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.support.aws import BUCKET
from tests.support.cloudformation import allowed_actions, site_statements
from tests.support.fake_rekognition import FakeRekognition
from tests.support.pictures import encoded
from tests.support.visitor import post_picture

# Where the permission has another name than the call.
PERMISSION = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObject",
}


@pytest.fixture
def used(s3: Any, eyes: FakeRekognition, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Fills up with a permission for each request, and each link, that later clients sign."""
    used: set[str] = set()
    plain = boto3.Session.client

    def record(event_name: str, operation_name: str, request: Any, **_: Any) -> None:
        call = f"{event_name.split('.')[1]}:{operation_name}"
        names_versions = operation_name == "DeleteObjects" and b"<VersionId>" in request.data
        used.add("s3:DeleteObjectVersion" if names_versions else PERMISSION.get(call, call))

    def recorded(*args: Any, **kwargs: Any) -> Any:
        client = plain(*args, **kwargs)
        client.meta.events.register("before-sign", record)
        return client

    monkeypatch.setattr(boto3.Session, "client", recorded)
    return used


def everything(client: FlaskClient, folder: Path) -> None:
    """All that visitors and operators can do."""
    where = post_picture(client, encoded()).location
    for address in (
        where,
        f"{where}/picture.jpg",
        f"{where}/marked.jpg?download",
        f"{where}?min=9",
    ):
        assert client.get(address).status_code in (200, 302)
    for address in ("/mine", "/statistics", "/readyz", "/sample/easy", f"/api/v1{where}"):
        client.get(address)
    assert command(client.application, "backup", str(folder / f"{where[-9:]}.tar")) == 0
    assert client.post(f"{where}/delete").status_code == 303
    post_picture(client, encoded(quality=50))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=40), tick=True):
        assert command(client.application, "sweep") == 0
    assert command(client.application, "check") == 0


def command(app: Flask, *words: str) -> int:
    return app.test_cli_runner().invoke(args=words).exit_code


def test_the_site_may_do_what_it_does_and_nothing_else(
    used: set[str], aws_client: FlaskClient, s3: Any, tmp_path: Path
) -> None:
    everything(aws_client, tmp_path)
    assert "s3:DeleteObjectVersion" not in used
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    everything(aws_client, tmp_path)
    assert used == allowed_actions(site_statements())
