"""The developer's story: JSON in, JSON out."""

import re
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rubberduck.model import Label
from tests.conftest import FakeDetector
from tests.pictures import encoded, form


def post(client: FlaskClient, data: bytes) -> TestResponse:
    return client.post("/api/v1/pictures", **form(data))


def posted(client: FlaskClient) -> dict[str, Any]:
    return cast(dict[str, Any], post(client, encoded()).json)


def test_a_picture_becomes_a_result(client: FlaskClient) -> None:
    answer = post(client, encoded())
    body = answer.json
    assert answer.status_code == 201
    assert body is not None
    assert answer.headers["Location"] == f"/api/v1/results/{body['id']}"
    assert (body["duck"], body["score"], body["engine"]) == (True, 94.0, "fake detector")
    assert body["boxes"][0] == {
        "left": 0.25,
        "top": 0.2,
        "width": 0.5,
        "height": 0.6,
        "label": "Duck",
        "confidence": 98.0,
    }
    assert [label["name"] for label in body["labels"]] == ["Duck", "Bird", "Toy"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["created_at"])


def test_the_result_can_be_read_again(client: FlaskClient, detector: FakeDetector) -> None:
    body = posted(client)
    assert client.get(body["links"]["self"]).json == body
    assert detector.calls == 1


def test_every_link_leads_somewhere(client: FlaskClient) -> None:
    links = posted(client)["links"]
    assert set(links) == {"self", "page", "picture", "marked"}
    assert {client.get(link).status_code for link in links.values()} == {200}


def test_a_no(client: FlaskClient, detector: FakeDetector) -> None:
    detector.answer = [Label("Bird", 99.0)]
    body = posted(client)
    assert (body["duck"], body["score"], body["boxes"]) == (False, None, [])
    assert (body["because"], body["missing"]) == (["Bird"], ["a toy"])
    assert body["links"]["marked"] is None


def problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert set(answer.json) == {"type", "title", "status", "detail", "instance", "request_id"}
    assert answer.json["status"] == answer.status_code
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    return cast(dict[str, Any], answer.json)


def test_problems_are_told_as_json(client: FlaskClient) -> None:
    assert problem(post(client, b"quack"))["title"] == "That is not a picture we can read"
    assert problem(client.post("/api/v1/pictures"))["status"] == 400
    assert problem(client.get("/api/v1/results/nobody"))["status"] == 404
    assert problem(client.get("/api/v1/nowhere"))["status"] == 404
    assert problem(post(client, bytes(16_000_000)))["status"] == 413


def test_wrong_methods_are_told_what_is_allowed(client: FlaskClient) -> None:
    answer = client.get("/api/v1/pictures")
    assert problem(answer)["status"] == 405
    assert "POST" in answer.headers["Allow"]


def test_a_mistake_of_ours_is_json_too(app: Flask) -> None:
    def mistake() -> str:
        raise ZeroDivisionError("our secret")

    app.add_url_rule("/api/v1/mistake", view_func=mistake)
    body = problem(app.test_client().get("/api/v1/mistake"))
    assert body["status"] == 500
    assert "our secret" not in body["detail"]
