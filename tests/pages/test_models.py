"""The pages and commands of models: what they show and refuse, without a real training."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bench.harness.dataset import fill_project
from rubberduck.custom_models.evaluation_summary import read_summary
from rubberduck.custom_models.project_pictures import ProjectPictures
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.versions import Versions
from rubberduck.db.results import Results
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.training_queue import RETRAIN, queue_retrainings
from rubberduck.storage.base import Storage
from tests.support.command_line import run_command
from tests.support.objects import draw_picture, draw_project
from tests.support.operators import sign_in
from tests.support.trained_projects import QUOTA, add_version, create_project, evaluation_of
from tests.support.visitor import visible_text


@pytest.fixture
def storage(pipeline: Pipeline) -> Storage:
    return pipeline.storage


@pytest.fixture
def project(results: Results, storage: Storage) -> Project:
    return create_project(results.database, storage, draw_project(16, empty=2))


def test_an_operator_reads_compares_and_deletes_versions(
    app: Flask, client: FlaskClient, results: Results, storage: Storage, project: Project
) -> None:
    database = results.database
    store = ProjectPictures(database, storage, 10**7, QUOTA)
    ids = [picture.id for picture in store.each(project.id)]
    first = add_version(database, storage, project, evaluation_of(ids[:12], found=2))
    add_version(database, storage, project, evaluation_of(ids[:12], found=12), {ids[15]: "train"})
    add_version(database, storage, project, evaluation_of(ids[:3], found=3))
    store.delete(project.id, [ids[15], ids[4]])  # trained with, and one of the mistakes
    address = f"/projects/{project.id}/models"
    assert client.get(address).status_code == 303  # to the sign-in page
    sign_in(client)

    listed = client.get(address).text
    assert [f"Version {n}" in listed for n in (1, 2, 3)] == [True] * 3
    assert "1 picture of it was withdrawn since." in listed
    assert "F1 1.00" in listed

    page = client.get(f"{address}/1").text
    assert "measured on 12 others that it never saw" in page
    assert "Mean of the labels too few pictures of some labels" in visible_text(page)
    assert "Missed: 10" in page
    assert "Seen where there is none: 10" in page
    shown = set(re.findall(rf"{address}/1/pictures/([\w-]+)\.jpg", page))
    assert shown == set(ids[2:12]) - {ids[4]}
    assert client.get(f"{address}/1/pictures/{min(shown)}.jpg").mimetype == "image/jpeg"
    assert "too few pictures to mean anything" in client.get(f"{address}/3").text
    for chart in ("precision-light", "calibration-dark"):
        svg = client.get(f"{address}/1/{chart}.svg")
        assert svg.mimetype == "image/svg+xml"
        assert b"<svg" in svg.data
    theirs = client.get(f"{address}/1/EvaluationResultSummary.json").data
    assert read_summary(theirs).mean.f1 == pytest.approx(first.evaluation.mean.f1)  # type: ignore[union-attr]

    assert "Version 2 is better than version 1." in client.get(f"{address}/2?with=1").text
    assert "Too few pictures to tell" in client.get(f"{address}/3?with=2").text
    assert client.get(f"{address}/2?with=2").status_code == 400
    assert client.get(f"{address}/9").status_code == 404

    labeller = app.test_client()
    sign_in(labeller, "Bob", "labeller")
    assert "Train on this machine" not in labeller.get(address).text
    assert labeller.post(address).status_code == 403
    assert labeller.post(f"{address}/1/delete").status_code == 403
    assert client.post(f"{address}/1/delete").status_code == 303
    assert client.get(f"{address}/1").status_code == 404
    with pytest.raises(FileNotFoundError):
        storage.get(str(first.file_key))

    api = f"/api/v1{address}"
    assert [who.delete(f"{api}/2").status_code for who in (labeller, client, client)] == [
        403,
        204,
        404,
    ]
    assert client.post(f"{api}/amazon?distribute=maybe").status_code == 400
    off = client.post(f"{api}/amazon").get_json()
    assert (off["status"], off["title"]) == (
        409,
        "Amazon Rekognition Custom Labels is switched off",
    )


def test_a_program_compares_two_versions(
    client: FlaskClient, results: Results, storage: Storage, project: Project
) -> None:
    store = ProjectPictures(results.database, storage, 10**7, QUOTA)
    ids = [picture.id for picture in store.each(project.id)]
    for tested, found in ((12, 2), (12, 12), (3, 3)):
        evaluation = evaluation_of(ids[:tested], found=found)
        add_version(results.database, storage, project, evaluation)
    api = f"/api/v1/projects/{project.id}/models"
    assert client.get(f"{api}/2/comparison?with=1").status_code == 401
    sign_in(client, "Bob", "labeller")
    one = client.get(f"{api}/1").get_json()
    assert (one["training_seconds"], one["file_bytes"], one["job"]) == (12.5, 7, "job of a test, 0")
    better = client.get(f"{api}/2/comparison?with=1").get_json()
    assert (better["outcome"], better["how"], better["f1"]) == ("better", "paired", 1.0)
    assert better["difference"]["value"] == 1 - better["f1_compared_with"]
    assert 0 < better["difference"]["low"] <= better["difference"]["high"]
    few = client.get(f"{api}/3/comparison?with=2").get_json()
    assert (few["outcome"], few["how"]) == ("too few pictures", "paired")
    assert (few["number"], few["compared_with"], few["pictures"]) == (3, 2, 3)
    for wrong in ("?with=3", "?with=7", ""):
        assert client.get(f"{api}/3/comparison{wrong}").status_code == 400
    assert client.get(f"{api}/9/comparison?with=2").status_code == 404


def test_a_training_is_queued_once_and_ends_with_its_job(
    client: FlaskClient, results: Results, project: Project
) -> None:
    sign_in(client)
    address = f"/projects/{project.id}/models"
    page = client.get(address).text
    assert "Fewer than 10 test pictures have: mug, ball." in page
    assert re.search(r"\$0, about \d minute", page)
    assert client.post(address).status_code == 303
    assert "No worker is running" in client.get(address).text
    refused = client.post(address)
    assert (refused.status_code, "one waits or runs" in refused.text) == (409, True)

    queue, versions = JobQueue(results.database, 9), Versions(results.database)
    (job,) = queue.store.newest(f"project:{project.id}")
    versions.begin(project.id, job.id, created_by="ann", labels=[("a", "mug")])
    assert "in training" in client.get(address).text
    version = client.get(f"{address}/1").text
    assert ("No worker is running" in version, f'data-status="/jobs/{job.id}' in version) == (
        True,
        True,
    )
    client.post(f"/jobs/{job.id}/cancel")
    page = client.get(address).text
    assert ("training failed" in page, "Cancelled." in page) == (True, True)
    assert "data-status" not in client.get(f"{address}/1").text


def test_what_cannot_be_trained_is_said_before_anything_starts(
    client: FlaskClient, results: Results, storage: Storage
) -> None:
    sign_in(client)
    drawn = [draw_picture(number, ("mug",)) for number in range(6)]
    project = create_project(results.database, storage, drawn, unlabelled=1)
    address = f"/projects/{project.id}/models"
    sentence = "No picture has the label “ball”: label some, or remove it from the project."
    page = client.get(address).text
    assert (sentence in page, "Train on this machine" in page) == (True, False)
    refused = client.post(address)
    assert (refused.status_code, sentence in refused.text) == (422, True)
    assert JobQueue(results.database, 9).store.newest(f"project:{project.id}") == []


def test_a_program_reads_what_a_training_would_do(
    client: FlaskClient, results: Results, project: Project
) -> None:
    address = f"/api/v1/projects/{project.id}/training-plan"
    assert client.get(address).status_code == 401
    sign_in(client, "Bob", "labeller")
    plan = client.get(address).get_json()
    assert plan["can_train"]
    few = "Fewer than 10 test pictures have: mug, ball. Their figures will mean little."
    assert plan["findings"] == [{"message": few, "is_fatal": False}]
    page = visible_text(client.get(f"/projects/{project.id}/models").text)
    sides = "{train} to train with, {validation} to choose thresholds, {test} to test."
    assert sides.format(**plan) in page
    assert plan["estimated_seconds"] > 10
    assert plan["dollars_per_hour_at_amazon"] is None
    empty = Projects(results.database).create("cups", "boxes", ["cup"], "somebody")
    plan = client.get(f"/api/v1/projects/{empty.id}/training-plan").get_json()
    sentence = "No picture shows one of the labels yet: draw boxes on some first."
    assert (plan["can_train"], plan["findings"][0]["message"]) == (False, sentence)
    assert client.get("/api/v1/projects/missing/training-plan").status_code == 404


def test_a_large_project_is_looked_through_when_asked(
    client: FlaskClient, results: Results
) -> None:
    """To sort 100,000 pictures onto sides takes five seconds."""
    sign_in(client)
    large = Projects(results.database).create("all mugs", "boxes", ["mug", "ball"], "somebody")
    fill_project(results.database, large, 2300)
    page = client.get(address := f"/projects/{large.id}/models").text
    assert "Labelled pictures: 2,070. A training divides them" in page
    assert "to choose thresholds, 0 to test" not in page
    (check,) = re.findall(r'href="([^"]+check=1)"', page)
    assert check == f"{address}?check=1"
    looked_through = client.get(check).text
    assert "Labelled pictures: 2,070 to train with, 0 to choose thresholds, 0 to test." in (
        looked_through
    )
    assert "Train on this machine" in page


def test_a_worker_trains_again_what_a_release_left_on_an_old_trunk(
    results: Results, storage: Storage, project: Project
) -> None:
    database, store = results.database, JobQueue(results.database, 9).store
    version = add_version(database, storage, project, evaluation_of(["p"], found=1))
    assert queue_retrainings(database, store) == 1
    assert queue_retrainings(database, store) == 0  # the other workers do the same
    (job,) = store.newest(f"project:{project.id}")
    assert (job.kind, job.arguments["version_id"]) == (RETRAIN, version.id)


def test_commands_list_train_and_measure(
    app: Flask, results: Results, storage: Storage, project: Project, tmp_path: Path
) -> None:
    add_version(results.database, storage, project, evaluation_of(["p", "q"], found=1))
    listed = run_command(app, "model", "list", "our mugs").output
    assert "our mugs  1  TRAINING_COMPLETED  F1 0.50 (" in listed
    figures = run_command(app, "model", "evaluate", "our mugs", "1").output
    assert re.search(r"mug +0\.50  0\.67 \(.*too few pictures to mean anything", figures)
    assert "Mistakes: missed 1, false 1." in figures
    written = run_command(app, "model", "evaluate", "--json", project.id, "1").output
    assert (
        read_summary(written).trained
        == json.loads(written)["EvaluationDetails"]["NumberOfTrainingImages"]
    )
    queued = run_command(app, "model", "train", "our mugs").output
    assert "Queued: " in queued
    assert "there is no such project" in run_command(app, "model", "list", "cups").output.lower()
