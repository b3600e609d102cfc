"""Faces as JSON: with consent, kept only if asked, and then for their owner alone."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.fake_faces import FakeFaces, two_faces
from tests.support.pictures import corners, encoded
from tests.support.visitor import bearer, make_key

PICTURE = encoded(corners(640, 480))


@pytest.fixture
def app(settings: Settings, pipeline: Pipeline) -> Flask:
    finders = FakeFaces(*two_faces()).finders
    return create_app(settings, pipeline=replace(pipeline, open_faces=finders))


def send(client: FlaskClient, path: str = "/faces", **fields: str) -> TestResponse:
    data: dict[str, Any] = {"picture": (BytesIO(PICTURE), "us.jpg"), **fields}
    return client.post(f"/api/v1{path}", data=data)


@pytest.mark.parametrize("path", ["/faces", "/faces/frames"])
def test_faces_are_data_and_nothing_is_kept(client: FlaskClient, path: str) -> None:
    answer = send(client, path, consent="yes")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    body = answer.get_json()
    assert (body["width"], body["height"], body["result"]) == (640, 480, None)
    first, second = body["faces"]
    assert first["smile"] == {"is_smiling": True, "confidence": 97.0}
    assert first["emotions"][0] == {"name": "HAPPY", "confidence": 90.0}
    assert first["ages"] == {"low": 25, "high": 33}
    assert second["gender"] is None
    assert client.get("/api/v1/results").get_json()["results"] == []


@pytest.mark.parametrize("path", ["/faces", "/faces/frames"])
@pytest.mark.parametrize("fields", [{}, {"consent": "true"}, {"keep": "yes"}])
def test_without_consent_it_is_a_problem(
    client: FlaskClient, path: str, fields: dict[str, str]
) -> None:
    answer = send(client, path, **fields)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.get_json()["type"].endswith("#consent-missing")


def test_a_body_that_is_no_form_has_no_consent(client: FlaskClient) -> None:
    answer = client.post("/api/v1/faces", data=PICTURE, content_type="image/jpeg")
    assert answer.get_json()["type"].endswith("#consent-missing")


def test_what_is_kept_is_read_and_deleted_by_its_owner_alone(
    app: Flask, client: FlaskClient
) -> None:
    client.get("/")
    answer = send(client, consent="yes", keep="yes")
    assert answer.status_code == 201
    kept, result = answer.headers["Location"], answer.get_json()["result"]
    assert client.get(kept).get_json() == answer.get_json()
    other = app.test_client()
    assert other.get(kept).status_code == other.delete(kept).status_code == 404
    assert "faces" not in client.get(result).get_json()
    key = bearer(make_key(client))
    assert other.get(kept, headers=key).status_code == 200
    assert client.delete(kept).status_code == 204
    assert client.get(kept).status_code == 404
    assert client.get(result).status_code == 200


def test_where_faces_are_off_there_is_no_such_address(
    settings: Settings, pipeline: Pipeline
) -> None:
    client = create_app(settings, pipeline=pipeline).test_client()
    answer = send(client, consent="yes")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert client.get(f"/api/v1/pictures/{'x' * 22}/faces").status_code == 404
