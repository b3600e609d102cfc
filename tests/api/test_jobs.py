"""The API of jobs: what the pages show and do, for programs."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.tokens import Scope, Tokens
from rubberduck.api.jobs import STATES
from rubberduck.custom_models.projects import Projects
from rubberduck.db.results import Results
from rubberduck.jobs import models
from rubberduck.jobs.models import PROJECT, Job, Run
from rubberduck.jobs.queue import JobQueue
from tests.support.visitor import as_visitor

WORKER = "worker-of-the-test"


@pytest.fixture
def queue(results: Results) -> JobQueue:
    return JobQueue(results.database, 20)


@pytest.fixture
def ann(client: FlaskClient) -> FlaskClient:
    as_visitor(client, "ann")
    return client


def program(app: Flask, results: Results, scope: Scope) -> FlaskClient:
    """Return a client with a key of this scope, made by an operator."""
    person = Operators(results.database).find_or_create("Ada", "operator")
    secret, _ = Tokens(results.database).create(person.id, "a key", timedelta(days=1), scope)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def started(queue: JobQueue, id: str) -> Run:
    run = Run(id, queue.get(id).attempt, WORKER)
    assert isinstance(queue.store.begin(run), Job)
    return run


def test_the_states_are_those_of_jobs() -> None:
    assert STATES == models.STATES


def test_a_program_follows_a_job_cancels_it_and_tries_it_again(
    ann: FlaskClient, queue: JobQueue
) -> None:
    id = queue.enqueue("train-model", "ann")
    path = f"/api/v1/jobs/{id}"
    first = ann.get(path)
    waiting: Any = first.json
    assert (waiting["state"], waiting["waits_for_worker"], waiting["log"]) == ("queued", True, [])
    assert waiting["retry_dollars_per_hour"] is None
    same = {"If-None-Match": first.headers["ETag"]}
    assert ann.get(path, headers=same).status_code == 304
    queue.executors.beat(WORKER)
    queue.store.report(started(queue, id), 40, "16 of 40 pictures", ["looked at 16"])
    running: Any = ann.get(path, headers=same).json
    assert (running["progress"], running["message"]) == (40, "16 of 40 pictures")
    assert running["log"][-1]["line"] == "looked at 16"
    assert (running["waits_for_worker"], running["started_at"][-1]) == (False, "Z")
    assert ann.get(running["links"]["page"]).status_code == 200

    cancelled: Any = ann.post(f"{path}/cancel").json
    assert (cancelled["state"], cancelled["ended_at"][-1]) == ("cancelled", "Z")
    again: Any = ann.post(f"{path}/cancel")
    assert (again.status_code, again.mimetype) == (409, "application/problem+json")
    retried: Any = ann.post(f"{path}/retry")
    assert (retried.status_code, retried.json["state"]) == (202, "queued")
    assert retried.headers["Location"] == path
    queue.store.fail(started(queue, id), "There are no pictures.")
    failed: Any = ann.get(path).json
    assert (failed["state"], failed["error"]) == ("failed", "There are no pictures.")


def test_a_labeller_reads_what_is_done_to_a_project_and_nothing_else_of_jobs(
    app: Flask, results: Results, queue: JobQueue
) -> None:
    project = Projects(results.database).create("Mugs", "boxes", ["mug"], "somebody")
    id = queue.enqueue("train-model", f"project:{project.id}")
    queue.enqueue("train-model", "project:another")
    labeller = program(app, results, "labeller")
    listed: Any = labeller.get(f"/api/v1/projects/{project.id}/jobs").json
    assert listed == {
        "jobs": [{"kind": "train-model", "state": "queued", "progress": 0, "message": ""}]
    }
    assert labeller.get(f"/api/v1/jobs/{id}").status_code == 404
    queue.store.cancel(id, None)
    assert labeller.get(f"/api/v1/projects/{project.id}/jobs").json == {"jobs": []}
    assert app.test_client().get(f"/api/v1/projects/{project.id}/jobs").status_code == 401
    assert labeller.get("/api/v1/projects/unknown/jobs").status_code == 404


def test_the_list_comes_in_pages_each_job_once(ann: FlaskClient, queue: JobQueue) -> None:
    ids = [queue.enqueue("train-model", "ann") for _ in range(7)]
    queue.enqueue("train-model", "bob")
    queue.store.cancel(ids[3])
    address, listed = "/api/v1/jobs?limit=3", []
    while address:
        page: Any = ann.get(address).json
        listed += [job["id"] for job in page["jobs"]]
        address = page["links"]["next"]
    assert listed == list(reversed(ids))
    only: Any = ann.get("/api/v1/jobs?state=cancelled").json
    assert ([job["id"] for job in only["jobs"]], only["links"]["next"]) == ([ids[3]], None)
    ended = dict.fromkeys(STATES, 0) | {"queued": 6, "cancelled": 1}
    assert (only["counts"], only["max_active"] > 0) == (ended, True)
    for refused in ("state=lost", "limit=101", "cursor=quack"):
        assert ann.get(f"/api/v1/jobs?{refused}").status_code == 400


def test_others_neither_see_nor_change_a_job(
    ann: FlaskClient, app: Flask, results: Results, queue: JobQueue
) -> None:
    mine, site = queue.enqueue("train-model", "ann"), queue.enqueue("sweep", "site")
    of_project = queue.enqueue("train-model", f"{PROJECT}mugs")
    stranger, labeller = app.test_client(), program(app, results, "labeller")
    for client, id in [(stranger, mine), (ann, site), (ann, of_project), (labeller, of_project)]:
        path = f"/api/v1/jobs/{id}"
        answers = [client.get(path), client.post(f"{path}/cancel"), client.post(f"{path}/retry")]
        assert [answer.status_code for answer in answers] == [404] * 3
    for client in (stranger, labeller):
        assert client.get("/api/v1/jobs").get_json()["jobs"] == []
    # Another website's form does not reach a visitor's jobs either.
    foreign = {"Origin": "https://elsewhere.example"}
    assert ann.post(f"/api/v1/jobs/{mine}/cancel", headers=foreign).status_code == 403

    operator = program(app, results, "operator")
    (found,) = operator.get("/api/v1/jobs").get_json()["jobs"]
    assert (found["id"], found["project"]) == (of_project, "mugs")
    assert operator.post(f"/api/v1/jobs/{of_project}/cancel").status_code == 200
    (entry,) = AuditLog(results.database).page()
    assert (entry.act, entry.details["project"]) == ("job.cancel", "mugs")
    assert queue.get(mine).state == "queued"
