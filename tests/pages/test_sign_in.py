"""Signing in with a one-time link, what each role may do, and signing out."""

from flask import Flask
from flask.testing import FlaskClient

from rubberduck.accounts.links import Links
from rubberduck.accounts.operators import Operators
from rubberduck.db.results import Results
from rubberduck.jobs.queue import JobQueue
from tests.support.operators import sign_in


def test_a_link_signs_in_once_and_its_preview_does_not_use_it_up(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    ada = Operators(results.database).create("Ada")
    token = Links(results.database).create(ada)
    for _ in range(2):
        page = client.get("/sign-in/link", query_string={"token": token})
        assert "Sign in as Ada" in page.text
        assert page.headers["Referrer-Policy"] == "same-origin"
    signed_in = client.post("/sign-in/link", data={"token": token}, follow_redirects=True)
    assert "You are an operator of this site." in signed_in.text
    other = app.test_client()
    refused = other.post("/sign-in/link", data={"token": token})
    assert (refused.status_code, "was used already" in refused.text) == (400, True)
    assert client.post("/sign-out").status_code == 303
    back = client.get("/account/")
    assert (back.status_code, back.location) == (303, "/sign-in?next=/account/")


def test_operators_see_and_steer_the_jobs_of_projects_and_nobody_else_does(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    queue = JobQueue(results.database, 3)
    id = queue.enqueue("train-model", "project:mugs")
    other = queue.enqueue("train-model", "projects are not mine")
    labeller, visitor = app.test_client(), app.test_client()
    sign_in(client)
    sign_in(labeller, "Bob", "labeller")
    assert id in client.get("/jobs/").text
    assert client.get(f"/jobs/{other}").status_code == 404
    assert client.post(f"/jobs/{id}/cancel").status_code == 303
    assert client.post(f"/jobs/{id}/retry").status_code == 303
    for stranger in (labeller, visitor):
        assert stranger.get(f"/jobs/{id}").status_code == 404
        assert stranger.post(f"/jobs/{id}/cancel").status_code == 404
    assert queue.get(id).state == "queued"
