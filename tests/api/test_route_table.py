"""The API's routes are known at the start, and its modules are imported when they are asked for."""

import subprocess
import sys

from flask import Flask
from werkzeug.utils import import_string

from docs import api_routes
from rubberduck.api.blueprint import api
from rubberduck.core.settings import ROOT

PROGRAM = """
import sys
from app import start
client = start().test_client()
assert client.get("/").status_code == client.get("/camera").status_code == 200
assert client.put("/api/v1/jobs").status_code == 405
print(*sorted(name for name in sys.modules if name.startswith("rubberduck.api.")))
"""


def test_the_table_is_as_it_would_be_generated() -> None:
    assert api_routes.TABLE.read_text() == api_routes.source(), "python -m docs.api_routes"


def test_every_view_of_the_table_can_be_imported() -> None:
    routes = api_routes.declared_routes()
    assert len(routes) > 90
    assert [
        route for route in routes if import_string(route.view) is not api.views[route.view]
    ] == []


def test_the_site_starts_without_the_modules_of_the_api() -> None:
    environment = {"DUCK_SECRET_KEY": "a key of the tests", "FLASK_SKIP_DOTENV": "1"}
    command = [sys.executable, "-c", PROGRAM]
    printed = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
    names = {name.removeprefix("rubberduck.api.") for name in printed.splitlines()[-1].split()}
    assert names == {"blueprint", "route_table", "tus"}


def test_options_of_uploads_are_answered_by_their_view(app: Flask) -> None:
    rules = {rule.rule: rule for rule in app.url_map.iter_rules("api.create_upload")}
    assert rules["/api/v1/uploads"].methods == {"POST"}
