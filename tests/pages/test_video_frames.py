"""The form that takes frames of a video into a project: who may, and what it asks for."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.accounts.tokens import Tokens
from rubberduck.core.settings import Settings
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.jobs.models import Job
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from tests.support.analysed_videos import add_video, begin_video, swimming_ducks
from tests.support.operators import sign_in
from tests.support.visitor import as_visitor, visible_text

ID = "a-video-of-22-letters_"
FORM = "Train with its frames"


@pytest.fixture
def project(pipeline: Pipeline) -> Project:
    return Projects(pipeline.results.database).create("Ducks", "boxes", ["duck"], "ada")


@pytest.fixture(autouse=True)
def _video(pipeline: Pipeline) -> None:
    add_video(pipeline.results.database, swimming_ducks(), id=ID, owner="ann")


def jobs(pipeline: Pipeline, project: Project) -> list[Job]:
    return JobQueue(pipeline.results.database, 9).store.newest(f"project:{project.id}")


def take(client: FlaskClient, chosen: Project, **fields: Any) -> Any:
    data = {"project": chosen.id, "every": "best", "most": "100", **fields}
    return client.post(f"/videos/{ID}/take-in", data=data)


def test_an_operator_takes_frames_of_ones_own_video(
    client: FlaskClient, pipeline: Pipeline, settings: Settings, project: Project
) -> None:
    as_visitor(client, "ann")
    assert FORM not in client.get(f"/videos/{ID}").text  # nobody has signed in
    person = sign_in(client)
    page = client.get(f"/videos/{ID}?confidence=50")
    assert FORM in visible_text(page.text)
    assert f'<option value="{project.id}">Ducks</option>' in page.text
    response = take(client, project, every="5", confidence="50")
    (job,) = jobs(pipeline, project)
    assert (response.status_code, response.location) == (303, f"/jobs/{job.id}")
    assert "Frames of a video" in client.get(response.location).text
    assert (job.kind, job.arguments["video_id"]) == ("take-in-frames", ID)
    assert job.arguments["operator_id"] == person.id
    assert job.arguments["choice"] == {
        "every_seconds": 5.0,
        "most": 100,
        "min_confidence": 50.0,
        "label": None,
        "label_id": project.labels[0].id,  # the only one
        "quota_pictures": settings.project_pictures,
        "quota_bytes": settings.project_bytes,
    }


def test_nobody_trains_with_anothers_video(
    client: FlaskClient, pipeline: Pipeline, project: Project
) -> None:
    as_visitor(client, "bob")
    assert take(client, project).location.startswith("/sign-in")
    sign_in(client)
    assert FORM not in client.get(f"/videos/{ID}").text
    response = take(client, project)
    assert response.status_code == 403
    assert "somebody else" in visible_text(response.text)
    assert jobs(pipeline, project) == []


def test_a_labeller_may_not(client: FlaskClient, project: Project) -> None:
    as_visitor(client, "ann")
    sign_in(client, "Lee", "labeller")
    assert FORM not in client.get(f"/videos/{ID}").text
    assert take(client, project).status_code == 403


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"every": "often"}, 400),
        ({"every": "nan"}, 400),
        ({"most": "501"}, 400),
        ({"confidence": "101"}, 400),
        ({"project": "none"}, 404),
    ],
)
def test_a_form_that_is_not_right(
    client: FlaskClient, project: Project, fields: dict[str, str], status: int
) -> None:
    as_visitor(client, "ann")
    sign_in(client)
    assert take(client, project, **fields).status_code == status


def test_a_page_without_projects_leads_to_a_new_one(client: FlaskClient) -> None:
    as_visitor(client, "ann")
    sign_in(client)
    assert 'href="/projects/new">New project</a>' in client.get(f"/videos/{ID}").text


def test_a_program_takes_frames(app: Flask, pipeline: Pipeline, project: Project) -> None:
    client = app.test_client()
    person = sign_in(client)
    database, day = pipeline.results.database, timedelta(days=1)
    key, _ = Tokens(database).create(person.id, "a key", day, "operator")
    add_video(database, swimming_ducks(), id="of-ada", owner=person.id)
    begin_video(database, [], id="not-ready", owner=person.id)
    other = app.test_client()

    def post(**body: Any) -> Any:
        return other.post(
            f"/api/v1/projects/{project.id}/video-frames",
            json=body,
            headers={"Authorization": f"Bearer {key}"},
        )

    response = post(video="of-ada", frames=[1000, 3000], label_id=project.labels[0].id)
    (job,) = jobs(pipeline, project)
    assert (response.status_code, response.get_json()["id"]) == (202, job.id)
    assert job.arguments["choice"]["frames"] == [1000, 3000]
    assert post(video=ID).status_code == 403
    assert post(video="nothing").status_code == 404
    assert post(video="not-ready").status_code == 409
    assert post(video="of-ada", frames=[1], every_seconds=1).status_code == 400
    assert post(video="of-ada", most=0).status_code == 400
    assert post(video="of-ada", label_id="none").status_code == 404
    unsigned = other.post(f"/api/v1/projects/{project.id}/video-frames", json={"video": "of-ada"})
    assert unsigned.status_code == 401
