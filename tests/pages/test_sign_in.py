"""Signing in with a one-time link, what each role may do, and signing out."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.links import Links
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.tables import operator_sessions, sign_in_links
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.operators import current_operator
from rubberduck.web.rate_limits import SIGN_INS
from tests.support.operators import sign_in
from tests.support.visitor import KEY_RE, bearer


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
    assert "<h1>Projects</h1>" in signed_in.text
    assert "You are an operator of this site." in client.get("/account/").text
    other = app.test_client()
    refused = other.post("/sign-in/link", data={"token": token})
    assert (refused.status_code, "was used already" in refused.text) == (400, True)
    assert client.post("/sign-out").status_code == 303
    back = client.get("/account/")
    assert (back.status_code, back.location) == (303, "/sign-in?next=/account/")
    assert client.post("/sign-out").status_code == 303  # once more, from a page that was open
    acts = [(each.operator_name, each.act) for each in AuditLog(results.database).page()]
    assert acts == [("Ada", "sign-out"), ("Ada", "sign-in")]


def test_links_last_ten_minutes_sessions_twelve_hours_and_both_are_swept(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    ada = sign_in(client)
    token = Links(results.database).create(ada)
    start = datetime.now(UTC)
    with time_machine.travel(start + timedelta(minutes=11)):
        late = client.get("/sign-in/link", query_string={"token": token})
        assert (late.status_code, "has expired" in late.text) == (400, True)
        assert client.post("/sign-in/link", data={"token": token}).status_code == 400
        assert client.get("/account/").status_code == 200
    with time_machine.travel(start + timedelta(hours=12, minutes=1)):
        assert client.get("/account/").status_code == 303
    with time_machine.travel(start + timedelta(days=2)):
        app.extensions["sweeper"].sweep()
    with results.database.transaction() as connection:
        for table in (operator_sessions, sign_in_links):
            assert connection.execute(table.select()).all() == []


def test_a_person_ends_own_sessions_and_makes_keys_for_programs(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    ada, phone, bob = sign_in(client), app.test_client(), app.test_client()
    sign_in(phone)
    sign_in(bob, "Bob", "labeller")
    (other,) = re.findall(r"/account/sessions/[\w-]+/end", client.get("/account/").text)
    assert bob.post(other).status_code == 404
    assert client.post(other, follow_redirects=True).status_code == 200
    assert phone.get("/account/").status_code == 303
    form = {"name": "nightly", "scope": "labeller", "days": "30"}
    assert bob.post("/account/keys", data=form).status_code == 403
    for wrong in ({"scope": "visitor"}, {"name": " "}, {"days": "9"}):
        assert client.post("/account/keys", data=form | wrong).status_code == 400
    key = KEY_RE.search(client.post("/account/keys", data=form).text)
    assert key
    with app.test_request_context("/api/v1/results", headers=bearer(key[0])):
        app.preprocess_request()
        person = current_operator()
        assert person is not None
        assert (person.id, person.role) == (ada.id, "labeller")
    (revoke,) = re.findall(r"/account/keys/[\w-]+/revoke", client.get("/account/").text)
    assert client.post(revoke).status_code == 303
    assert app.test_client().get("/api/v1/results", headers=bearer(key[0])).status_code == 401
    assert [(entry.operator_name, entry.act) for entry in AuditLog(results.database).page()] == [
        ("Ada", "token.revoke"),
        ("Ada", "token.create"),
        ("Ada", "session.end"),
        ("Bob", "session.end.failed"),
        ("Bob", "session.end"),
    ]


def test_an_operator_removes_the_access_of_somebody_who_left(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    ada, phone = sign_in(client), app.test_client()
    bob = sign_in(phone, "Bob", "labeller")
    assert phone.get("/account/people").status_code == 403
    assert "/account/people" not in phone.get("/account/").text
    assert "/account/people" in client.get("/account/").text
    links = re.findall(r'action="(/account/people/[^"]+)"', client.get("/account/people").text)
    assert links == [f"/account/people/{bob.id}/remove"]  # none for oneself
    assert "Remove the access of Bob?" in client.get(links[0]).text
    assert phone.get("/account/").status_code == 200
    done = client.post(links[0], follow_redirects=True)
    assert "Bob is signed out everywhere and cannot sign in." in done.text
    assert phone.get("/account/").status_code == 303
    for send in (client.get, client.post):
        own = send(f"/account/people/{ada.id}/remove")
        assert (own.status_code, "Another operator can remove it." in own.text) == (409, True)
    again = client.post(f"/account/people/{bob.id}/let-in", follow_redirects=True)
    assert "Bob may sign in again." in again.text
    assert sign_in(phone, "Bob").id == bob.id
    assert [entry.act for entry in AuditLog(results.database).page()] == [
        "operator.let-in",
        "operator.remove",
    ]


def test_the_audit_list_has_pages_for_operators_only(
    app: Flask, client: FlaskClient, results: Results
) -> None:
    log, bob = AuditLog(results.database), app.test_client()
    for number in range(120):
        log.add("an-id", "Ada", "model.start", f"<model {number}>", units=number)
    assert app.test_client().get("/account/audit").status_code == 303
    sign_in(bob, "Bob", "labeller")
    assert bob.get("/account/audit").status_code == 403
    sign_in(client)
    pages, address = [], "/account/audit"
    while address:
        page = client.get(address)
        assert page.headers["Cache-Control"] == "private, no-store"
        pages.append(re.findall(r"&lt;model (\d+)&gt;<small>units: \1<", page.text))
        older = re.search(r'href="(/account/audit\?before=\d+)"', page.text)
        address = older[1] if older else ""
    assert [len(each) for each in pages] == [50, 50, 20]
    assert [number for each in pages for number in each] == [str(119 - n) for n in range(120)]
    assert client.get("/account/audit?before=x").status_code == 400


def test_a_form_of_somebody_who_is_signed_out_leads_to_the_sign_in_page(
    client: FlaskClient,
) -> None:
    page = {"Referer": "http://localhost/account/?a=b", "Accept": "text/html"}
    answer = client.post("/account/keys", headers=page)
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/account/")
    elsewhere = client.post("/account/keys", headers=page | {"Referer": "https://evil.test/x"})
    assert elsewhere.location == "/sign-in"
    script = client.post("/account/keys", headers={"Accept": "application/json"})
    assert (script.status_code, script.mimetype) == (401, "application/problem+json")


@pytest.mark.parametrize("next", ["https://evil.test", "//evil.test", "/\\evil.test", "/a b"])
def test_next_stays_on_this_site(client: FlaskClient, results: Results, next: str) -> None:
    client.get("/sign-in", query_string={"next": next})
    token = Links(results.database).create(Operators(results.database).create("Ada"))
    assert client.post("/sign-in/link", data={"token": token}).location == "/projects/"


def test_the_cookie_over_https_never_leaves_this_host(
    client: FlaskClient, results: Results
) -> None:
    token = Links(results.database).create(Operators(results.database).create("Ada"))
    https = "https://localhost"
    answer = client.post("/sign-in/link", data={"token": token}, base_url=https)
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if "operator" in each]
    assert cookie.startswith("__Host-operator-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert client.get("/account/", base_url=https).status_code == 200
    (signed_out,) = [
        each
        for each in client.post("/sign-out", base_url=https).headers.getlist("Set-Cookie")
        if each.startswith("__Host-operator-")
    ]
    client.set_cookie(cookie.split("=")[0], cookie.split("=")[1].split(";")[0])  # a copy
    assert client.get("/account/", base_url=https).status_code == 303
    assert "Max-Age=0" in signed_out


def test_guessing_links_is_slowed_down(settings: Settings, pipeline: Pipeline) -> None:
    limited = settings.model_copy(update={"uploads_a_minute": 60})
    client = create_app(limited, pipeline=pipeline).test_client()
    statuses = [client.get("/sign-in/link?token=x").status_code for _ in range(SIGN_INS + 1)]
    assert statuses == [400] * SIGN_INS + [429]


def test_visitors_see_nothing_of_it_before_the_api_page(client: FlaskClient) -> None:
    for page in ("/", "/mine", "/many", "/privacy"):
        assert "sign-in" not in client.get(page).text
    assert 'href="/sign-in"' in client.get("/api").text


def test_an_operator_finds_the_way_back_from_every_page(client: FlaskClient) -> None:
    public = ("/", "/mine", "/statistics", "/privacy", "/api")
    way = '<a href="/projects/">Projects</a>'
    assert not any(way in client.get(path).text for path in public)
    sign_in(client)
    assert [path for path in public if way not in client.get(path).text] == []
    assert "Sign in</a>" not in client.get("/api").text


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
    assert [(each.operator_name, each.act) for each in AuditLog(results.database).page()] == [
        ("Ada", "job.retry"),
        ("Ada", "job.cancel"),
    ]
