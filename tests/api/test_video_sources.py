"""Videos that come in: a raw body, a form, an upload in parts, an operator's object in S3."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.store import Videos
from tests.support.aws import BUCKET
from tests.support.operators import sign_in
from tests.support.pictures import form
from tests.support.visitor import bearer, make_key

VIDEOS, UPLOADS = "/api/v1/videos", "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
DATA = b"what is inside is found out by the job" * 1000


def raw(client: FlaskClient, data: Any = DATA, **options: Any) -> TestResponse:
    options = {"content_type": "video/mp4", **options}
    return client.post(VIDEOS, data=data, **options)


def upload(client: FlaskClient, data: bytes, **headers: str) -> str:
    """Send an upload in parts; return its id."""
    begun = client.post(UPLOADS, headers={**TUS, "Upload-Length": str(len(DATA)), **headers})
    where = str(begun.headers["Location"])
    part = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert client.patch(where, data=data, headers={**part, **headers}).status_code == 204
    return where.rpartition("/")[2]


def id_of(received: TestResponse) -> str:
    assert received.status_code == 202, received.text
    assert received.json is not None
    id, links = str(received.json["id"]), received.json["links"]
    assert received.headers["Location"] == links["self"] == f"{VIDEOS}/{id}"
    assert (links["page"], received.json["status"]) == (f"/videos/{id}", "queued")
    assert links["job"].startswith("/api/v1/jobs/")  # where a program's key is taken
    return id


def require_queued(client: FlaskClient, pipeline: Pipeline, received: TestResponse) -> None:
    """Its object, its row and its job are there, and its page shows that it waits."""
    id = id_of(received)
    assert pipeline.storage.get(f"videos/{id}/original") == DATA
    video = Videos(pipeline.results.database).get(id)
    assert (video.bytes, video.stored_bytes, video.status) == (len(DATA), len(DATA), "queued")
    job = JobQueue(pipeline.results.database, 9).get(video.job_id or "")
    assert (job.kind, job.owner, job.arguments["video_id"]) == ("analyse-video", video.owner, id)
    assert client.get(f"/videos/{id}").status_code == 200


def test_a_raw_body(client: FlaskClient, pipeline: Pipeline, no_temporary_files: None) -> None:
    require_queued(client, pipeline, raw(client))


def test_a_body_without_a_length(client: FlaskClient, pipeline: Pipeline) -> None:
    terminated = {"wsgi.input_terminated": True}
    received = raw(client, None, input_stream=BytesIO(DATA), environ_overrides=terminated)
    require_queued(client, pipeline, received)


def test_a_form(client: FlaskClient, pipeline: Pipeline, no_temporary_files: None) -> None:
    received = client.post(VIDEOS, **form(DATA, "holiday.mp4", "video"))
    require_queued(client, pipeline, received)


def test_an_upload_in_parts(client: FlaskClient, pipeline: Pipeline) -> None:
    id = upload(client, DATA)
    received = client.post(VIDEOS, json={"upload": id})
    assert id_of(received) == id
    require_queued(client, pipeline, received)
    again = client.post(VIDEOS, json={"upload": id})  # the first answer was lost
    assert id_of(again) == id
    assert JobQueue(pipeline.results.database, 9).store.count(owner_of(pipeline, id))["queued"] == 1


def owner_of(pipeline: Pipeline, id: str) -> str:
    return Videos(pipeline.results.database).get(id).owner or ""


def test_an_upload_whose_video_was_deleted(client: FlaskClient) -> None:
    id = upload(client, DATA)
    id_of(client.post(VIDEOS, json={"upload": id}))
    client.post(f"/videos/{id}/delete")
    assert client.post(VIDEOS, json={"upload": id}).status_code == 404


def test_an_upload_that_is_not_complete(client: FlaskClient) -> None:
    id = upload(client, DATA[:-1])
    refused = client.post(VIDEOS, json={"upload": id})
    assert (refused.status_code, refused.json and refused.json["title"]) == (
        409,
        "The upload is not complete",
    )


def test_another_visitors_upload(client: FlaskClient, app: Flask) -> None:
    id = upload(client, DATA)
    assert app.test_client().post(VIDEOS, json={"upload": id}).status_code == 404


def test_a_video_of_a_program_is_its_visitors(client: FlaskClient, app: Flask) -> None:
    key = bearer(make_key(client))
    program = app.test_client()
    id = id_of(raw(program, headers=key))
    other = upload(program, DATA, **key)
    id_of(program.post(VIDEOS, json={"upload": other}, headers=key))
    page = client.get("/videos").text
    assert f"/videos/{id}" in page
    assert f"/videos/{other}" in page


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"upload": None}, 400),
        ({"upload": "an-id", "address": "s3://bucket/key"}, 400),
        ({"upload": 7}, 400),
        ({"upload": "\0"}, 404),
        ({"address": "s3://bucket/key"}, 401),
    ],
)
def test_a_source_that_is_none(client: FlaskClient, body: Any, status: int) -> None:
    assert client.post(VIDEOS, json=body).status_code == status


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param({"data": b"", "content_type": "video/mp4"}, 400, id="nothing"),
        pytest.param(form(b"", "a.mp4", "video"), 400, id="an empty file"),
        pytest.param({"data": {"right": "yes"}}, 400, id="a form without files"),
        pytest.param(form(DATA, "a.mp4", "picture"), 400, id="another field"),
        pytest.param({"data": bytes(1_000_001), "content_type": "video/mp4"}, 413, id="much"),
        pytest.param(form(bytes(1_100_000), "a.mp4", "video"), 413, id="a large form"),
        pytest.param(form(bytes(1_000_001), "a.mp4", "video"), 413, id="a little too large"),
    ],
)
def test_what_cannot_be_taken_leaves_nothing(
    settings: Settings, pipeline: Pipeline, options: Any, status: int, no_temporary_files: None
) -> None:
    app = create_app(settings.model_copy(update={"video_bytes": 1_000_000}), pipeline=pipeline)
    refused = app.test_client().post(VIDEOS, **options)
    assert refused.status_code == status, refused.text
    assert not (settings.uploads / "videos").exists()


def test_a_body_without_a_length_ends_at_the_limit(
    settings: Settings, pipeline: Pipeline, no_temporary_files: None
) -> None:
    app = create_app(settings.model_copy(update={"video_bytes": 1_000_000}), pipeline=pipeline)
    options = {"input_stream": BytesIO(bytes(2_000_000)), "content_type": "video/mp4"}
    refused = app.test_client().post(
        VIDEOS, environ_overrides={"wsgi.input_terminated": True}, **options
    )
    assert (refused.status_code, refused.json and refused.json["title"]) == (
        413,
        "This video is too large",
    )


def test_as_many_as_the_site_allows(settings: Settings, pipeline: Pipeline) -> None:
    app = create_app(settings.model_copy(update={"video_owner_waiting": 2}), pipeline=pipeline)
    client = app.test_client()
    id_of(raw(client))
    upload(client, DATA)
    assert raw(client).status_code == 429


def test_the_question_is_checked(client: FlaskClient) -> None:
    assert client.post(f"{VIDEOS}?question=none", data=DATA).status_code == 400


# ---- an operator's object


@pytest.fixture
def operator(
    aws_settings: Settings, s3: Any, eyes: Any, composed: Callable[[Settings], Pipeline]
) -> FlaskClient:
    app = create_app(aws_settings, pipeline=composed(aws_settings))
    client = app.test_client()
    client.get("/")
    sign_in(client)
    return client


def test_an_operators_object(operator: FlaskClient, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="incoming/löwe 1.mp4", Body=DATA)
    received = operator.post(VIDEOS, json={"address": f"s3://{BUCKET}/incoming/löwe 1.mp4"})
    pipeline: Pipeline = operator.application.extensions["pipeline"]
    video = Videos(pipeline.results.database).get(id_of(received))
    assert video.original_key == f"s3://{BUCKET}/incoming/löwe 1.mp4"
    assert (video.bytes, video.stored_bytes) == (len(DATA), 0)
    assert "video.receive" in operator.get("/account/audit").text


def test_addresses_that_are_refused(operator: FlaskClient, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="uploads/a.jpg", Body=DATA)
    refused = {
        f"s3://{BUCKET}/incoming/missing.mp4": "There is no such object.",
        f"s3://{BUCKET}/uploads/a.jpg": "What the site itself has stored",
        f"s3://{BUCKET}/videos/an-id/original": "What the site itself has stored",
        "s3://no-such-bucket-of-anybody/a.mp4": "There is no such object.",
        "https://example.com/a.mp4": "The address must look like",
        f"s3://{BUCKET}": "The address must look like",
    }
    for address, why in refused.items():
        answer = operator.post(VIDEOS, json={"address": address})
        assert answer.status_code == 422
        assert answer.json is not None
        assert answer.json["detail"].startswith(why)


def test_a_bucket_elsewhere_is_refused(operator: FlaskClient) -> None:
    other = boto3.client("s3", region_name="eu-west-1")
    elsewhere: Any = {"LocationConstraint": "eu-west-1"}
    other.create_bucket(Bucket="ducks-elsewhere", CreateBucketConfiguration=elsewhere)
    try:
        other.put_object(Bucket="ducks-elsewhere", Key="a.mp4", Body=DATA)
        answer = operator.post(VIDEOS, json={"address": "s3://ducks-elsewhere/a.mp4"})
        assert answer.json is not None
        assert (
            "lies in eu-west-1. This site reads only those in eu-central-1" in answer.json["detail"]
        )
    finally:
        other.delete_object(Bucket="ducks-elsewhere", Key="a.mp4")
        other.delete_bucket(Bucket="ducks-elsewhere")


def test_a_labeller_names_no_objects(operator: FlaskClient) -> None:
    sign_in(operator, "Bert", "labeller")
    answer = operator.post(VIDEOS, json={"address": f"s3://{BUCKET}/a.mp4"})
    assert answer.status_code == 403


def test_a_site_with_a_folder_reads_no_buckets(client: FlaskClient, tmp_path: Path) -> None:
    client.get("/")
    sign_in(client)
    answer = client.post(VIDEOS, json={"address": "s3://bucket/a.mp4"})
    assert (answer.status_code, answer.json and answer.json["type"]) == (
        422,
        "/api#address-refused",
    )
