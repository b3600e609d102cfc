"""The API of corrections: stored, read, replaced and withdrawn by the owner of a result only."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pictures import encoded, form

BOX = {"left": 0.25, "top": 0.5, "width": 0.125, "height": 0.25, "label": "Rubber duck"}


@pytest.fixture
def url(client: FlaskClient) -> str:
    created = client.post("/api/v1/pictures", **form(encoded())).json
    assert created
    return f"{created['links']['self']}/corrections"


def test_a_correction_is_stored_replaced_and_withdrawn(client: FlaskClient, url: str) -> None:
    assert client.get(url).status_code == 404
    stored = client.put(url, json={"boxes": [BOX], "consent": True})
    assert stored.status_code == 200
    assert stored.json
    assert stored.json["boxes"] == [BOX]
    assert stored.json["consent"] is True
    assert client.get(url).json == stored.json
    replaced = client.put(url, json={"boxes": [], "consent": False}).json
    assert replaced
    assert (replaced["boxes"], replaced["consent"]) == ([], False)
    assert client.delete(url).status_code == 204
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404


def test_what_lies_outside_the_picture_is_cut_off(client: FlaskClient, url: str) -> None:
    wide = BOX | {"left": 0.75, "width": 1.0}
    stored = client.put(url, json={"boxes": [wide], "consent": False}).json
    assert stored
    assert stored["boxes"] == [BOX | {"left": 0.75, "width": 0.25}]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "boxes"),
        ({"boxes": []}, "consent"),
        ({"boxes": [], "consent": "yes"}, "consent"),
        ({"boxes": [BOX] * 101, "consent": True}, "boxes"),
        ({"boxes": [BOX | {"left": 1.0}], "consent": True}, "boxes/0/left"),
        ({"boxes": [BOX | {"top": -0.1}], "consent": True}, "boxes/0/top"),
        ({"boxes": [BOX | {"width": 0}], "consent": True}, "boxes/0/width"),
        ({"boxes": [BOX | {"height": "1"}], "consent": True}, "boxes/0/height"),
        ({"boxes": [BOX | {"label": ""}], "consent": True}, "boxes/0/label"),
        ({"boxes": [BOX | {"label": "a\0b"}], "consent": True}, "boxes/0/label"),
    ],
)
def test_an_invalid_correction_is_refused_with_its_place(
    client: FlaskClient, url: str, body: Any, place: str
) -> None:
    answer = client.put(url, json=body)
    assert answer.status_code == 400
    assert answer.json
    assert f"not valid at “{place}”" in answer.json["detail"]
    assert client.get(url).status_code == 404


def test_another_visitor_neither_reads_nor_changes_it(
    app: Flask, client: FlaskClient, url: str
) -> None:
    client.put(url, json={"boxes": [BOX], "consent": True})
    other = app.test_client()
    other.post("/api/v1/pictures", **form(encoded(quality=40)))
    for visitor in (other, app.test_client()):
        assert visitor.get(url).status_code == 404
        assert visitor.put(url, json={"boxes": [], "consent": False}).status_code == 404
        assert visitor.delete(url).status_code == 404
    kept = client.get(url).json
    assert kept
    assert kept["boxes"] == [BOX]


def test_it_is_counted_and_goes_with_its_result(client: FlaskClient, url: str) -> None:
    client.put(url, json={"boxes": [BOX], "consent": True})
    assert "<dt>corrected</dt><dd>1</dd>" in client.get("/statistics").text
    client.delete(url.removesuffix("/corrections"))
    assert client.get(url).status_code == 404


def test_a_large_body_is_refused_before_it_is_validated(client: FlaskClient, url: str) -> None:
    """Pydantic 2 makes an error for each wrong item: 15 MB of them took gigabytes of memory."""
    large = b'{"consent": true, "boxes": [' + b"[]," * 90_000 + b"[]]}"
    answer = client.put(url, data=large, content_type="application/json")
    assert answer.status_code == 413
    judged = client.put(url.replace("corrections", "judgement"), data=large)
    assert judged.status_code == 413


def test_only_the_first_wrong_box_is_reported(client: FlaskClient, url: str) -> None:
    answer = client.put(url, json={"boxes": [[]] * 1000, "consent": True})
    assert answer.status_code == 400
    assert answer.json
    assert "“boxes/0”" in answer.json["detail"]


def test_nothing_is_validated_for_others(client: FlaskClient, app: Flask, url: str) -> None:
    assert app.test_client().put(url, json={}).status_code == 404
    assert client.put(url, json={}).status_code == 400
