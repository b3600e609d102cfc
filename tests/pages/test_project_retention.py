"""A shorter retention deletes pictures of a project: that is said and asked first, and counted."""

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.accounts.audit import AuditLog
from rubberduck.custom_models.project_pictures import ProjectPictures, Quota, Upload
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import project_pictures
from rubberduck.services.pipeline import Pipeline
from tests.support.command_line import run_command
from tests.support.operators import sign_in
from tests.support.pictures import encoded
from tests.support.scenes import scene
from tests.support.visitor import visible_text


@pytest.fixture
def operator(app: Flask) -> FlaskClient:
    client = app.test_client()
    sign_in(client)
    return client


@pytest.fixture
def mugs(pipeline: Pipeline) -> Project:
    """A project with a labelled and an unlabelled picture of ten days ago, and one of today."""
    database = pipeline.results.database
    project = Projects(database).create("Mugs", "boxes", ["mug"], "ada")
    pictures = ProjectPictures(database, pipeline.storage, 15_000_000, Quota(9, 10**9))
    with time_machine.travel(datetime.now(UTC) - timedelta(days=10)):
        for number in (1, 2):
            pictures.add(project, Upload(encoded(scene(number)), near_is_fine=True))
    with database.transaction(writing=True) as connection:
        first = project_pictures.c.id == next(pictures.each(project.id)).id
        connection.execute(project_pictures.update().where(first).values(revision=1))
    pictures.add(project, Upload(encoded(scene(3)), near_is_fine=True))
    return project


def sweep(app: Flask) -> str:
    return run_command(app, "sweep").stdout


def test_a_page_asks_before_a_shorter_retention_deletes_pictures(
    app: Flask,
    operator: FlaskClient,
    pipeline: Pipeline,
    mugs: Project,
    caplog: pytest.LogCaptureFixture,
) -> None:
    page, projects = f"/projects/{mugs.id}/settings", Projects(pipeline.results.database)
    typed = {"name": "Cups", "question": "Is it a <cup>?", "keep_days": "9"}
    asked = operator.post(page, data=typed)
    shown = visible_text(asked.text)
    assert "Delete 2 pictures?" in shown
    assert "They are older than the new limit. Labelled pictures among them: 1." in shown
    assert projects.get(mugs.id) == mugs
    assert sweep(app) == "Nothing to delete.\n"
    assert operator.get(f"/api/v1/projects/{mugs.id}").get_json()["pictures"] == 3
    # What the page sends when that is confirmed is what was typed.
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    assert {name: sent[name] for name in typed} == typed | {"question": "Is it a &lt;cup&gt;?"}
    saved = operator.post(page, data=typed | {"confirmed": sent["confirmed"]})
    assert saved.status_code == 303
    after = projects.get(mugs.id)
    assert (after.name, after.question, after.keep_days) == ("Cups", "Is it a <cup>?", 9)
    caplog.set_level(logging.INFO)
    assert sweep(app) == "Deleted 2 pictures of projects.\n"
    assert "results=0 orphans=0 project_pictures=2 videos=0 people=0 failures=0" in caplog.text
    assert sweep(app) == "Nothing to delete.\n"
    assert operator.get(f"/api/v1/projects/{mugs.id}").get_json()["pictures"] == 1


def test_what_deletes_nothing_is_saved_at_once(operator: FlaskClient, mugs: Project) -> None:
    page, typed = f"/projects/{mugs.id}/settings", {"name": "Mugs", "question": ""}
    confirmed = {"confirmed": "1"}
    for days, more in (("11", {}), ("9", confirmed), ("9", {}), ("", {})):
        assert operator.post(page, data=typed | {"keep_days": days} | more).status_code == 303
    # A value that cannot be saved is what is said first.
    assert operator.post(page, data={"name": "", "keep_days": "9"}).status_code == 400


def test_programs_confirm_it_too(operator: FlaskClient, pipeline: Pipeline, mugs: Project) -> None:
    path = f"/api/v1/projects/{mugs.id}"
    change = {"name": "Mugs", "question": "", "keep_days": 1}
    refused = operator.put(path, json=change)
    problem = refused.get_json()
    assert (refused.status_code, problem["type"]) == (409, "/api#pictures-would-go")
    assert "Pictures that are older than this limit: 2. Of these labelled: 1." in problem["detail"]
    assert operator.get(path).get_json()["keep_days"] is None
    assert operator.put(f"{path}?confirm=true", json=change).get_json()["keep_days"] == 1
    assert [each.act for each in AuditLog(pipeline.results.database).page()] == ["project.change"]
    described = operator.get("/api/openapi.json").get_json()["paths"]["/projects/{id}"]["put"]
    assert [each["name"] for each in described["parameters"]] == ["confirm"]
    assert "409" in described["responses"]
