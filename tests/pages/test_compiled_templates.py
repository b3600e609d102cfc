"""Compiled templates are kept between starts, and hold nothing but their source."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import nodes

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.pages.compiled_templates import CompiledTemplates

PAGE = "/privacy"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let temporary files lie in a folder of the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_second_start_compiles_no_template(
    settings: Settings, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create_app(settings).test_client().get(PAGE)
    second = create_app(settings)

    def compile(_source: str, name: str, *_: Any, **__: Any) -> None:
        pytest.fail(f"{name} is compiled again")

    monkeypatch.setattr(second.jinja_env, "compile", compile)
    assert second.test_client().get(PAGE).text == first.text
    assert first.status_code == 200


def test_pages_need_no_folder_for_them(settings: Settings, temporary: Path) -> None:
    client = create_app(settings).test_client()
    assert client.get(PAGE).status_code == 200
    assert list(temporary.iterdir()) != []
    shutil.rmtree(temporary)  # as what tidies up temporary files does
    assert client.get("/camera").status_code == 200


def test_a_folder_that_is_no_folder_of_ones_own_is_not_used(temporary: Path) -> None:
    assert CompiledTemplates().files is not None
    (folder,) = temporary.iterdir()
    folder.rmdir()
    folder.symlink_to(temporary)
    assert CompiledTemplates().files is None


def test_without_a_page_there_is_no_folder(settings: Settings, temporary: Path) -> None:
    assert create_app(settings).test_client().get("/api/v1/jobs?limit=0").status_code == 400
    assert list(temporary.iterdir()) == []


def test_no_constant_of_a_template_is_filtered_when_it_is_compiled(app: Flask) -> None:
    """Else a filter's result, such as a translation, would be kept for other languages."""
    environment, filters = app.jinja_env, 0
    for name in environment.list_templates(filter_func=lambda name: not name.startswith(".")):
        source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
        for use in environment.parse(source, name).find_all((nodes.Filter, nodes.Test)):
            filters += 1
            with pytest.raises(nodes.Impossible):
                use.as_const(nodes.EvalContext(environment, name))
    assert filters > 50
