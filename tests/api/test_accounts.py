"""The API of sign-ins and the audit list, for programs of operators."""

from datetime import timedelta
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


@pytest.fixture
def database(results: Results) -> Database:
    return results.database


@pytest.fixture
def ada(client: FlaskClient) -> Operator:
    return sign_in(client)


def program(app: Flask, database: Database, owner: Operator, scope: Scope) -> FlaskClient:
    secret, _ = Tokens(database).create(owner.id, "a key", timedelta(days=1), scope)
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
    assert robot.delete(f"/api/v1/sessions/{lost}").status_code == 404
    (entry, *_) = AuditLog(database).page()
    assert (entry.act, entry.object) == ("session.end", lost)


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
