"""The API of sign-ins and the audit list, for programs of operators."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.operators import Operator
from rubberduck.accounts.tokens import Scope, Tokens
from rubberduck.db.engine import Database
from rubberduck.db.results import Results
from tests.support.operators import sign_in
from tests.support.visitor import bearer

KEYS = "/api/v1/account/keys"
NEW = {"name": "nightly import", "scope": "operator", "days": 365}


@pytest.fixture
def database(results: Results) -> Database:
    return results.database


@pytest.fixture
def ada(client: FlaskClient) -> Operator:
    return sign_in(client)


def program(
    app: Flask, database: Database, owner: Operator, scope: Scope, days: int = 1
) -> FlaskClient:
    secret, _ = Tokens(database).create(owner.id, "a key", timedelta(days=days), scope)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def test_a_session_is_listed_and_ended_once_the_phone_is_lost(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    phone, robot = app.test_client(), program(app, database, ada, "operator")
    sign_in(phone)
    assert phone.get("/account/").status_code == 200
    listed = client.get("/api/v1/sessions").get_json()["sessions"]
    assert sorted(each["is_current"] for each in listed) == [False, True]
    (lost,) = [each["id"] for each in listed if not each["is_current"]]
    by_program = robot.get("/api/v1/sessions").get_json()["sessions"]
    assert ({each["how"] for each in by_program}, by_program[0]["is_current"]) == ({"link"}, False)
    assert robot.delete(f"/api/v1/sessions/{lost}").status_code == 204
    assert phone.get("/account/").status_code == 303
    assert client.get("/account/").status_code == 200
    (entry, *_) = AuditLog(database).page()
    assert (entry.act, entry.object) == ("session.end", lost)
    assert robot.delete(f"/api/v1/sessions/{lost}").status_code == 404


def test_nobody_ends_anothers_session(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    (mine,) = client.get("/api/v1/sessions").get_json()["sessions"]
    path = f"/api/v1/sessions/{mine['id']}"
    other, stranger = app.test_client(), app.test_client()
    sign_in(other, "Bob", "labeller")
    refused = [
        (other, 404),
        (stranger, 401),
        (program(app, database, ada, "labeller"), 403),
        (program(app, database, ada, "visitor"), 401),
    ]
    for client_, status in refused:
        answer = client_.delete(path)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    (own,) = other.get("/api/v1/sessions").get_json()["sessions"]
    assert other.delete(f"/api/v1/sessions/{own['id']}").status_code == 204
    assert client.get("/account/").status_code == 200


def test_the_audit_list_comes_in_pages_to_operators(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    log = AuditLog(database)
    for number in range(7):
        log.add(ada.id, ada.name, "label.add", f"mug {number}", project="mugs")
    address, seen = "/api/v1/audit?limit=3", list[Any]()
    while address:
        page = client.get(address).get_json()
        seen += page["entries"]
        address = page["links"]["next"]
    assert [entry["object"] for entry in seen] == [f"mug {number}" for number in range(6, -1, -1)]
    assert (seen[0]["who"], seen[0]["details"]) == ("Ada", {"project": "mugs"})
    assert client.get("/api/v1/audit?before=quack").status_code == 400
    labeller = app.test_client()
    sign_in(labeller, "Bob", "labeller")
    assert labeller.get("/api/v1/audit").status_code == 403
    assert app.test_client().get("/api/v1/audit").status_code == 401


def test_who_left_loses_sessions_and_keys_at_once_and_comes_back_without_them(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    browser, visitor = app.test_client(), app.test_client()
    bob = sign_in(browser, "Bob")
    robot = program(app, database, bob, "operator")
    assert robot.get("/api/v1/jobs").status_code == 200
    listed = client.get("/api/v1/people").get_json()["people"]
    assert [(each["name"], each["sessions"], each["keys"], each["is_you"]) for each in listed] == [
        ("Ada", 1, 0, True),
        ("Bob", 1, 1, False),
    ]
    assert listed[1]["last_seen_at"]
    access = f"/api/v1/people/{bob.id}/access"
    for stranger, status in ((program(app, database, bob, "labeller"), 403), (visitor, 401)):
        assert stranger.get("/api/v1/people").status_code == status
        assert stranger.delete(access).status_code == status
    assert client.delete(access).status_code == 204
    assert robot.get("/api/v1/jobs").status_code == 401
    assert browser.get("/account/").status_code == 303
    gone = client.get("/api/v1/people").get_json()["people"][1]
    assert (gone["removed_at"] is None, gone["sessions"], gone["keys"]) == (False, 0, 0)
    assert client.put(access).status_code == 204
    assert robot.get("/api/v1/jobs").status_code == 401
    sign_in(browser, "Bob")
    assert browser.get("/account/").status_code == 200
    acts = [(each.operator_name, each.act, each.object) for each in AuditLog(database).page()]
    assert acts == [("Ada", "operator.let-in", "Bob"), ("Ada", "operator.remove", "Bob")]


def test_nobody_removes_his_own_access_or_a_person_who_never_was(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    robot = program(app, database, ada, "operator")
    for id, status in ((ada.id, 409), ("missing", 404), ("a\0b", 404)):
        for each in (client, robot):
            assert each.delete(f"/api/v1/people/{id}/access").status_code == status
    assert client.get("/account/").status_code == 200
    assert AuditLog(database).page() == ()


def test_an_operator_makes_lists_and_revokes_keys_of_his_own(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    made = client.post(KEYS, json=NEW)
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "private, no-store")
    secret = made.json["key"]  # type: ignore[index]
    robot = app.test_client()
    assert robot.get("/api/v1/people", headers=bearer(secret)).status_code == 200
    (listed,) = client.get(KEYS).get_json()["keys"]
    assert secret not in client.get(KEYS).text
    assert (listed["name"], listed["scope"]) == ("nightly import", "operator")
    assert (listed["is_current"], listed["has_expired"]) == (False, False)
    assert lifetime(listed) == timedelta(days=365)
    (seen,) = robot.get(KEYS, headers=bearer(secret)).get_json()["keys"]
    assert (seen["is_current"], seen["id"]) == (True, made.json["id"])  # type: ignore[index]
    assert "nightly import" in client.get("/account/").text
    assert client.delete(f"{KEYS}/{listed['id']}").status_code == 204
    assert robot.get("/api/v1/people", headers=bearer(secret)).status_code == 401
    assert client.get(KEYS).get_json() == {"keys": []}
    assert client.delete(f"{KEYS}/{listed['id']}").status_code == 404
    entries = [(each.operator_name, each.act, each.object) for each in AuditLog(database).page()]
    assert entries == [
        ("Ada", "token.revoke.failed", listed["id"]),
        ("Ada", "token.revoke", listed["id"]),
        ("Ada", "token.revoke", listed["id"]),
        ("Ada", "token.create", "nightly import"),
    ]


def lifetime(key: Any) -> timedelta:
    begin, end = (datetime.fromisoformat(key[name]) for name in ("created_at", "expires_at"))
    return end - begin


def test_a_key_made_with_a_key_ends_with_it_and_names_it_in_the_audit_list(
    app: Flask, database: Database, ada: Operator
) -> None:
    robot = program(app, database, ada, "operator", days=40)
    (maker,) = robot.get(KEYS).get_json()["keys"]
    longest, short = (robot.post(KEYS, json=NEW | {"days": days}).get_json() for days in (365, 30))
    assert longest["expires_at"] == maker["expires_at"]
    assert lifetime(longest) > timedelta(days=39)
    assert lifetime(short) == timedelta(days=30)
    again = app.test_client().post(KEYS, json=NEW, headers=bearer(longest["key"])).get_json()
    assert again["expires_at"] == maker["expires_at"]
    entry = AuditLog(database).page()[-1]
    assert dict(entry.details) == {
        "id": longest["id"],
        "scope": "operator",
        "days": 40,
        "made_with": "a key",
    }
    # Whoever revokes a key that was found ends what was made with it, however far away.
    person = app.test_client()
    sign_in(person)
    assert person.delete(f"{KEYS}/{longest['id']}").status_code == 204
    left = {each["id"] for each in robot.get(KEYS).get_json()["keys"]}
    assert left == {maker["id"], short["id"]}
    for key, status in ((longest, 401), (again, 401), (short, 200)):
        answer = app.test_client().get("/api/v1/account", headers=bearer(key["key"]))
        assert answer.status_code == status


def test_a_body_that_is_no_json_is_refused_without_naming_a_place(
    app: Flask, database: Database, ada: Operator
) -> None:
    robot = program(app, database, ada, "operator")
    detail = robot.post(KEYS).get_json()["detail"]
    assert detail.startswith("The body of the request is not what is expected: Invalid JSON")
    assert "at “days”" in robot.post(KEYS, json=NEW | {"days": 7}).get_json()["detail"]


def test_a_program_asks_whose_key_it_has_and_what_that_may_do(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    assert client.get("/api/v1/account").get_json() == {
        "id": ada.id,
        "name": "Ada",
        "role": "operator",
    }
    robot = program(app, database, ada, "labeller")
    assert robot.get("/api/v1/account").get_json()["role"] == "labeller"
    assert program(app, database, ada, "visitor").get("/api/v1/account").status_code == 401


def test_nobody_gets_more_rights_by_a_key(
    app: Flask, client: FlaskClient, database: Database, ada: Operator
) -> None:
    labeller, stranger = app.test_client(), app.test_client()
    bob = sign_in(labeller, "Bob", "labeller")
    (secret_key,) = [client.post(KEYS, json=NEW).get_json()["id"]]
    refused = [
        (program(app, database, ada, "labeller"), 403, 403),
        (program(app, database, ada, "visitor"), 401, 401),
        (program(app, database, bob, "operator"), 403, 403),  # made before Bob's role was changed
        (stranger, 401, 401),
        (labeller, 403, 404),
    ]
    for who, creates, revokes in refused:
        for scope in ("labeller", "operator"):
            assert who.post(KEYS, json=NEW | {"scope": scope}).status_code == creates
        assert who.delete(f"{KEYS}/{secret_key}").status_code == revokes
    assert [who.get(KEYS).status_code for who, *_ in refused] == [403, 401, 403, 401, 200]
    own = Tokens(database).create(bob.id, "of Bob", timedelta(days=1), "labeller")[1]
    assert labeller.delete(f"{KEYS}/{own.id}").status_code == 204
    wrong = ({"scope": "visitor"}, {"days": 31}, {"days": True}, {"name": " "}, {"name": "x" * 81})
    for each in wrong:
        assert client.post(KEYS, json=NEW | each).status_code == 400
    assert len(Tokens(database).list_for_owner(ada.id)) == 3
    assert client.post(KEYS, json=NEW | {"days": 30.0}).status_code == 201
