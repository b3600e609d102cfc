"""What the site asks of AWS, and what the template lets it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.aws import BUCKET
from tests.support.cloudformation import (
    allowed_actions,
    celebrities_statements,
    custom_labels_statements,
    face_collections_statements,
    faces_statements,
    site_statements,
    video_statements,
)
from tests.support.custom_labels import FakeCustomLabels
from tests.support.pictures import encoded
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.visitor import post_picture

# Where the permission has another name than the call.
PERMISSION = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}


@pytest.fixture
def used(s3: Any, eyes: RekognitionEndpoint, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Fills up with a permission for each request, and each link, that later clients sign."""
    used: set[str] = set()
    plain = boto3.Session.client

    def record(event_name: str, operation_name: str, request: Any, **_: Any) -> None:
        call = f"{event_name.split('.')[1]}:{operation_name}"
        if operation_name == "DeleteObjects" and b"<VersionId>" in request.data:
            call = "s3:DeleteObjectVersion"
        if operation_name == "GetObject" and "versionId" in request.url:
            call = "s3:GetObjectVersion"
        used.add(PERMISSION.get(call, call))

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
    send_videos(client)
    assert command(client.application, "backup", str(folder / f"{where[-9:]}.tar")) == 0
    assert client.post(f"{where}/delete").status_code == 303
    post_picture(client, encoded(quality=50))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=40), tick=True):
        assert command(client.application, "sweep") == 0
    assert command(client.application, "check") == 0


def send_videos(client: FlaskClient) -> None:
    """Send a video in parts and delete it, and cancel an upload."""
    tus = {"Tus-Resumable": "1.0.0"}
    begun = [
        client.post("/api/v1/uploads", headers={**tus, "Upload-Length": "4"}).location
        for _ in range(2)
    ]
    part = {**tus, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert client.patch(begun[0], data=b"film", headers=part).status_code == 204
    id = begun[0].rpartition("/")[2]
    assert client.post("/api/v1/videos", json={"upload": id}).status_code == 202
    assert client.post(f"/videos/{id}/delete").status_code == 303
    assert client.delete(begun[1], headers=tus).status_code == 204


def command(app: Flask, *words: str) -> int:
    return app.test_cli_runner().invoke(args=words).exit_code


def test_custom_labels_may_do_what_the_check_tries(
    used: set[str], s3: Any, aws_settings: Settings, composed: Callable[[Settings], Pipeline]
) -> None:
    """The check tries all that the site does there, as tests/aws and tests/services show."""
    role = {"scheduler_role": "arn:aws:iam::123456789012:role/stop"}
    settings = aws_settings.model_copy(update={"custom_labels": True, **role})
    app = create_app(settings, pipeline=composed(settings))
    assert command(app, "check") == 0
    allowed = allowed_actions(custom_labels_statements())
    assert used - allowed_actions(site_statements()) == allowed - {"iam:PassRole"}


def test_rekognition_video_may_do_what_the_check_tries(
    used: set[str],
    s3: Any,
    custom_labels: FakeCustomLabels,
    aws_settings: Settings,
    composed: Callable[[Settings], Pipeline],
) -> None:
    queue = boto3.client("sqs").create_queue(QueueName="videos")["QueueUrl"]
    used.clear()
    notices = {
        "video_topic": "arn:aws:sns:eu-central-1:123456789012:videos",
        "video_role": "arn:aws:iam::123456789012:role/notices",
        "video_queue": queue,
    }
    settings = aws_settings.model_copy(update={"rekognition_video": True, **notices})
    app = create_app(settings, pipeline=composed(settings))
    assert command(app, "check") == 0
    allowed = allowed_actions(video_statements())
    assert used - allowed_actions(site_statements()) == allowed - {"iam:PassRole"}
    custom_labels.faults.denied.add("GetCelebrityRecognition")
    boto3.client("sqs").delete_queue(QueueUrl=queue)
    checked = app.test_cli_runner().invoke(args=["check"])
    assert checked.exit_code == 1
    assert "Allow rekognition:GetCelebrityRecognition to the user or role" in checked.output
    assert "iam:PassRole for arn:aws:iam::123456789012:role/notices" in checked.output
    assert "the queue does not exist: check DUCK_VIDEO_QUEUE" in checked.output


def test_celebrities_take_one_right_more(
    used: set[str], aws_settings: Settings, composed: Callable[[Settings], Pipeline]
) -> None:
    settings = aws_settings.model_copy(update={"celebrities": True})
    app = create_app(settings, pipeline=composed(settings))
    assert command(app, "check") == 0
    assert used - allowed_actions(site_statements()) == allowed_actions(celebrities_statements())


def test_faces_take_one_right_more(
    used: set[str], aws_settings: Settings, composed: Callable[[Settings], Pipeline]
) -> None:
    settings = aws_settings.model_copy(update={"faces": "on"})
    app = create_app(settings, pipeline=composed(settings))
    assert command(app, "check") == 0
    assert used - allowed_actions(site_statements()) == allowed_actions(faces_statements())


def test_face_collections_may_do_what_the_check_tries(
    used: set[str], aws_settings: Settings, composed: Callable[[Settings], Pipeline]
) -> None:
    switched_on = {"faces": "on", "face_collections": True}
    settings = aws_settings.model_copy(update=switched_on)
    app = create_app(settings, pipeline=composed(settings))
    assert command(app, "check") == 0
    allowed = allowed_actions(face_collections_statements())
    assert used - allowed_actions(site_statements()) >= allowed
    assert used - allowed_actions(site_statements()) - allowed <= {"rekognition:DetectFaces"}


@pytest.mark.parametrize("operation", ["StartProjectVersion", "CreateProject"])
def test_a_right_that_is_missing_is_named(
    operation: str,
    s3: Any,
    custom_labels: FakeCustomLabels,
    aws_settings: Settings,
    composed: Callable[[Settings], Pipeline],
) -> None:
    custom_labels.faults.denied.add(operation)
    settings = aws_settings.model_copy(update={"custom_labels": True})
    app = create_app(settings, pipeline=composed(settings))
    checked = app.test_cli_runner().invoke(args=["check"])
    assert checked.exit_code == 1
    assert f"wrong  Custom Labels: Allow rekognition:{operation} to" in checked.output
    assert "a running model bills on if this site is off" in checked.output
    assert [project.name for project in custom_labels.world.projects.values()] == []


def test_the_site_may_do_what_it_does_and_nothing_else(
    used: set[str], aws_client: FlaskClient, s3: Any, tmp_path: Path
) -> None:
    everything(aws_client, tmp_path)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    everything(aws_client, tmp_path)
    assert used == allowed_actions(site_statements())
