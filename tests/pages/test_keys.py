"""API keys: made on "My pictures", used by a program without a cookie jar, revoked."""

import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.rate_limits import WRONG_KEYS
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import corners, encoded, form
from tests.support.visitor import KEY_RE, bearer, make_key

RESULTS = "/api/v1/results"
OWN_KEY = "/api/v1/keys/current"


def program(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


def send(client: FlaskClient, data: bytes, **headers: str) -> TestResponse:
    return client.post("/api/v1/pictures", **form(data), headers=headers)


def ids(response: TestResponse) -> list[str]:
    assert response.json is not None
    return [result["id"] for result in response.json["results"]]


def test_a_program_with_a_key_sees_judges_and_deletes_the_visitors_pictures(
    app: Flask, client: FlaskClient
) -> None:
    own = send(client, encoded()).json
    key, script = bearer(make_key(client)), program(app)
    assert own is not None
    assert ids(script.get(RESULTS)) == []
    assert ids(script.get(RESULTS, headers=key)) == [own["id"]]
    url = own["links"]["self"]
    assert script.put(f"{url}/judgement", json={"right": True}, headers=key).status_code == 204
    assert client.get(url).json == {**own_fields(own), "judged_right": True}
    assert script.delete(url, headers=key).status_code == 204
    assert client.get(url).status_code == 404


def own_fields(created: dict[str, object]) -> dict[str, object]:
    only_created = {"delete_token", "idempotency_key_ignored"}
    return {name: value for name, value in created.items() if name not in only_created}


def test_what_a_program_sends_appears_on_my_pictures(app: Flask, client: FlaskClient) -> None:
    key = bearer(make_key(client))
    sent = send(program(app), encoded(), **key)
    assert sent.status_code == 201
    assert sent.json is not None
    assert f"/result/{sent.json['id']}" in client.get("/mine").text


def test_a_request_with_a_key_neither_reads_nor_sets_a_cookie(
    app: Flask, client: FlaskClient
) -> None:
    key = bearer(make_key(client))
    other = app.test_client()
    send(other, encoded())
    response = other.get(RESULTS, headers=key)
    assert ids(response) == []  # of the key's visitor, not of the cookie's
    assert len(ids(other.get(RESULTS))) == 1
    assert "Set-Cookie" not in send(program(app), encoded(), **key).headers


def test_the_key_is_shown_once(client: FlaskClient) -> None:
    page = client.post("/mine/keys", data={"name": "backup script", "days": "30"})
    assert page.headers["Cache-Control"] == "private, no-store"
    key = KEY_RE.search(page.text)
    assert key
    listed = client.get("/mine").text
    assert "backup script" in listed
    assert key[0] not in listed


def revoke_links(client: FlaskClient) -> list[str]:
    return re.findall(r'action="(/mine/keys/[^"]+/revoke)"', client.get("/mine").text)


def test_a_revoked_key_is_refused(app: Flask, client: FlaskClient) -> None:
    key = bearer(make_key(client))
    (link,) = revoke_links(client)
    assert app.test_client().post(link).status_code == 404  # of another visitor
    assert program(app).get(RESULTS, headers=key).status_code == 200
    assert client.post(link).status_code == 303
    assert "Revoked" in client.get("/mine").text
    assert_refused(program(app).get(RESULTS, headers=key), "unknown, or it was revoked")


def test_a_key_revokes_itself_although_the_cookie_is_lost(app: Flask, client: FlaskClient) -> None:
    lost, other, script = bearer(make_key(client)), bearer(make_key(client)), program(app)
    own = send(script, encoded(), **lost).json
    assert own is not None
    assert script.delete(OWN_KEY, headers=lost).status_code == 204
    assert_refused(script.get(RESULTS, headers=lost), "unknown, or it was revoked")
    assert_refused(script.delete(OWN_KEY, headers=lost), "unknown, or it was revoked")
    assert ids(script.get(RESULTS, headers=other)) == [own["id"]]


def test_a_cookie_has_no_key_to_revoke(client: FlaskClient) -> None:
    make_key(client)
    assert_refused(client.delete(OWN_KEY), "has no API key")
    assert len(revoke_links(client)) == 1


def assert_refused(response: TestResponse, words: str) -> None:
    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert response.json is not None
    assert response.json["type"].endswith("#invalid-key")
    assert words in response.json["detail"]


@pytest.mark.parametrize("key", ["", "quack", "duck_short", "duck_" + "ä" * 32, "duck_ a b"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_malformed_key_is_refused(client: FlaskClient, scheme: str, key: str) -> None:
    sent = f"{scheme} {key}".encode().decode("latin-1")
    assert_refused(client.get(RESULTS, headers={"Authorization": sent}), "malformed")


def test_a_password_for_a_proxy_is_no_key(client: FlaskClient) -> None:
    send(client, encoded())
    response = client.get(RESULTS, headers={"Authorization": "Basic cXVhY2s6cXVhY2s="})
    assert len(ids(response)) == 1


def test_pages_take_no_keys(app: Flask, client: FlaskClient) -> None:
    key = bearer(make_key(client))
    sent = send(client, encoded()).json
    assert sent is not None
    assert sent["id"] not in program(app).get("/mine", headers=key).text
    assert program(app).post("/mine/keys", headers=key | {"X-CSRFToken": "x"}).status_code == 403


def test_idempotency_keys_belong_to_the_api_key(
    app: Flask, client: FlaskClient, detector: FakeDetector
) -> None:
    """Two programs of one visitor may both call their first request "1"."""
    first, second, script = bearer(make_key(client)), bearer(make_key(client)), program(app)
    one = send(script, encoded(), **first, **{"Idempotency-Key": "1"})
    again = send(script, encoded(), **first, **{"Idempotency-Key": "1"})
    other = encoded(corners(200, 100))
    reused = send(script, other, **first, **{"Idempotency-Key": "1"})
    another_program = send(script, other, **second, **{"Idempotency-Key": "1"})
    of_the_cookie = send(client, encoded(corners(210, 100)), **{"Idempotency-Key": "1"})
    responses = (one, again, reused, another_program, of_the_cookie)
    assert [response.status_code for response in responses] == [201, 201, 422, 201, 201]
    assert one.json == again.json
    assert one.json is not None
    assert one.json["idempotency_key_ignored"] is False
    assert detector.calls == 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": " ", "days": "30"}, "name of 1 to 80 characters"),
        ({"name": "x" * 81, "days": "30"}, "name of 1 to 80 characters"),
        ({"name": "a\0b", "days": "30"}, "name of 1 to 80 characters"),
        ({"name": "script"}, "must be 30, 90 or 365"),
        ({"name": "script", "days": "9999"}, "must be 30, 90 or 365"),
    ],
)
def test_a_wrong_form_is_told_so(client: FlaskClient, data: dict[str, str], words: str) -> None:
    response = client.post("/mine/keys", data=data)
    assert response.status_code == 400
    assert words in response.text
    assert revoke_links(client) == []


def test_a_form_of_another_site_makes_no_key(client: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    data = {"name": "script", "days": "30"}
    assert client.post("/mine/keys", data=data, headers=headers).status_code == 403
    assert revoke_links(client) == []


def test_guessing_keys_is_slowed_down(settings: Settings, pipeline: Pipeline) -> None:
    limited = settings.model_copy(update={"uploads_a_minute": 60})
    app = create_app(limited, pipeline=pipeline)
    key = bearer(make_key(app.test_client()))
    script = program(app)
    for _ in range(3 * WRONG_KEYS):
        assert script.get(RESULTS, headers=key).status_code == 200  # a right key costs nothing
    wrong = bearer(f"duck_{'a' * 32}")
    statuses = [script.get(RESULTS, headers=wrong).status_code for _ in range(WRONG_KEYS + 1)]
    assert statuses == [401] * WRONG_KEYS + [429]
    assert script.get(RESULTS).status_code == 200


def test_keys_are_never_in_the_log(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = make_key(client)
    program(app).get(RESULTS, headers=bearer(key))
    program(app).get(RESULTS, headers=bearer(f"{key[:-1]}x"))
    pipeline: Pipeline = app.extensions["pipeline"]
    pipeline.results.close()
    assert key[5:-1] not in caplog.text


@pytest.mark.parametrize(("confirm", "status"), [("results", 200), ("everything", 401)])
def test_deleting_everything_deletes_the_keys_too(
    app: Flask, client: FlaskClient, confirm: str, status: int
) -> None:
    send(client, encoded())
    key, script = bearer(make_key(client)), program(app)
    deleted = script.delete(f"{RESULTS}?confirm={confirm}", headers=key)
    assert deleted.json == {"deleted": 1}
    assert script.get(RESULTS, headers=key).status_code == status
