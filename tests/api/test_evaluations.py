"""The API of a version's evaluation: per label, per threshold, and the mistakes."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.api.evaluations import KINDS
from rubberduck.core.models import Box
from rubberduck.custom_models.evaluation_summary import read_summary
from rubberduck.custom_models.measuring import evaluate
from rubberduck.custom_models.project_pictures import ProjectPictures
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.versions import Versions
from rubberduck.db.results import Results
from rubberduck.scoring.matching import MISTAKES, Answer, Target, TestedPicture
from rubberduck.services.pipeline import Pipeline
from tests.support.objects import draw_project
from tests.support.operators import sign_in
from tests.support.trained_projects import QUOTA, add_version, create_project

HERE, ELSEWHERE = Box(0.1, 0.1, 0.3, 0.3, "", 100), Box(0.6, 0.6, 0.3, 0.3, "", 100)


@pytest.fixture
def project(results: Results, pipeline: Pipeline) -> Project:
    """A project with a version that finds the mugs of two pictures of twelve."""
    project = create_project(results.database, pipeline.storage, draw_project(12))
    store = ProjectPictures(results.database, pipeline.storage, 10**7, QUOTA)
    ids = [picture.id for picture in store.each(project.id)]
    pictures = [
        TestedPicture(
            id,
            id,
            (Target("mug", HERE),),
            (Answer("mug", 0.9, HERE) if number < 2 else Answer("ball", 0.8, ELSEWHERE),),
        )
        for number, id in enumerate(ids)
    ]
    thresholds = {"mug": 0.5, "ball": 0.5}
    found = evaluate(pictures, thresholds, "boxes", "validation", trained=9, validated=3)
    add_version(results.database, pipeline.storage, project, found)
    store.delete(project.id, [ids[4]])
    return project


def test_the_kinds_are_those_of_the_scoring() -> None:
    assert KINDS == MISTAKES


def test_a_program_reads_figures_thresholds_and_confusions(
    client: FlaskClient, project: Project
) -> None:
    path = f"/api/v1/projects/{project.id}/models/1/evaluation"
    assert client.get(path).status_code == 401
    sign_in(client, "Bob", "labeller")
    answer = client.get(path)
    found: Any = answer.json
    assert (found["test_pictures"], found["training_pictures"], found["kind"]) == (12, 9, "boxes")
    (mug,) = [each for each in found["labels"] if each["label"] == "mug"]
    figures = mug["figures"]
    assert (figures["right"], figures["missed"], mug["threshold"]) == (2, 10, 0.5)
    assert figures["precision"]["value"] == 1
    assert figures["recall"]["low"] < figures["recall"]["value"] < figures["recall"]["high"]
    assert mug["thresholds"][-1] == {
        "threshold": 0.9,
        "precision": 1.0,
        "recall": pytest.approx(2 / 12),
    }
    confusion = {(cell["truth"], cell["said"]): cell["value"] for cell in found["confusion"]}
    assert confusion[("mug", "mug")] == 2
    assert found["mistakes"]["missed"] == 10
    assert sum(each["answers"] for each in found["calibration"]) == 12
    same = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(path, headers=same).status_code == 304


def test_a_program_reads_the_figures_in_amazons_format(
    client: FlaskClient, project: Project
) -> None:
    path = f"/api/v1/projects/{project.id}/models/1/evaluation-summary"
    assert client.get(path).status_code == 401
    sign_in(client, "Bob", "labeller")
    answer = client.get(path)
    page = client.get(f"/projects/{project.id}/models/1/EvaluationResultSummary.json")
    assert answer.json == page.json
    read = read_summary(answer.data)
    assert (read.kind, read.pictures, read.trained) == ("boxes", 12, 9)
    assert read.mean.recall == pytest.approx(2 / 12)
    same = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(path, headers=same).status_code == 304


def test_a_program_reads_the_mistakes_in_pages(client: FlaskClient, project: Project) -> None:
    sign_in(client)
    path = f"/api/v1/projects/{project.id}/models/1/mistakes"
    address, seen = f"{path}?limit=7", list[Any]()
    while address:
        page = client.get(address).get_json()
        seen += page["mistakes"]
        address = page["links"]["next"]
    assert [each["kind"] for each in seen] == ["missed"] * 10 + ["false"] * 10
    assert (seen[0]["label"], seen[0]["score"], seen[0]["box"]) == ("mug", None, None)
    assert seen[0]["truth_box"]["left"] == 0.1
    assert (seen[-1]["label"], seen[-1]["score"]) == ("ball", 0.8)
    # One picture was deleted since: the mistake counts, and there is nothing to show.
    assert sum(each["preview"] is None for each in seen) == 2
    assert seen[0]["preview"].startswith("/api/v1/")  # where a program's key is taken
    assert client.get(seen[0]["preview"]).mimetype == "image/jpeg"
    only = client.get(f"{path}?kind=false&limit=100").get_json()
    assert (len(only["mistakes"]), only["links"]["next"]) == (10, None)
    for refused in ("kind=lost", "token=-1", "limit=0"):
        assert client.get(f"{path}?{refused}").status_code == 400


def test_a_version_without_figures_has_none(
    app: Flask, client: FlaskClient, results: Results, project: Project
) -> None:
    Versions(results.database).begin(project.id, "a job", created_by="Ada", labels=[])
    sign_in(client)
    for number in (2, 9):
        for what in ("evaluation", "evaluation-summary", "mistakes"):
            refused = client.get(f"/api/v1/projects/{project.id}/models/{number}/{what}")
            assert refused.status_code == 404
            assert refused.get_json()["type"].endswith("#no-such-version")
