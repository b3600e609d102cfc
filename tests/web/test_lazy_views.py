"""Views are imported when they are first requested, and say what is wrong with their module."""

import logging
import sys
from pathlib import Path

import pytest
from flask import Blueprint, Flask
from werkzeug.utils import ImportStringError

from rubberduck.web.lazy_views import DeclaredRoutes, Route, add_routes, load_views, parse_routes

MODULE = "a_module_with_views"
SOURCE = """
def show(id):
    return f"duck {id}"

def change(id):
    return "changed"
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a module with views."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    (file := tmp_path / f"{MODULE}.py").write_text(SOURCE)
    return file


@pytest.fixture
def pond() -> Flask:
    """Return an app with the routes of that module."""
    app, blueprint = Flask(__name__), Blueprint("pond", __name__)
    routes = [
        Route(("GET",), "/ducks/<id>", f"{MODULE}:show"),
        Route(("GET",), "/birds/<id>", f"{MODULE}:show"),
        Route(("PUT",), "/ducks/<id>", f"{MODULE}:change"),
    ]
    add_routes(blueprint, routes)
    app.register_blueprint(blueprint)
    return app


def test_a_view_is_imported_by_its_first_request(pond: Flask, module: Path) -> None:
    client = pond.test_client()
    assert client.delete("/ducks/1").status_code == 405
    with pond.test_request_context():
        assert pond.url_for("pond.show", id=1) == "/ducks/1"
    assert MODULE not in sys.modules
    assert client.get("/birds/2").text == "duck 2"
    assert client.put("/ducks/2").text == "changed"


def test_a_module_that_is_wrong_is_told_in_the_log(
    pond: Flask, module: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module.write_text("import a_library_that_is_missing")
    with caplog.at_level(logging.ERROR):
        assert pond.test_client().get("/ducks/1").status_code == 500
    assert "No module named 'a_library_that_is_missing'" in caplog.text


def test_all_are_imported_at_once_for_processes_to_come(pond: Flask, module: Path) -> None:
    load_views(pond)
    assert MODULE in sys.modules


def test_a_view_that_is_missing_stops_that(pond: Flask, module: Path) -> None:
    module.write_text("show = print")
    with pytest.raises(ImportStringError, match="change"):
        load_views(pond)


def test_decorators_declare_what_a_table_holds() -> None:
    routes = DeclaredRoutes()

    @routes.route("/ducks", "GET", "HEAD")
    @routes.post("/ducks")
    def ducks() -> None: ...

    (reference,) = routes.views
    module, _, name = reference.partition(":")
    table = f"POST /ducks {module}:{name}\nGET,HEAD /ducks {module}:{name}\n"
    assert parse_routes(table, "here") == [
        route._replace(view=f"here.{route.view}") for route in routes.routes
    ]
