"""`flask operator`: people, links and tokens from the terminal, on both databases."""

import re

from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.accounts.audit import AuditLog
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.command_line import run_command
from tests.support.visitor import KEY_RE, bearer

LINK_RE = re.compile(r"^(\S+)/sign-in/link\?token=([\w-]{32})$", re.MULTILINE)


def ok(app: Flask, *words: str) -> str:
    result = run_command(app, "operator", *words)
    assert result.exit_code == 0, result.output
    return result.output


def token_in(output: str, base: str = "http://127.0.0.1:8000") -> str:
    found = LINK_RE.search(output)
    assert found, output
    assert found[1] == base
    return found[2]


def test_people_are_added_sign_in_and_are_removed(app: Flask, client: FlaskClient) -> None:
    assert "Nobody." in ok(app, "list")
    client.post("/sign-in/link", data={"token": token_in(ok(app, "link"))})
    assert "You are an operator" in client.get("/account/").text
    bob = app.test_client()
    bob.post("/sign-in/link", data={"token": token_in(ok(app, "add", "Bob", "--role", "labeller"))})
    assert "You label pictures" in bob.get("/account/").text
    key = KEY_RE.search(ok(app, "token", "Bob", "--scope", "operator"))
    assert key
    listed = ok(app, "list")
    assert re.search(r"^Bob +labeller +1 sessions, 1 API keys$", listed, re.MULTILINE)
    again = run_command(app, "operator", "add", "Bob")
    assert (again.exit_code, "signs in here already" in again.output) == (1, True)
    ok(app, "remove", "Bob")
    assert bob.get("/account/").status_code == 303
    program = app.test_client(use_cookies=False)
    assert program.get("/api/v1/results", headers=bearer(key[0])).status_code == 401
    unknown = run_command(app, "operator", "link", "Bob")
    assert (unknown.exit_code, "Nobody of this name" in unknown.output) == (1, True)
    ok(app, "add", "Bob")  # comes back, with another role
    pipeline: Pipeline = app.extensions["pipeline"]
    entries = AuditLog(pipeline.results.database).page()
    acts = [(entry.operator_name, entry.act, entry.object) for entry in reversed(entries)]
    assert acts == [
        ("terminal", "link.create", "Operator"),
        ("Operator", "sign-in", "link"),
        ("terminal", "operator.add", "Bob"),
        ("Bob", "sign-in", "link"),
        ("terminal", "token.create", "Bob"),
        ("terminal", "operator.remove", "Bob"),
        ("terminal", "operator.add", "Bob"),
    ]


def test_the_link_names_the_site_as_visitors_do(settings: Settings, pipeline: Pipeline) -> None:
    hosts = (".duck.example", "www.duck.example")
    app = create_app(settings.model_copy(update={"hosts": hosts}), pipeline=pipeline)
    token_in(ok(app, "link"), "https://www.duck.example")
    token_in(ok(app, "link", "--url", "http://10.0.0.7/"), "http://10.0.0.7")
