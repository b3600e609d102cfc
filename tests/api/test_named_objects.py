"""The API of named objects: operators name them, everybody asks."""

from http import HTTPStatus

from flask.testing import FlaskClient

from tests.support.named_ducks import QUACKERS, asked, enrolled
from tests.support.operators import sign_in
from tests.support.pictures import block_pattern, encoded, form


def test_a_program_names_a_duck_and_another_one_asks(client: FlaskClient) -> None:
    stranger = client.application.test_client()
    empty = stranger.post("/api/v1/which", **form(asked(QUACKERS)))
    assert empty.status_code == HTTPStatus.CONFLICT
    assert (empty.get_json() or {})["type"].endswith("#no-objects-yet")
    sign_in(client)
    made = client.post("/api/v1/named-objects", json={"name": "Quackers"})
    assert made.status_code == HTTPStatus.CREATED
    address = made.headers["Location"]
    for _, photo in enrolled(QUACKERS):
        added = client.post(f"{address}/photos", data=photo, content_type="image/jpeg")
        assert added.status_code == HTTPStatus.CREATED
    body = client.get(address).get_json() or {}
    assert (body["name"], len(body["photos"])) == ("Quackers", 5)
    answer = stranger.post("/api/v1/which", **form(asked(QUACKERS))).get_json() or {}
    assert answer["name"] == "Quackers"
    best = answer["candidates"][0]
    assert (best["id"], best["name"]) == (body["id"], "Quackers")
    assert best["confidence"] >= 50
    assert best["most_similar"] in {photo["picture"] for photo in body["photos"]}
    assert answer["box"]


def test_photos_are_refused_and_everything_can_be_deleted(client: FlaskClient) -> None:
    assert client.get("/api/v1/named-objects").status_code == HTTPStatus.UNAUTHORIZED
    sign_in(client)
    made = client.post("/api/v1/named-objects", json={"name": "Mug"}).get_json() or {}
    address = f"/api/v1/named-objects/{made['id']}"
    picture = encoded(block_pattern(1))
    refused = client.post(f"{address}/photos", **form(picture))
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (refused.get_json() or {})["type"].endswith("#no-object-in-photo")
    added = client.post(f"{address}/photos?whole=true", **form(picture)).get_json() or {}
    assert added["box"] is None
    renamed = client.put(address, json={"name": "Red mug"}).get_json() or {}
    assert renamed["name"] == "Red mug"
    taken = client.post("/api/v1/named-objects", json={"name": "Red mug"})
    assert taken.status_code == HTTPStatus.CONFLICT
    assert client.delete(f"{address}/photos/{added['id']}").status_code == HTTPStatus.NO_CONTENT
    assert client.get(added["picture"]).status_code == HTTPStatus.NOT_FOUND
    assert client.delete(address).status_code == HTTPStatus.NO_CONTENT
    assert client.get(address).status_code == HTTPStatus.NOT_FOUND
    client.post("/api/v1/named-objects", json={"name": "Mug"})
    assert client.delete("/api/v1/named-objects").status_code == HTTPStatus.NO_CONTENT
    assert client.get("/api/v1/named-objects").get_json() == {"objects": []}
