"""URL rules: a start compiles no address builders, and addresses are the same as Werkzeug's."""

import pytest
from flask import url_for
from werkzeug.routing import Rule

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.url_rules import Builder


def test_an_address_builder_is_compiled_when_its_first_address_is_built(
    settings: Settings, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    compile_builder = Rule._compile_builder

    def count(rule: Rule, append_unknown: bool = True) -> Builder:
        compiled.append(rule.rule)
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", count)
    app = create_app(settings, pipeline=pipeline)
    # Flask adds the rule of its static files before the class of the rules can be set.
    assert set(compiled) == {"/static/<path:filename>"}
    compiled.clear()
    with app.test_request_context("/"):
        for _ in range(2):
            address = url_for("models.show", id="a b", number=3, other="ä")
            assert address == "/projects/a%20b/models/3?other=%C3%A4"
    assert compiled == ["/projects/<id>/models/<int:number>"]
