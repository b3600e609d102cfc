"""Faces where Amazon answers: within the budget, and this server where Amazon does not."""

from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from rubberduck.services.pipeline import Pipeline
from tests.support.custom_labels import FakeCustomLabels
from tests.support.custom_labels.faces import face_detail
from tests.support.pictures import encoded
from tests.support.visitor import Visit, visible_text

EMPTY = encoded(Image.new("RGB", (320, 240), (90, 140, 90)))  # on this server, no face is in it
FALLBACK = "No face was found in this picture."


@pytest.fixture
def seen(custom_labels: FakeCustomLabels, monkeypatch: pytest.MonkeyPatch) -> FakeCustomLabels:
    """Amazon sees two faces in every picture."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    custom_labels.faces.seen = [face_detail(0.1), face_detail(0.5, 0.1, emotion="SAD")]
    return custom_labels


def send(client: FlaskClient) -> TestResponse:
    data: dict[str, Any] = {"picture": (BytesIO(EMPTY), "us.jpg"), "consent": "yes"}
    return client.post("/faces", data=data)


def pipeline_of(client: FlaskClient) -> Pipeline:
    pipeline: Pipeline = client.application.extensions["pipeline"]
    return pipeline


def test_amazon_answers_and_the_page_says_so_before(visit: Visit, seen: FakeCustomLabels) -> None:
    client = visit(faces="on")
    told = visible_text(client.get("/faces").text)
    assert "analysed by Amazon Rekognition, to which your picture is sent" in told
    said = visible_text(send(client).text)
    assert "2 faces were found. Smiling: 1." in said
    assert "Face 2 looks sad" in said
    assert "Found by Amazon Rekognition. Nobody was identified." in said
    assert seen.faces.billed == 1
    assert "IndexFaces" not in seen.calls


def test_the_calls_count_in_the_budget_and_then_this_server_answers(
    visit: Visit, seen: FakeCustomLabels
) -> None:
    client = visit(faces="on", daily_calls=1, monthly_calls=5)
    assert "Found by Amazon Rekognition" in visible_text(send(client).text)
    said = visible_text(send(client).text)
    assert "The budget for Amazon Rekognition is used up, so this server looked instead." in said
    assert FALLBACK in said
    assert "Found by this server." in said
    assert seen.faces.billed == 1


def test_what_amazon_refuses_is_given_back_to_the_budget(
    visit: Visit, seen: FakeCustomLabels
) -> None:
    client = visit(faces="on", daily_calls=1, monthly_calls=5)
    seen.faults.order("DetectFaces", "ThrottlingException", times=3)
    said = visible_text(send(client).text)
    assert "Amazon Rekognition was unavailable, so this server looked instead." in said
    assert "Found by Amazon Rekognition" in visible_text(send(client).text)


def test_an_outage_opens_the_circuit(visit: Visit, seen: FakeCustomLabels) -> None:
    client = visit(faces="on", daily_calls=100, monthly_calls=100)
    seen.faults.order("DetectFaces", "InternalServerError", times=100)
    for _ in range(6):
        assert FALLBACK in visible_text(send(client).text)
    asked = seen.calls["DetectFaces"]
    assert FALLBACK in visible_text(send(client).text)
    assert seen.calls["DetectFaces"] == asked


def test_gender_is_asked_for_where_the_operator_wants_all(
    visit: Visit, seen: FakeCustomLabels
) -> None:
    assert "Looks female" not in visible_text(send(visit(faces="on")).text)
    assert "Looks female (98%)" in visible_text(send(visit(faces="all")).text)
