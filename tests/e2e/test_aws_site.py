"""The same page with DUCK_BUCKET set: S3 and Amazon Rekognition, over the wire."""

import json
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3
import pytest
from flask.testing import FlaskClient

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from tests.support.aws import BUCKET
from tests.support.pictures import encoded, form
from tests.support.recordings import recorded_labels
from tests.support.rekognition_endpoint import HANG_UP, RekognitionEndpoint
from tests.support.server import amazon, serving
from tests.support.visitor import post_and_open, post_picture, visible_text


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_a_duck_goes_through_s3_and_rekognition(aws_client: FlaskClient, s3: Any) -> None:
    page = post_and_open(aws_client, encoded())
    assert "Rubber duck detected! :))" in page
    assert (
        "89% confidence, the average of these: Bird 82% Inflatable 96% 35% needed"
        in visible_text(page)
    )
    assert "Detector: Amazon Rekognition. Storage: a private Amazon S3 bucket." in page
    assert [key.split("/")[0] for key in keys(s3)] == ["marked", "uploads"]
    # The picture comes from the bucket, by a link that is signed when it is followed.
    picture = re.findall(r'<img src="(/result/[^"]+)"', page)[0]
    link = aws_client.get(picture).location
    assert "X-Amz-Signature=" in link
    assert f"{BUCKET}/uploads/" in link


def test_no_duck(aws_client: FlaskClient, eyes: RekognitionEndpoint, s3: Any) -> None:
    eyes.detector.answer = recorded_labels("detect_labels_five_dogs")
    page = post_and_open(aws_client, encoded())
    assert "No rubber duck detected :(" in page
    assert [key.split("/")[0] for key in keys(s3)] == ["uploads"]


def test_who_asks_for_the_picture_is_sent_to_the_bucket(aws_client: FlaskClient) -> None:
    where = post_picture(aws_client, encoded()).location
    answer = aws_client.get(f"{where}/picture.jpg")
    assert answer.status_code == 302
    assert "X-Amz-Signature=" in answer.location


def test_reloading_asks_amazon_nothing(aws_client: FlaskClient, eyes: RekognitionEndpoint) -> None:
    where = post_picture(aws_client, encoded()).location
    for _ in range(3):
        aws_client.get(where)
        aws_client.get(f"/api/v1/results/{where.split('/')[-1]}")
    assert len(eyes.requests) == 1


def test_clients_are_made_once(aws_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def another(*_: object, **__: object) -> None:
        raise AssertionError("a client was made for a request")

    monkeypatch.setattr(boto3, "client", another)
    monkeypatch.setattr(boto3.Session, "client", another)
    post_and_open(aws_client, encoded())


@pytest.mark.parametrize(
    "fault", ["ThrottlingException", "InternalServerError", "AccessDeniedException", HANG_UP]
)
def test_when_rekognition_cannot_answer_the_embedded_detector_does(
    aws_client: FlaskClient,
    eyes: RekognitionEndpoint,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    eyes.always = fault
    with caplog.at_level(logging.WARNING):
        page = visible_text(post_and_open(aws_client, encoded()))
    message = "Amazon Rekognition was unavailable, so the embedded detector answered instead."
    assert message in page
    assert "No rubber duck detected :(" in page  # four coloured squares are no duck
    assert "fallback engine=Amazon Rekognition" in caplog.text
    cause = "Connection was closed" if fault == HANG_UP else fault
    assert cause in caplog.text
    assert ("allow rekognition:DetectLabels" in caplog.text) is (fault == "AccessDeniedException")


def test_the_json_says_who_stood_in(aws_client: FlaskClient, eyes: RekognitionEndpoint) -> None:
    eyes.always = "ThrottlingException"
    body = aws_client.post("/api/v1/pictures", **form(encoded())).json
    assert body is not None
    assert (body["engine"], body["instead_of"]) == ("embedded detector", "Amazon Rekognition")


@pytest.fixture
def homeless(aws_settings: Settings, eyes: RekognitionEndpoint, results: Results) -> Iterator[Any]:
    """The site, with a bucket that does not exist."""
    settings = aws_settings.model_copy(update={"bucket": "ducks-that-never-were"})
    pipeline = build_pipeline(settings)
    yield create_app(settings, pipeline=pipeline).test_client()
    pipeline.results.close()


def test_a_missing_bucket_is_a_503_and_the_log_says_what_to_do(
    homeless: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post_picture(homeless, encoded())
    assert answer.status_code == 503
    assert "Picture storage is unavailable." in answer.text
    assert "ducks-that-never-were" not in answer.text
    assert homeless.get("/readyz").json == {
        "ready": False,
        "database": "ok",
        "storage": "not ready",
        "detector": "ok",
    }
    assert "bucket ducks-that-never-were: 404: the bucket does not exist: create it" in caplog.text


def test_the_policy_lets_the_buckets_pictures_and_videos_in(aws_client: FlaskClient) -> None:
    answer = post_picture(aws_client, encoded())
    page = aws_client.get(answer.location)
    picture = re.search(r'<img src="(/result/[^"]+)"', page.text)
    assert picture
    link = urlsplit(aws_client.get(picture[1]).location)
    origin = f"{link.scheme}://{link.netloc}"
    for directive in ("img-src", "media-src"):
        allowed = f"{directive} 'self' blob: {origin};"
        assert allowed in page.headers["Content-Security-Policy"]


def test_samples_and_camera_ask_amazon_nothing(
    aws_client: FlaskClient, eyes: RekognitionEndpoint, s3: Any
) -> None:
    assert "Rubber duck detected!" in aws_client.get("/sample/easy").text
    frame = aws_client.post("/api/v1/frames", **form(encoded()))
    assert frame.json
    assert frame.json["engine"] == "embedded detector"
    assert eyes.requests == []
    assert keys(s3) == []


def test_the_marked_picture_is_saved_under_its_name(aws_client: FlaskClient) -> None:
    where = post_picture(aws_client, encoded()).location
    link = aws_client.get(f"{where}/marked.jpg?download").location
    with urlopen(link) as saved:
        assert saved.headers["Content-Disposition"].startswith(
            'attachment; filename="rubber-duck-detected-'
        )
        assert saved.headers["Cache-Control"] == "private, no-cache"


def test_deleted_is_gone_from_the_bucket(aws_client: FlaskClient, s3: Any) -> None:
    where = post_picture(aws_client, encoded()).location
    assert len(keys(s3)) == 2
    assert aws_client.post(f"{where}/delete").status_code == 303
    assert keys(s3) == []


def test_the_same_picture_is_paid_for_once(
    aws_client: FlaskClient, eyes: RekognitionEndpoint
) -> None:
    for _ in range(3):
        post_picture(aws_client, encoded())
    assert len(eyes.requests) == 1


def test_twenty_identical_posts_at_once_are_one_call_and_one_result(
    database_url: str, s3: Any, eyes: RekognitionEndpoint, tmp_path: Path
) -> None:
    eyes.delay = 1.0
    more = {"DUCK_DATABASE_URL": database_url, "DUCK_BUCKET": BUCKET, **amazon()}
    with serving(tmp_path, **more) as site:
        with urlopen(site.url) as first:
            cookie = first.headers["Set-Cookie"].split(";")[0]
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: site.post(encoded(), Cookie=cookie), range(20)))
    # 202 for those that come while the first is in work: the same address, ready in a moment.
    assert {status for status, _ in answers} <= {201, 202}
    assert 201 in {status for status, _ in answers}
    assert len({json.loads(body)["id"] for _, body in answers}) == 1
    assert len(eyes.requests) == 1
    assert len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 2  # the picture, and its boxes
