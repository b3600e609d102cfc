"""The API of face collections: what the pages do, for programs of operators."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.tokens import Scope, Tokens
from rubberduck.services.pipeline import Pipeline
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.custom_labels.collections import Shown
from tests.support.face_collections import ON
from tests.support.pictures import encoded, form
from tests.support.visitor import Visit

ALL = "/api/v1/collections"
HERE = f"{ALL}/duck-staff"
CONSENT = {
    "consented": "yes",
    "consent_from": "Ada Lovelace",
    "consent_on": "2026-01-02",
    "consent_how": "signed form, folder 7",
    "label": "Ada",
}


@pytest.fixture
def app(visit: Visit, custom_labels: FakeCustomLabels) -> Flask:
    custom_labels.clock.per_call = 1.0  # nothing is throttled
    app = visit(**ON).application
    site_of(app).collections.remote.pace = lambda operation: None
    return app


@pytest.fixture
def robot(app: Flask) -> FlaskClient:
    """A program of an operator, with a collection."""
    client = program(app, "operator")
    made = client.post(ALL, json={"name": "staff"})
    assert (made.status_code, made.location) == (201, HERE)
    return client


def site_of(app: Flask) -> Pipeline:
    site: Pipeline = app.extensions["pipeline"]
    return site


def program(app: Flask, scope: Scope) -> FlaskClient:
    database = site_of(app).results.database
    person = Operators(database).find_or_create("Grace")
    secret, _ = Tokens(database).create(person.id, "a key", timedelta(days=1), scope)
    client = app.test_client(use_cookies=False)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def add(client: FlaskClient, **changes: str) -> Any:
    data = {"picture": FileStorage(BytesIO(encoded()), "a.jpg"), **CONSENT, **changes}
    return client.post(f"{HERE}/people", data=data)


def acts(app: Flask) -> list[tuple[str, str]]:
    entries = AuditLog(site_of(app).results.database).page()
    return [(each.act, each.object) for each in reversed(entries)]


def test_from_consent_to_deletion(
    app: Flask, robot: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada", 0.4), Shown("passer-by", 0.1)]
    added = add(robot, consent_note="by mail")
    assert (added.status_code, added.json["stored"]) == (201, 1)
    assert added.json["left_out"] == ["Another, smaller face: a consent is for one person."]
    person = robot.get(added.location).get_json()
    assert person == added.json["person"]
    assert (person["label"], person["faces"], person["has_user"]) == ("Ada", 1, False)
    assert person["consent"] == {
        "given_by": "Ada Lovelace",
        "given_on": "2026-01-02",
        "how": "signed form, folder 7",
        "note": "by mail",
    }
    custom_labels.collections.shown = [Shown("ada")]
    again = robot.post(f"{added.location}/pictures", **form(encoded())).get_json()
    assert (again["stored"], again["person"]["faces"], again["left_out"]) == (1, 2, [])
    assert robot.put(f"{added.location}/user").get_json() == {"left_out": []}
    listed = robot.get(f"{HERE}/people").get_json()["people"]
    assert [(each["id"], each["has_user"]) for each in listed] == [(person["id"], True)]
    for by in ("faces", "users"):
        (found,) = robot.post(f"{HERE}/searches?by={by}", **form(encoded())).get_json()["found"]
        assert (found["person"], found["label"], found["similarity"]) == (person["id"], "Ada", 99.2)
    assert robot.delete(f"{added.location}/user").status_code == 204
    seen = robot.get(HERE).get_json()
    assert (seen["faces"], seen["users"], seen["people"]) == (2, 0, 1)
    assert robot.get(ALL).get_json() == {"collections": [seen], "keep_days": 30}
    assert robot.delete(added.location).status_code == 204
    assert robot.get(added.location).status_code == 404
    assert custom_labels.collections.faces() == []
    assert robot.delete(HERE).status_code == 204
    assert robot.get(HERE).status_code == 404
    assert [act for act, _ in acts(app)] == [
        "collection.create",
        "face.index",
        "face.index",
        "face.user",
        "face.search",
        "face.search",
        "face.user",
        "face.delete",
        "collection.delete",
    ]


def test_without_consent_or_a_face_nobody_is_written_down(
    robot: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada", reasons=("LOW_BRIGHTNESS",))]
    wrong = dict.fromkeys(CONSENT, "") | {"consented": "no", "consent_on": "soon"}
    for name, value in wrong.items():
        assert add(robot, **{name: value}).status_code == 400, name
    assert custom_labels.calls["IndexFaces"] == 0
    dark = add(robot)
    assert (dark.status_code, dark.json["type"].rpartition("#")[2]) == (422, "no-face-stored")
    assert "The face is too dark." in dark.json["detail"]
    custom_labels.collections.shown = []
    assert "There is no face in this picture." in add(robot).json["detail"]
    assert robot.post(f"{HERE}/searches", **form(encoded())).status_code == 422
    assert robot.get(f"{HERE}/people").get_json() == {"people": []}


def test_faces_of_nobody_are_found_by_a_comparison(
    app: Flask, robot: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    add(robot)
    site_of(app).collections.people.forget_collection("duck-staff")
    compared = robot.post(f"{HERE}/comparison").get_json()
    assert compared == {"completed": 0, "removed": 0, "strangers": 1}
    assert robot.delete(f"{HERE}/strangers").status_code == 204
    assert custom_labels.collections.faces() == []


def test_a_lost_answer_says_what_to_do(robot: FlaskClient, custom_labels: FakeCustomLabels) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    custom_labels.faults.order("IndexFaces", LOSE_ANSWER)
    answer = add(robot)
    assert (answer.status_code, "compare the collection" in answer.json["detail"]) == (503, True)
    (person,) = robot.get(f"{HERE}/people").get_json()["people"]
    assert (person["is_unclear"], person["faces"]) == (True, 0)


def test_only_operators_see_collections(
    app: Flask, robot: FlaskClient, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.collections.shown = [Shown("ada")]
    where = add(robot).location
    before = custom_labels.calls.total()
    refused = [(program(app, "labeller"), 403), (program(app, "visitor"), 401)]
    for client, status in [*refused, (app.test_client(), 401)]:
        for path in (ALL, HERE, f"{HERE}/people", where):
            assert client.get(path).status_code == status
        for path in (HERE, where, f"{where}/user", f"{HERE}/strangers"):
            assert client.delete(path).status_code == status
        for path in (ALL, f"{HERE}/people", f"{where}/pictures", f"{HERE}/searches"):
            assert client.post(path, data=b"quack").status_code == status
        assert client.post(f"{HERE}/comparison").status_code == status
        assert client.put(f"{where}/user").status_code == status
    assert custom_labels.calls.total() == before


def test_a_site_without_collections_says_how_to_switch_them_on(visit: Visit) -> None:
    app = visit().application
    answer = program(app, "operator").get(ALL)
    assert (answer.status_code, "DUCK_FACE_COLLECTIONS" in answer.text) == (409, True)
