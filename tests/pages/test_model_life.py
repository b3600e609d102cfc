"""Starting and stopping models on the pages and by the API: buttons, prices, sentences, rights."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask, render_template
from flask.testing import FlaskClient
from sqlalchemy import text as sql

from app import create_app
from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.tokens import Tokens
from rubberduck.aws.custom_labels import CustomLabels
from rubberduck.core.settings import Settings
from rubberduck.custom_models.watch import Watch
from rubberduck.db.model_activity import AnsweringModel
from rubberduck.db.results import Results
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.model_hosting import hosting
from tests.support.command_line import run_command
from tests.support.custom_labels import FakeCustomLabels
from tests.support.hosting import (
    DirectClient,
    FakeSchedules,
    add_amazon_model,
    add_model,
    opener_of,
)
from tests.support.operators import sign_in
from tests.support.visitor import visible_text

MUGS = "/projects/mugs------------/models"


@pytest.fixture
def fake() -> FakeCustomLabels:
    fake = FakeCustomLabels()
    fake.clock.per_describe = 0
    return fake


@pytest.fixture
def app(settings: Settings, pipeline: Pipeline, fake: FakeCustomLabels) -> Flask:
    return create_app(settings, pipeline=replace(pipeline, open_custom_labels=opener_of(fake)))


def card(app: Flask, client: FlaskClient, id: str, query: str = "") -> str:
    """What the page of a version shows of its life to who signed in."""
    cookie = (
        "; ".join(f"{c.key}={c.value}" for c in client._cookies.values()) if client._cookies else ""
    )
    with app.test_request_context(f"/{query}", headers={"Cookie": cookie}):
        version = type("Version", (), {"id": id})
        return visible_text(render_template("_model_life.html", version=version))


def test_an_embedded_model_is_started_and_stopped_by_operators_only(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    id = add_model(results.database, "v1")
    assert "/sign-in" in client.post(f"{MUGS}/1/start").headers["Location"]
    sign_in(client, "Lea", "labeller")
    assert client.post(f"{MUGS}/1/start").status_code == 403
    assert "Start" not in card(app, client, id)
    sign_in(client)
    assert "$0, on this server" in card(app, client, id)
    answer = client.post(f"{MUGS}/1/start")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{MUGS}/1")
    assert "It runs on this server and costs nothing." in card(app, client, id)
    again = client.post(f"{MUGS}/1/start")
    assert (again.status_code, "runs already" in again.text) == (409, True)
    assert "units" not in visible_text(again.text)  # an embedded model has none
    assert client.post(f"{MUGS}/1/default", data={"default": "1"}).status_code == 303
    assert client.post(f"{MUGS}/1/self-start", data={"allowed": "1"}).status_code == 303
    assert client.post(f"{MUGS}/1/stop").status_code == 303
    stopped = client.post(f"{MUGS}/1/stop")
    assert (stopped.status_code, "stopped already" in stopped.text) == (409, True)
    assert client.post(f"{MUGS}/7/start").status_code == 404
    assert client.post(f"{MUGS}/1/start", data={"units": "many"}).status_code == 400
    with app.app_context():
        life = hosting().lives.get(id)
    assert (life.is_default, life.may_start_itself, life.should_run) == (True, True, False)


def test_of_two_running_versions_it_is_said_which_answers(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    first, second = (add_model(results.database, f"v{number}", number=number) for number in (1, 2))
    sign_in(client)

    def answers() -> int:
        [model] = app.extensions["answering_models"].refresh()
        assert isinstance(model, AnsweringModel)
        return model.number

    instead = "Version 1 answers. Make this one the default, or stop version 1."
    client.post(f"{MUGS}/1/start")
    assert (answers(), "Version" in card(app, client, first)) == (1, False)
    client.post(f"{MUGS}/1/default", data={"default": "1"})
    assert instead in card(app, client, second)  # before it is started
    client.post(f"{MUGS}/2/start")
    assert (answers(), instead in card(app, client, second)) == (1, True)
    beside = "Versions that run and are not asked beside this one: {}."
    assert beside.format(2) in card(app, client, first)
    told = client.get(f"/api/v1{MUGS}/2/life").get_json()
    assert (told["answers_instead"], told["not_asked"]) == (1, [])
    told = client.get(f"/api/v1{MUGS}/1/life").get_json()
    assert (told["answers_instead"], told["not_asked"]) == (None, [2])
    # Without a default the newest answers.
    client.post(f"{MUGS}/1/default", data={"default": "0"})
    assert (answers(), "Version 2 answers." in card(app, client, first)) == (2, True)
    assert beside.format(1) in card(app, client, second)
    client.post(f"{MUGS}/2/stop")
    assert (answers(), "Version" in card(app, client, first)) == (1, False)
    client.post(f"{MUGS}/1/default", data={"default": "1"})
    assert instead in run_command(app, "model", "start", "mugs", "2").stderr
    # A default that only would start does not come before a version that runs.
    client.post(f"{MUGS}/1/self-start", data={"allowed": "1"})
    client.post(f"{MUGS}/1/stop")
    assert (answers(), "Version" in card(app, client, second)) == (2, False)


def test_when_it_was_asked_last_is_shown_once_somebody_asked_since_its_start(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    id = add_model(results.database, "v1")
    sign_in(client)

    def last_used_at() -> str | None:
        last: str | None = client.get(f"/api/v1{MUGS}/1/life").get_json()["last_used_at"]
        return last

    for _ in range(2):  # what was asked before a restart counts no more
        client.post(f"{MUGS}/1/start")
        assert "It runs on this server" in (shown := card(app, client, id))
        assert ("Asked last" in shown, last_used_at()) == (False, None)
        with app.app_context():
            hosting().touch(id)
        assert ("Asked last:" in card(app, client, id), bool(last_used_at())) == (True, True)
        client.post(f"{MUGS}/1/stop")


def test_a_model_that_cannot_be_noted_is_not_started_and_a_refusal_is_noted(
    client: FlaskClient, results: Results, fake: FakeCustomLabels
) -> None:
    add_amazon_model(results.database, fake, "v1")
    sign_in(client)
    log, start = AuditLog(results.database), {"units": "1", "unwatched": "1"}
    with results.database.transaction(writing=True) as connection:
        connection.execute(sql("ALTER TABLE audit_log RENAME TO lost"))
    assert client.post(f"{MUGS}/1/start", data=start).status_code == 503
    address = f"/api/v1{MUGS}/1"
    assert client.post(f"{address}/start", json={"unwatched": True}).status_code == 503
    assert client.delete(address).status_code == 503
    assert fake.left_running() == []
    with results.database.transaction(writing=True) as connection:
        connection.execute(sql("ALTER TABLE lost RENAME TO audit_log"))
    assert client.post(f"{MUGS}/1/start", data={"units": "1"}).status_code == 303
    assert client.post(f"{MUGS}/1/start", data=start).status_code == 303
    assert fake.left_running() == ["v1"]
    acts = [(entry.act, entry.details.get("reason")) for entry in reversed(log.page())]
    assert acts == [
        ("model.start", None),
        ("model.start.failed", "nothing-would-stop-it"),
        ("model.start", None),
    ]


# What the page says before the button, in the API.
LIFE_FACTS = {
    "may_start": True,
    "has_scheduled_stop": False,
    "can_start_itself": False,
    "max_units": 5,
    "idle_minutes": 15,
    "ceiling_hours": 8,
    "dollars_per_unit_hour": "about $4.00",
    "last_used_at": None,
}


# Ten minutes are paid in advance: before midnight, a part of them is not of today.
@time_machine.travel(datetime(2026, 6, 15, 12, tzinfo=UTC))
def test_a_model_at_amazon_has_its_price_before_the_button_and_its_meter_after_it(
    app: Flask, client: FlaskClient, results: Results, fake: FakeCustomLabels
) -> None:
    id = add_amazon_model(results.database, fake, "v1")
    sign_in(client)
    shown = card(app, client, id)
    assert "about $4.00 an hour and unit, billed by the minute, also when nobody asks" in shown
    assert "Stopped after 15 minutes without a question, and after 8 hours in any case." in shown
    assert "I know: if this machine goes off, the model bills on." in shown
    told = client.get(f"/api/v1{MUGS}/1/life").get_json()
    facts = {name: told[name] for name in LIFE_FACTS}
    assert facts == LIFE_FACTS
    refused = client.post(f"{MUGS}/1/start", data={"units": "2"})
    assert refused.headers["Location"] == f"{MUGS}/1?unwatched=1"
    assert fake.left_running() == []
    client.post(f"{MUGS}/1/start", data={"units": "2", "unwatched": "1"})
    assert fake.left_running() == ["v1"]
    assert "about $8.00 an hour, $1.33 so far, $1.33 today." in card(app, client, id)
    assert client.post(f"{MUGS}/1/extend").status_code == 303
    client.post(f"{MUGS}/1/stop")
    assert "It is being stopped." in card(app, client, id)
    fake.advance(900)
    with app.app_context():
        for _ in range(3):
            Watch(hosting()).run()
            fake.advance(300)
    assert fake.left_running() == []
    shown_first = run_command(app, "model", "start", "mugs", "1")
    assert "about $4.00 an hour and unit" in shown_first.stderr
    refused_again = run_command(app, "model", "start", "--yes", "mugs", "1")
    assert (
        "If this machine goes off, the model bills on. No stop can be scheduled at Amazon. "
        "Add --unwatched to start it all the same, or set DUCK_SCHEDULER_ROLE."
    ) in refused_again.stderr
    done = run_command(app, "model", "start", "--yes", "--unwatched", "mugs", "1")
    assert done.stdout == "mugs 1: STARTING\n"
    assert run_command(app, "model", "stop", "mugs", "1").stdout == "mugs 1: it is being stopped\n"
    assert "does not run" not in run_command(app, "model", "stop", "mugs", "1").stdout
    acts = [(each.operator_name, each.act) for each in AuditLog(results.database).page()]
    assert acts == [
        ("terminal", "model.stop"),
        ("terminal", "model.start"),
        ("Ada", "model.stop"),
        ("Ada", "model.extend"),
        ("Ada", "model.start"),
        ("Ada", "model.start.failed"),
        ("Ada", "model.start"),
    ]


def test_a_start_that_amazon_has_not_accepted_yet_is_told_as_one(
    app: Flask, client: FlaskClient, results: Results, fake: FakeCustomLabels
) -> None:
    """It was shown as "stopped", and then the model ran, and cost, by itself."""
    id = add_amazon_model(results.database, fake, "v1")
    sign_in(client)
    fake.faults.order("StartProjectVersion", "ThrottlingException", 40)
    done = run_command(app, "model", "start", "--yes", "--unwatched", "mugs", "1")
    waits = "Amazon has not accepted the start yet; it is asked again until you stop the model"
    assert done.stdout == f"mugs 1: {waits}\n"
    said = "Amazon has not accepted the start yet, for instance because it was asked too often."
    assert said in card(app, client, id)
    assert client.get(f"/api/v1{MUGS}/1/life").get_json()["awaits_start"]
    fake.faults.ordered.clear()
    fake.advance(60)
    with app.app_context():
        Watch(hosting()).run()
    assert fake.left_running() == ["v1"]
    assert said not in card(app, client, id)


def test_a_visitor_starts_no_model_that_nothing_at_amazon_would_stop(
    app: Flask,
    client: FlaskClient,
    results: Results,
    fake: FakeCustomLabels,
    settings: Settings,
    pipeline: Pipeline,
) -> None:
    id = add_amazon_model(results.database, fake, "v1")
    operator = sign_in(client)
    shown = card(app, client, id)
    assert "Start when a visitor asks" not in shown
    assert "It cannot start when a visitor asks: no stop can be scheduled at Amazon" in shown
    refused = client.post(f"{MUGS}/1/self-start", data={"allowed": "1"})
    assert (refused.status_code, "Set DUCK_SCHEDULER_ROLE" in refused.text) == (409, True)
    secret, _ = Tokens(results.database).create(operator.id, "ci", timedelta(1), scope="operator")
    program = {"Authorization": f"Bearer {secret}"}
    asked = {"default": True, "may_start_itself": True}
    answer = client.put(f"/api/v1{MUGS}/1/life", json=asked, headers=program).get_json()
    assert answer["type"] == "/api#cannot-start-itself"
    with app.app_context():
        life = hosting().lives.get(id)
    assert (life.is_default, life.may_start_itself) == (False, False)
    # What was allowed while a stop could be scheduled is offered to nobody without that.
    asks = b"starts when you ask"
    stops: Any = FakeSchedules(DirectClient(fake))
    labels: Any = CustomLabels(DirectClient(fake))  # type: ignore[arg-type]
    parts = replace(pipeline, open_custom_labels=lambda: labels, open_stop_schedules=lambda: stops)
    scheduled = create_app(settings, pipeline=parts).test_client()
    sign_in(scheduled)
    assert scheduled.post(f"{MUGS}/1/self-start", data={"allowed": "1"}).status_code == 303
    assert asks in scheduled.get("/").data
    app.extensions["answering_models"].refresh()
    assert asks not in client.get("/").data
    assert "Start by hand only" in card(app, client, id)


def test_programs_do_the_same_with_an_operators_token(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    add_model(results.database, "v1")
    path = f"/api/v1{MUGS}/1"
    assert client.get(f"{path}/life").status_code == 401
    operator = sign_in(app.test_client())
    secret, _ = Tokens(results.database).create(operator.id, "ci", timedelta(1), scope="operator")
    program = {"Authorization": f"Bearer {secret}"}
    body = client.get(f"{path}/life", headers=program).get_json()
    assert (body["state"], body["dollars_per_hour"]) == ("TRAINING_COMPLETED", "$0.00")
    started = client.post(f"{path}/start", json={"units": 1}, headers=program)
    assert (started.status_code, started.get_json()["state"]) == (200, "RUNNING")
    again = client.post(f"{path}/start", json={}, headers=program)
    assert (again.status_code, again.get_json()["type"]) == (409, "/api#model-runs-already")
    assert client.post(f"{path}/start", json={"units": 9}, headers=program).status_code == 400
    changed = {"default": True, "may_start_itself": False}
    put = client.put(f"{path}/life", json=changed, headers=program).get_json()
    assert (put["default"], put["should_run"]) == (True, True)
    assert client.post(f"{path}/stop", headers=program).get_json()["state"] == "STOPPED"
    assert client.post(f"/api/v1{MUGS}/x/stop", headers=program).status_code == 404
