"""The game "Faces" as a visitor meets it: told first, asked first, nothing kept unless asked."""

import json
import logging
import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.db.personal_rows import owner_of, rows_of
from rubberduck.db.tables import metadata
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from tests.support.fake_faces import WOMAN, FakeFaces, two_faces
from tests.support.pictures import corners, encoded
from tests.support.visitor import visible_text

PICTURE = encoded(corners(640, 480))


@pytest.fixture
def finder() -> FakeFaces:
    return FakeFaces(*two_faces())


@pytest.fixture
def app(settings: Settings, pipeline: Pipeline, finder: FakeFaces) -> Flask:
    """A site whose operator switched the game on."""
    return create_app(settings, pipeline=replace(pipeline, open_faces=finder.finders))


def send(client: FlaskClient, **fields: str) -> TestResponse:
    data: dict[str, Any] = {"picture": (BytesIO(PICTURE), "us.jpg"), **fields}
    return client.post("/faces", data=data)


def keep(client: FlaskClient) -> str:
    """Keep the faces with a result; return its address."""
    answer = send(client, consent="yes", keep="yes")
    assert answer.status_code == 303
    address, anchor = answer.location.split("#")
    assert anchor == "faces"
    return address


def everything_stored(pipeline: Pipeline, uploads: Path) -> tuple[int, list[str]]:
    """Return the number of rows in all tables that say something of somebody, and the files."""
    with pipeline.results.database.transaction() as connection:
        counts = [
            connection.scalar(select(func.count()).select_from(metadata.tables[name])) or 0
            for name in ("duck_results", "face_answers", "idempotency_keys", "daily_counts")
        ]
    return sum(counts), sorted(str(path) for path in uploads.rglob("*") if path.is_file())


def test_a_site_offers_no_faces_unless_its_operator_switched_them_on(
    settings: Settings, pipeline: Pipeline
) -> None:
    client = create_app(settings, pipeline=pipeline).test_client()
    assert "/faces" not in client.get("/").text
    for answer in (client.get("/faces"), send(client, consent="yes")):
        assert answer.status_code == 404
        assert "Page not found" in answer.text


def test_the_first_page_leads_to_the_game_and_the_game_tells_before_it_asks(
    client: FlaskClient, finder: FakeFaces
) -> None:
    assert 'href="/faces"' in client.get("/").text
    page = client.get("/faces")
    told = visible_text(page.text)
    for words in ("often wrong", "Nobody is identified", "analysed by this server", "Nothing is"):
        assert words in told.partition("Choose a picture with faces")[0]
    assert re.search(r'<input type="checkbox" id="consent"[^>]* required>', page.text)
    assert "female" not in told
    assert finder.calls == 0


def test_without_consent_no_face_is_looked_at(client: FlaskClient, finder: FakeFaces) -> None:
    for fields in ({}, {"consent": ""}, {"consent": "no", "keep": "yes"}):
        answer = send(client, **fields)
        assert answer.status_code == 400
        assert "We need your consent first" in answer.text
        assert "tick the box" in answer.text
    assert finder.calls == 0


def test_a_form_without_a_picture_says_so(client: FlaskClient) -> None:
    answer = client.post("/faces", data={"consent": "yes", "picture": (BytesIO(b""), "")})
    assert answer.status_code == 400
    assert "No picture received" in answer.text


def test_the_answer_is_a_page_of_which_nothing_is_kept(
    client: FlaskClient,
    pipeline: Pipeline,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    no_temporary_files: None,
) -> None:
    caplog.set_level(logging.DEBUG)
    before = everything_stored(pipeline, settings.uploads)
    answer = send(client, consent="yes")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    said = visible_text(answer.text)
    assert "2 faces were found. Smiling: 1." in said
    assert "Face 1 looks happy Smile yes (97%) Looks aged 25–33 happy 90%" in said
    assert "Face 2 looks calm Smile no (97%)" in said
    assert "A game: this is what the faces look like to a machine" in said
    assert "Nothing of this is kept" in said
    assert everything_stored(pipeline, settings.uploads) == before
    assert not re.search("HAPPY|happy|smil", caplog.text, re.IGNORECASE)


def test_the_page_itself_holds_the_marked_picture(client: FlaskClient) -> None:
    """No address leads to it, so its policy alone allows pictures inside the page."""
    answer = send(client, consent="yes")
    [held] = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', answer.text)
    with Image.open(BytesIO(b64decode(held))) as image:
        assert image.size == (640, 480)
        assert not image.getexif()
    policy = answer.headers["Content-Security-Policy"]
    assert "img-src 'self' blob: data:;" in policy
    assert policy.replace(" data:", "") == client.get("/").headers["Content-Security-Policy"]


def test_the_answer_is_there_as_json(client: FlaskClient) -> None:
    page = send(client, consent="yes").text
    [shown] = re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.S)
    body = json.loads(shown.replace("&#34;", '"'))
    assert [face["emotions"][0]["name"] for face in body["faces"]] == ["HAPPY", "CALM"]
    assert (body["width"], body["height"], body["result"]) == (640, 480, None)


def test_no_face_is_a_sentence(client: FlaskClient, finder: FakeFaces) -> None:
    finder.answer = ()
    said = visible_text(send(client, consent="yes").text)
    assert "No face was found in this picture." in said
    assert "Face 1" not in said
    assert "What they look like" not in said


def test_gender_is_said_where_it_was_asked(client: FlaskClient, finder: FakeFaces) -> None:
    finder.answer = (replace(two_faces()[0], gender=WOMAN),)
    assert "Looks female (98%)" in visible_text(send(client, consent="yes").text)


def test_a_kept_answer_is_with_the_result_for_its_owner_only(
    app: Flask, client: FlaskClient
) -> None:
    address = keep(client)
    page = client.get(address)
    said = visible_text(page.text)
    assert "2 faces were found. Smiling: 1." in said
    assert "Only you see this part of the page." in said
    picture = client.get(f"{address}/faces.jpg")
    assert picture.mimetype == "image/jpeg"
    assert picture.headers["Cache-Control"] == "private, no-store"
    others = app.test_client()
    assert "Face 1" not in others.get(address).text
    assert others.get(f"{address}/faces.jpg").status_code == 404
    assert "HAPPY" not in client.get(f"{address}.json").text


def test_the_owner_takes_back_what_is_kept_of_the_faces(app: Flask, client: FlaskClient) -> None:
    address = keep(client)
    assert app.test_client().post(f"{address}/faces/delete").status_code == 404
    assert "Face 1" in client.get(address).text
    page = client.post(f"{address}/faces/delete", follow_redirects=True)
    assert "Deleted: what was kept of the faces." in page.text
    assert "Face 1" not in page.text
    assert client.get(f"{address}/faces.jpg").status_code == 404
    assert client.get(address).status_code == 200


def test_what_is_kept_is_deleted_with_the_result(
    client: FlaskClient, pipeline: Pipeline, settings: Settings
) -> None:
    address = keep(client)
    client.post(f"{address}/delete")
    with pipeline.results.database.transaction() as connection:
        count = select(func.count()).select_from(metadata.tables["face_answers"])
        assert connection.scalar(count) == 0
    assert client.get(f"{address}/faces.jpg").status_code == 404


def test_what_is_kept_is_deleted_by_the_sweep(client: FlaskClient, pipeline: Pipeline) -> None:
    address = keep(client)
    pipeline.results.keep = pipeline.results.keep * 0
    Sweeper(pipeline.open_results, pipeline.storage).sweep()
    assert client.get(address).status_code == 404
    with pipeline.results.database.transaction() as connection:
        count = select(func.count()).select_from(metadata.tables["face_answers"])
        assert connection.scalar(count) == 0


def test_a_result_without_kept_faces_has_no_such_part(client: FlaskClient) -> None:
    data = {"picture": (BytesIO(PICTURE), "us.jpg")}
    address = client.post("/", data=data).location
    assert 'id="faces"' not in client.get(address).text
    assert client.get(f"{address}/faces.jpg").status_code == 404


def test_other_sites_and_old_pages_cannot_send_a_picture(client: FlaskClient) -> None:
    elsewhere = {"Origin": "https://other.example"}
    data: dict[str, Any] = {"picture": (BytesIO(PICTURE), "us.jpg"), "consent": "yes"}
    assert client.post("/faces", data=data, headers=elsewhere).status_code == 403
    data["picture"] = (BytesIO(PICTURE), "us.jpg")
    assert client.open("/faces", method="POST", data=data).status_code == 403


def test_the_limit_of_uploads_holds_for_faces(
    settings: Settings, pipeline: Pipeline, finder: FakeFaces
) -> None:
    limited = settings.model_copy(update={"uploads_a_minute": 1})
    app = create_app(limited, pipeline=replace(pipeline, open_faces=finder.finders))
    client = app.test_client()
    assert [send(client, consent="yes").status_code for _ in range(2)] == [200, 429]


def test_a_visitors_export_has_what_was_kept(client: FlaskClient, pipeline: Pipeline) -> None:
    id = keep(client).rpartition("/")[2]
    database = pipeline.results.database
    tables = dict(rows_of(database, owner_of(database, id)))
    assert tables["face_answers"]["result_id"] == id
    assert tables["face_answers"]["faces"][0]["emotions"][0]["name"] == "HAPPY"
