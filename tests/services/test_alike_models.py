"""Projects that ask the same question, under names that change: whose is an answer?"""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.circuit_breaker import FAILURE_THRESHOLD
from rubberduck.core.settings import Settings
from rubberduck.custom_models.tables import model_versions, projects
from rubberduck.db.engine import Database
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.store import Videos
from rubberduck.web.model_hosting import hosting
from tests.support.custom_labels import FakeCustomLabels
from tests.support.hosting import add_amazon_model, opener_of
from tests.support.pictures import corners, encoded, form
from tests.support.ready_videos import sample_video
from tests.support.visitor import visible_text

QUESTION = "What is in this image?"
CUPS, MUGS = "cups------------", "mugs------------"


@pytest.fixture
def fake() -> FakeCustomLabels:
    fake = FakeCustomLabels()
    fake.clock.per_describe = 0
    return fake


@pytest.fixture
def app(settings: Settings, pipeline: Pipeline, fake: FakeCustomLabels) -> Flask:
    app = create_app(settings, pipeline=replace(pipeline, open_custom_labels=opener_of(fake)))
    database = pipeline.results.database
    for project in ("cups", "mugs"):
        labels = [["l1", f"{project} red"], ["l2", f"{project} blue"]]
        id = add_amazon_model(database, fake, f"{project}1", project=project, labels=labels)
        with app.app_context():
            hosting().start(id, 1, "ada", unwatched=True)
    change(database, question=QUESTION)
    fake.advance(700)
    with app.app_context():
        app.extensions["model_watch"].run_due()
    refresh(app)
    return app


def change(database: Database, project_id: str | None = None, **values: Any) -> None:
    """Change a project, or all of them, as another process would."""
    mine = projects.c.id == project_id if project_id else projects.c.id.is_not(None)
    with database.transaction(writing=True) as connection:
        connection.execute(projects.update().where(mine).values(**values))


def refresh(app: Flask) -> None:
    with app.app_context():
        app.extensions["answering_models"].refresh()


def answer_of(client: FlaskClient, project_id: str, **picture: Any) -> Any:
    response = client.post(f"/api/v1/pictures?model={project_id}", **form(encoded(**picture)))
    assert response.status_code == 201, response.text
    return response.get_json()


def page_after_no(client: FlaskClient, id: str) -> str:
    """Return the page of a result whose owner said that it is wrong, which offers the labels."""
    said = client.post(f"/result/{id}/judgement", data={"right": "no"}, follow_redirects=True)
    return said.text


@pytest.mark.parametrize(("project", "other"), [(CUPS, MUGS), (MUGS, CUPS)])
def test_a_result_offers_the_labels_of_the_project_that_answered(
    client: FlaskClient, project: str, other: str
) -> None:
    body = answer_of(client, project)
    assert (body["question"], body["found"]) == (QUESTION, False)
    page = page_after_no(client, body["id"])
    assert f"To say yes, we would need to see {project[:4]} red or" in visible_text(page)
    assert f'action="/?model={project}"' in page
    assert f'action="/?model={other}"' not in page
    assert f"{project[:4]} blue</option>" in page
    assert f"{other[:4]} red" not in page


def test_the_api_judges_an_answer_of_a_model_with_another_threshold(
    client: FlaskClient, fake: FakeCustomLabels
) -> None:
    """The page did, while the API gave the stored answer back whatever was asked for."""
    fake.world.detections = [{"Name": "mugs red", "Confidence": 70.0}]
    body = answer_of(client, MUGS)
    assert (body["found"], body["threshold"]) == (True, 0.0)
    address = f"/api/v1/results/{body['id']}"
    judged = client.get(f"{address}?min=80").get_json()
    assert (judged["found"], judged["threshold"]) == (False, 80.0)
    assert client.get(f"{address}?min=60").get_json()["found"] is True
    assert client.get(address).get_json()["found"] is True


def test_a_result_is_found_by_its_version_after_its_project_has_another_name(
    app: Flask, client: FlaskClient, pipeline: Pipeline
) -> None:
    stricter = f"/api/v1/pictures?model={MUGS}&min_confidence=60"
    ids = [
        answer_of(client, MUGS)["id"],
        client.post(stricter, **form(encoded())).get_json()["id"],
    ]
    change(pipeline.results.database, MUGS, name="our mugs", question="Which mug is it?")
    refresh(app)
    for id in ids:
        assert f'action="/?model={MUGS}"' in client.get(f"/result/{id}").text


def test_a_result_of_an_earlier_version_is_found_by_its_projects_name(
    app: Flask, client: FlaskClient, pipeline: Pipeline
) -> None:
    id = answer_of(client, MUGS)["id"]
    mine = model_versions.c.project_id == MUGS  # as if another one were running by now
    with pipeline.results.database.transaction(writing=True) as connection:
        connection.execute(
            model_versions.update().where(mine).values(id="mugs-later-version", number=2)
        )
    refresh(app)
    assert f'action="/?model={MUGS}"' in client.get(f"/result/{id}").text


def test_a_result_of_a_stopped_project_is_not_shown_as_that_of_the_other_one(
    app: Flask, client: FlaskClient
) -> None:
    id = answer_of(client, MUGS)["id"]
    with app.app_context():
        hosting().stop("mugs-mugs1")
    refresh(app)
    assert f"model={CUPS}" not in client.get(f"/result/{id}").text


def test_a_video_belongs_to_the_project_that_was_asked(
    client: FlaskClient, pipeline: Pipeline
) -> None:
    video = replace(sample_video("a-video-of-22-letters_"), question=QUESTION, model=MUGS)
    Videos(pipeline.results.database).create(video)
    page = client.get(f"/videos/{video.id}").text
    assert f"model={MUGS}" in page
    assert f"model={CUPS}" not in page


def test_a_renamed_project_answers_under_its_new_name_behind_the_same_circuit(
    app: Flask, client: FlaskClient, pipeline: Pipeline, fake: FakeCustomLabels
) -> None:
    before = answer_of(client, MUGS)
    assert before["engine"] == "mugs"
    change(pipeline.results.database, MUGS, name="our mugs")
    refresh(app)
    after = answer_of(client, MUGS)
    assert (after["engine"], after["id"] == before["id"]) == ("our mugs", False)
    for number in range(FAILURE_THRESHOLD):
        fake.faults.order("DetectCustomLabels", "AccessDeniedException")
        failed = client.post(f"/?model={MUGS}", **form(encoded(corners(200 + number, 120))))
        assert failed.status_code == 503
    change(pipeline.results.database, MUGS, name="the mugs")
    refresh(app)
    calls = len(fake.requests)
    rejected = client.post(f"/?model={MUGS}", **form(encoded(corners(300, 120))))
    assert (rejected.status_code, len(fake.requests)) == (503, calls)  # not even asked


def test_a_stopped_model_is_named_as_its_project_is_now(
    app: Flask, client: FlaskClient, pipeline: Pipeline, fake: FakeCustomLabels
) -> None:
    answer_of(client, MUGS)
    change(pipeline.results.database, MUGS, name="our mugs")
    refresh(app)
    fake.version("mugs1").become("STOPPED")
    stopped = client.post(f"/?model={MUGS}", **form(encoded(corners(200, 120))))
    assert (stopped.status_code, "“our mugs” is stopped." in stopped.text) == (503, True)
