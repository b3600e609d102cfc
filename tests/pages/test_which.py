"""Which duck is it: an operator names ducks by photos, and a visitor asks."""

import re
from http import HTTPStatus
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from rubberduck.db.results import Results
from rubberduck.db.tables import duck_results
from rubberduck.services.known_objects import KnownObjects
from rubberduck.services.pipeline import Pipeline
from tests.support.ducks import gradient
from tests.support.named_ducks import QUACKERS, STRANGER, asked, enrolled
from tests.support.operators import sign_in
from tests.support.pictures import block_pattern, encoded, form


def photos(files: list[tuple[str, bytes]], **fields: str) -> dict[str, Any]:
    """What a browser's form with several files sends."""
    sent: dict[str, Any] = dict(fields)
    sent["picture"] = [(BytesIO(data), name) for name, data in files]
    return {"data": sent, "content_type": "multipart/form-data"}


def named(client: FlaskClient, duck: int = QUACKERS, name: str = "Quackers") -> str:
    """Name a duck, and return the address of its page."""
    response = client.post("/which/objects/", **photos(enrolled(duck), name=name))
    assert response.status_code == HTTPStatus.SEE_OTHER
    return response.headers["Location"]


def test_the_first_page_offers_it_once_a_duck_has_a_name(client: FlaskClient) -> None:
    known: KnownObjects = client.application.extensions["known_objects"]
    known._read_at = float("inf")
    assert "Which duck is it?" not in client.get("/").text
    page = client.get("/which/").text
    assert "This site knows no duck by its name yet." in page
    assert client.post("/which/", **form(encoded(gradient()))).status_code == HTTPStatus.CONFLICT
    sign_in(client)
    assert 'href="/which/objects/"' in client.get("/account/").text
    named(client)
    known._is_reading.acquire()
    known._read()
    assert "Which duck is it?" in client.get("/").text


def test_a_duck_is_named_and_asked_for(client: FlaskClient, results: Results) -> None:
    sign_in(client)
    other_client = client.application.test_client()
    page = client.get(named(client)).text
    assert "Photos added: 5." in page
    assert len(re.findall("/which/photos/", page)) == 5
    asking = other_client.post("/which/", **form(asked(QUACKERS)))
    assert asking.status_code == HTTPStatus.OK
    assert '<h2 id="answer">Quackers</h2>' in asking.text
    assert "data:image/jpeg;base64," in asking.text
    assert asking.headers["Cache-Control"] == "private, no-store"
    shown = re.search(r'src="(/which/photos/[\w-]+\.jpg)"', asking.text)
    assert shown
    assert other_client.get(shown[1]).data.startswith(b"\xff\xd8")
    stranger = other_client.post("/which/", **form(asked(STRANGER))).text
    assert "None of the ducks I know" in stranger
    assert "The most similar one: Quackers" in stranger
    with results.database.transaction() as connection:  # nothing of what was asked is kept
        assert connection.scalar(select(func.count()).select_from(duck_results)) == 0


def test_each_photo_that_was_not_taken_is_listed_with_the_reason(client: FlaskClient) -> None:
    sign_in(client)
    (_, photo), *_ = enrolled(QUACKERS, 1)
    sent = [("one.jpg", photo), ("two.jpg", photo), ("empty.png", encoded(gradient(), "PNG"))]
    response = client.post("/which/objects/", **photos(sent, name="Quackers"))
    assert response.status_code == HTTPStatus.OK
    assert "<strong>two.jpg</strong>: It is a photo of “Quackers” already." in response.text
    assert "<strong>empty.png</strong>: No duck was found in it. Take it nearer" in response.text
    assert "Photos added: 1." in response.text
    address = re.search(r'action="(/which/objects/[\w-]+)/photos"', response.text)
    assert address
    again = client.post(f"{address[1]}/photos", **photos(sent[2:], whole="1"))
    assert again.status_code == HTTPStatus.SEE_OTHER
    assert "the whole photo counts" in client.get(address[1]).text


def test_it_is_renamed_and_deleted_photo_by_photo_or_at_once(client: FlaskClient) -> None:
    sign_in(client)
    sent = [(f"{number}.jpg", encoded(block_pattern(number))) for number in range(3)]
    response = client.post("/which/objects/", **photos(sent, name="Quackers", whole="1"))
    page = response.headers["Location"]
    client.post(f"{page}/name", data={"name": "Sir Quackers"})
    shown = client.get(page).text
    assert "<h1>Sir Quackers</h1>" in shown
    photo = re.search(r"/which/photos/([\w-]+)\.jpg", shown)
    assert photo
    client.post(f"{page}/photos/{photo[1]}/delete")
    assert client.get(photo[0]).status_code == HTTPStatus.NOT_FOUND
    other = client.post("/which/objects/", **photos(sent[:1], name="Violet", whole="1"))
    foreign = re.search(r"/which/photos/([\w-]+)\.jpg", client.get(page).text)
    assert foreign
    wrong = client.post(f"{other.headers['Location']}/photos/{foreign[1]}/delete")
    assert wrong.status_code == HTTPStatus.NOT_FOUND
    client.post(f"{page}/delete")
    assert client.get(page).status_code == HTTPStatus.NOT_FOUND
    client.post("/which/objects/delete")
    assert "There are none yet." in client.get("/which/objects/").text
    pipeline: Pipeline = client.application.extensions["pipeline"]
    assert not [p for p in pipeline.storage.folder.rglob("*") if p.is_file()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", ["/which/objects/", "/which/objects/nobody"])
def test_only_operators_manage(client: FlaskClient, address: str) -> None:
    assert "/sign-in" in client.get(address).headers["Location"]
    refused = client.post("/which/objects/", **photos([("a.jpg", b"x")], name="Quackers"))
    assert "/sign-in" in refused.headers["Location"]
    sign_in(client, "Grace", "labeller")
    assert client.get(address).status_code == HTTPStatus.FORBIDDEN


def test_a_name_or_a_file_that_cannot_be_used_is_said(client: FlaskClient) -> None:
    sign_in(client)
    sent = [("a.jpg", encoded(gradient()))]
    unnamed = client.post("/which/objects/", **photos(sent, name=" "))
    assert unnamed.status_code == HTTPStatus.BAD_REQUEST
    empty = client.post("/which/objects/", **photos([], name="Quackers"))
    assert empty.status_code == HTTPStatus.BAD_REQUEST
    many = client.post("/which/objects/", **photos(sent * 21, name="Quackers"))
    assert "Send 20 photos at most at once." in many.text
    assert "There are none yet." in client.get("/which/objects/").text
    assert client.get("/which/photos/nothing.jpg").status_code == HTTPStatus.NOT_FOUND
