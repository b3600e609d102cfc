"""Asking the models of projects: chosen, default, stopped, started by a visitor; on all doors."""

import hashlib
import logging
import threading
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from onnx import load_model_from_string
from PIL import Image
from sqlalchemy import text as sql

from app import create_app
from rubberduck.aws.custom_labels import CustomLabels
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.core.settings import Settings
from rubberduck.custom_models.hosting_errors import ModelStopped
from rubberduck.custom_models.projects import Projects
from rubberduck.custom_models.tables import model_versions
from rubberduck.custom_models.training import TrainingPicture, background, embedding, train
from rubberduck.db import model_activity
from rubberduck.db.results import Results
from rubberduck.jobs.child import Task
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services import answering_models
from rubberduck.services.answering_models import AnsweringModels
from rubberduck.services.errors import NoSuchModelOffered
from rubberduck.services.pipeline import Offer, Pipeline
from rubberduck.services.video_analysis import finish, see_frames
from rubberduck.services.videos import VideoService
from rubberduck.videos.timeline import label_segments
from rubberduck.web.model_hosting import hosting
from tests.support.browser import MAX_WAIT
from tests.support.command_line import run_command
from tests.support.custom_labels import FakeCustomLabels
from tests.support.duck_videos import write_pictures
from tests.support.hosting import (
    DirectClient,
    FakeSchedules,
    add_amazon_model,
    add_model,
    opener_of,
)
from tests.support.pictures import encoded, form
from tests.support.visitor import visible_text

COLOURS = {"red": (200, 30, 20), "blue": (20, 40, 200)}
PROJECT = "mugs------------"
LABELS = [["l1", "red"], ["l2", "blue"]]


def coloured(label: str, number: int = 0) -> Image.Image:
    red, green, blue = COLOURS[label]
    image = Image.new("RGB", (160, 120), (red, green + number, blue))
    image.paste((250, 250, 240 - number), (20, 20 + number, 60, 60))
    return image


@pytest.fixture(scope="module")
def onnx() -> bytes:
    """A model of whole pictures that tells red from blue."""
    some = background.backgrounds()[::10]
    pictures = [
        TrainingPicture(lambda c=c, n=n: coloured(c, n), labels=(c,), group=f"{c}{n}")  # type: ignore[misc]
        for n in range(6)
        for c in COLOURS
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "backgrounds", lambda: some)
        patch.setattr(embedding, "VIEWS", 2)
        return train(pictures, tuple(COLOURS), kind="pictures", seed=1).onnx


@pytest.fixture
def fake() -> FakeCustomLabels:
    fake = FakeCustomLabels()
    fake.clock.per_describe = 0
    return fake


@pytest.fixture
def app(settings: Settings, pipeline: Pipeline, fake: FakeCustomLabels) -> Flask:
    offers = {"rubber-duck": Offer(RUBBER_DUCK, None)}
    pipeline = replace(pipeline, open_custom_labels=opener_of(fake), offers=offers)
    return create_app(settings, pipeline=pipeline)


@pytest.fixture
def embedded(results: Results, pipeline: Pipeline, onnx: bytes) -> str:
    key = f"projects/{PROJECT}/models/mugs-v3.onnx"
    pipeline.storage.put(key, onnx, "application/octet-stream")
    return add_model(results.database, "v3", number=3, file_key=key, labels=LABELS)


def started(app: Flask, id: str, **more: Any) -> None:
    with app.app_context():
        hosting().start(id, 1, "ada", **more)
        models: AnsweringModels = app.extensions["answering_models"]
        models.refresh()


def test_visitors_choose_a_model_and_results_keep_it(
    app: Flask, client: FlaskClient, embedded: str, tmp_path: Path
) -> None:
    assert "a model of this site" not in client.get("/").text
    refused = client.get(f"/?model={PROJECT}")
    assert (refused.status_code, "This model is stopped" in refused.text) == (503, True)
    unknown = client.get("/?model=cups------------")
    assert (unknown.status_code, "No model of this site is running" in unknown.text) == (400, True)
    started(app, embedded)
    page = client.get("/").text
    assert f'href="/?model={PROJECT}"' in page
    assert "answered by “mugs”, a model of this site" in visible_text(page)
    page = client.get(f"/?model={PROJECT}").text
    assert f'action="/?model={PROJECT}"' in page  # the form keeps it
    body = client.post(f"/api/v1/pictures?model={PROJECT}", **form(encoded(coloured("red")))).json
    assert body
    assert (body["found"], body["question"]) == (True, "Is there one of mugs in this image?")
    assert (body["engine"], body["engine_version"]) == ("mugs", "3-mugs-v3")
    assert [label["name"] for label in body["labels"]] == ["red"]
    described = client.get("/api/openapi.json").get_json()["paths"]["/pictures"]["post"]
    assert "min_confidence" in {each["name"] for each in described["parameters"]}
    stricter = client.post(
        f"/api/v1/pictures?model={PROJECT}&min_confidence=100", **form(encoded(coloured("red")))
    ).get_json()
    assert (stricter["found"], stricter["labels"]) == (False, [])  # and not the answer before
    for wrong in (f"model={PROJECT}&min_confidence=101", "min_confidence=50"):
        answer = client.post(f"/api/v1/pictures?{wrong}", **form(encoded(coloured("red"))))
        assert (answer.status_code, "min_confidence" in answer.text) == (400, True)
    assert body["boxes"] == []  # an answer about the whole picture has no boxes
    result = client.get(f"/result/{body['id']}").text
    shown = visible_text(result)
    assert "We saw red, and that makes the answer yes." in shown
    assert ("needed" in shown, 'name="min"' in result) == (False, False)  # each label has its own
    assert "Answered by mugs." in shown
    assert "Yes!" in shown
    none = client.post(f"/api/v1/pictures?model={PROJECT}&question=rubber-duck", **form(encoded()))
    assert none.status_code == 400
    (tmp_path / "blue.png").write_bytes(encoded(coloured("blue"), format="PNG"))
    done = run_command(app, "look", "--json", "--model", "mugs", str(tmp_path / "blue.png"))
    assert '"duck": true' in done.stdout
    (tmp_path / "red.jpg").write_bytes(encoded(coloured("red")))
    surest = ("--model", "mugs", "--min-confidence", "100", str(tmp_path / "red.jpg"))
    assert '"duck": false' in run_command(app, "look", "--json", *surest).stdout
    assert "give --model, too" in run_command(app, "look", *surest[2:]).stderr
    assert "no such model" in run_command(app, "look", "--model", "cups", "x.png").stderr
    # The site's own question stays what it was, until an operator makes the model the default.
    assert client.post("/api/v1/pictures", **form(encoded())).get_json()["engine"] != "mugs"
    with app.app_context():
        hosting().lives.make_default(embedded)
        app.extensions["answering_models"].refresh()
    assert client.post("/api/v1/pictures", **form(encoded())).get_json()["engine"] == "mugs"
    page = client.get("/").text
    assert 'href="/?question=' in page
    assert "Is there one of mugs in this image?</h1>" in page
    frame = client.post(f"/api/v1/frames?model={PROJECT}", **form(encoded(coloured("red"))))
    assert frame.get_json()["found"]


def test_a_version_that_was_trained_again_answers_anew(
    app: Flask,
    client: FlaskClient,
    results: Results,
    pipeline: Pipeline,
    embedded: str,
    onnx: bytes,
) -> None:
    """A release brought another trunk: the same version has another file and other thresholds."""

    def use_file(data: bytes, key: str) -> None:
        pipeline.storage.put(key, data, "application/octet-stream")
        sha256 = hashlib.sha256(data).hexdigest()
        change = model_versions.update().where(model_versions.c.id == embedded)
        with results.database.transaction(writing=True) as connection:
            connection.execute(change.values(file_key=key, file_sha256=sha256))
        app.extensions["answering_models"].refresh()

    def post_picture(query: str = "") -> dict[str, Any]:
        picture = form(encoded(coloured("red")))
        answer: dict[str, Any]
        answer = client.post(f"/api/v1/pictures?model={PROJECT}{query}", **picture).get_json()
        return answer

    started(app, embedded)
    use_file(onnx, f"projects/{PROJECT}/models/mugs-v3.onnx")
    before = post_picture()
    assert (before["found"], post_picture()["id"] == before["id"]) == (True, True)
    retrained = load_model_from_string(onnx)
    (thresholds,) = [each for each in retrained.metadata_props if each.key == "thresholds"]
    thresholds.value = "[1.5, 1.5]"
    use_file(retrained.SerializeToString(), f"projects/{PROJECT}/models/mugs-v3-0123.onnx")
    after = post_picture()
    assert (after["found"], after["engine_version"] == before["engine_version"]) == (False, False)
    least = post_picture("&min_confidence=50")
    assert least["engine_version"] == f"{after['engine_version']}, 50.0 %"
    for body in (before, after, least):
        assert body["engine_version"].startswith("3-mugs-v3+")
        page = client.get(f"/result/{body['id']}").text
        assert f'action="/?model={PROJECT}"' in page


def test_the_statistics_show_what_a_model_answered(
    app: Flask, client: FlaskClient, embedded: str
) -> None:
    started(app, embedded)
    for number in range(3):
        picture = form(encoded(coloured("red", number)))
        assert client.post(f"/api/v1/pictures?model={PROJECT}", **picture).status_code == 201
    assert client.post("/api/v1/pictures", **form(encoded())).status_code == 201
    checked = ("checked 1 ", "checked 3 ")
    page = client.get("/statistics").text
    assert checked[0] in visible_text(page)
    assert f'href="/statistics?model={PROJECT}"' in page
    page = client.get(f"/statistics?model={PROJECT}").text
    assert checked[1] in visible_text(page)
    chart = f"/statistics/days-light.svg?model={PROJECT}"
    assert f'src="{chart}"' in page
    assert client.get(chart).status_code == 200
    body = client.get(f"/api/v1/statistics?model={PROJECT}").get_json()
    assert body["question"] == "Is there one of mugs in this image?"
    assert (body["totals"]["checked"], body["totals"]["found"]) == (3, 3)
    assert [each["engine"] for each in body["by_engine"]] == ["mugs"]
    assert [each["totals"]["checked"] for each in body["by_day"]] == [3]
    assert sum(body["yes_by_confidence"]) == 3
    with app.app_context():
        hosting().lives.make_default(embedded)
        app.extensions["answering_models"].refresh()
    for query, text in (("?question=rubber-duck", checked[0]), ("", checked[1])):
        assert text in visible_text(client.get(f"/statistics{query}").text)


def test_a_stopped_model_says_so_or_starts_if_the_operator_allowed_it(
    app: Flask, client: FlaskClient, results: Results, embedded: str
) -> None:
    started(app, embedded)
    with app.app_context():
        hosting().stop(embedded)
        app.extensions["answering_models"].refresh()
    for address in (f"/?model={PROJECT}", f"/api/v1/pictures?model={PROJECT}"):
        stopped = client.post(address, **form(encoded(coloured("blue"))))
        assert (stopped.status_code, "This model is stopped" in stopped.text) == (503, True)
    with app.app_context():
        with hosting().lives.changing(embedded) as (_, _, change):
            change(may_start_itself=True)
        app.extensions["answering_models"].refresh()
    assert "starts when you ask" in visible_text(client.get("/").text)
    assert client.get(f"/?model={PROJECT}").status_code == 200
    with app.app_context():
        assert not hosting().lives.get(embedded).should_run  # a link starts nothing
    body = client.post(f"/api/v1/pictures?model={PROJECT}", **form(encoded(coloured("blue")))).json
    assert body
    assert body["found"]
    with app.app_context():
        life = hosting().lives.get(embedded)
    assert (life.is_running, life.started_by) == (True, "")
    assert life.last_used_at
    # Another process deletes the project, and this one still has the model in its list.
    models: AnsweringModels = app.extensions["answering_models"]
    with app.app_context():
        hosting().stop(embedded)
        offered = models.refresh()
        assert [model.starts_itself for model in offered] == [True]
        Projects(results.database).mark_deleting(PROJECT)
        with pytest.raises((ModelStopped, NoSuchModelOffered)):  # as fresh as its list is
            models.pipeline_for(PROJECT, may_start=True)
        life = hosting().lives.get(embedded)
    assert (life.should_run, life.may_start_itself) == (False, False)


def test_the_default_model_answers_at_once_on_a_quiet_site_and_no_more_when_it_is_gone(
    app: Flask,
    client: FlaskClient,
    settings: Settings,
    pipeline: Pipeline,
    results: Results,
    embedded: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process makes it the default, and deletes it; this one was not asked meanwhile."""

    def engine(number: int) -> str:
        answer = client.post("/api/v1/pictures", **form(encoded(coloured("red", number))))
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["engine"])

    models: AnsweringModels = app.extensions["answering_models"]
    other = create_app(settings, pipeline=pipeline)
    first = engine(0)
    started(other, embedded)
    with other.app_context():
        hosting().lives.make_default(embedded)
    with monkeypatch.context() as quiet:
        quiet.setattr(answering_models, "FRESH_SECONDS", -1.0)
        assert engine(1) == "mugs"
    # The list cannot be read: the last one holds.
    with results.database.transaction(writing=True) as connection:
        connection.execute(sql("ALTER TABLE model_versions RENAME TO lost"))
    assert engine(2) == "mugs"
    with results.database.transaction(writing=True) as connection:
        connection.execute(sql("ALTER TABLE lost RENAME TO model_versions"))
    models.refresh()
    Projects(results.database).mark_deleting(PROJECT)
    models._loaded = None  # as where it was not asked before
    assert engine(3) == first


def test_who_asks_while_the_list_is_being_read_does_not_get_the_one_before(
    app: Flask, embedded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: AnsweringModels = app.extensions["answering_models"]
    other = create_app(app.extensions["settings"], pipeline=models.pipeline)
    started(other, embedded)
    with other.app_context():
        hosting().lives.make_default(embedded)
    reading, go_on = threading.Event(), threading.Event()
    read = model_activity.answering_models

    def slow(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            reading.set()
            go_on.wait(MAX_WAIT / 1000)
        return read(*arguments, **options)

    monkeypatch.setattr(model_activity, "answering_models", slow)
    assert models.list() == ()  # a page, which does not wait
    assert reading.wait(MAX_WAIT / 1000)
    assert (default := models.default_for_question())
    assert default.project_id == PROJECT
    go_on.set()


def test_a_model_that_is_not_trained_yet_is_no_stopped_one(
    client: FlaskClient, results: Results
) -> None:
    add_model(results.database, "v1", state="TRAINING_IN_PROGRESS")
    assert client.get(f"/?model={PROJECT}").status_code == 400
    add_model(results.database, "v2", number=2)
    refused = client.get(f"/?model={PROJECT}")
    assert (refused.status_code, "“mugs” is stopped." in refused.text) == (503, True)


def test_a_model_that_another_process_has_just_started_answers(
    app: Flask, client: FlaskClient, settings: Settings, pipeline: Pipeline, embedded: str
) -> None:
    app.extensions["answering_models"].refresh()
    started(create_app(settings, pipeline=pipeline), embedded)
    asked = client.post(f"/api/v1/pictures?model={PROJECT}", **form(encoded(coloured("red"))))
    assert (asked.status_code, asked.get_json().get("engine")) == (201, "mugs")


def test_a_stopped_model_is_no_error_of_the_site(
    app: Flask, client: FlaskClient, embedded: str, caplog: pytest.LogCaptureFixture
) -> None:
    started(app, embedded)
    with app.app_context():
        hosting().stop(embedded)
        app.extensions["answering_models"].refresh()
    assert client.post(f"/?model={PROJECT}", **form(encoded())).status_code == 503
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_a_model_at_amazon_answers_with_boxes_by_its_own_thresholds(
    app: Flask, client: FlaskClient, results: Results, fake: FakeCustomLabels
) -> None:
    fake.world.detections = [
        {
            "Name": name,
            "Confidence": confidence,
            "Geometry": {"BoundingBox": {"Width": 0.3, "Height": 0.4, "Left": left, "Top": -0.01}},
        }
        for name, confidence, left in (("mug", 88.4, 0.1), ("mug", 61.2, 0.6), ("mug", 40.0, 0.5))
    ]
    id = add_amazon_model(results.database, fake, "v1", labels=[["l1", "mug"]])
    started(app, id, unwatched=True)
    refused = client.post(f"/?model={PROJECT}", **form(encoded()))
    assert (refused.status_code, "This model is starting" in refused.text) == (503, True)
    fake.advance(700)
    with app.app_context():
        app.extensions["model_watch"].run_due()
        app.extensions["answering_models"].refresh()
    body = client.post(f"/api/v1/pictures?model={PROJECT}", **form(encoded())).get_json()
    assert (body["found"], body["engine_version"]) == (True, "1-mugs-v1")
    assert [box["label"] for box in body["boxes"]] == ["mug", "mug"]
    [request] = [asked for operation, asked in fake.requests if operation == "DetectCustomLabels"]
    assert "MinConfidence" not in request
    least = client.post(
        f"/api/v1/pictures?model={PROJECT}&min_confidence=30", **form(encoded())
    ).get_json()
    assert (least["id"] == body["id"], least["engine_version"]) == (False, "1-mugs-v1, 30.0 %")
    assert fake.requests[-1][1]["MinConfidence"] == 30.0
    frame = client.post(f"/api/v1/frames?model={PROJECT}", **form(encoded()))
    assert frame.status_code == 404  # no frames of a camera are sent to Amazon
    fake.world.detections = []
    none = client.post(f"/api/v1/pictures?model={PROJECT}", **form(encoded(coloured("red", 3))))
    shown = visible_text(client.get(f"/result/{none.get_json()['id']}").text)
    assert "To say yes, we would need to see mug." in shown
    with app.app_context():
        assert hosting().lives.get(id).last_used_at
    fake.version("v1").become("STOPPED")
    stopped = client.post(f"/?model={PROJECT}", **form(encoded(coloured("red"))))
    assert (stopped.status_code, "This model is stopped" in stopped.text) == (503, True)
    fake.version("v1").become("RUNNING")
    fake.faults.order("DetectCustomLabels", "AccessDeniedException")
    failed = client.post(f"/?model={PROJECT}", **form(encoded(coloured("blue"))))
    assert (failed.status_code, "AccessDenied" in failed.text) == (503, False)


def test_a_command_starts_a_model_at_amazon_only_after_its_price(
    settings: Settings, pipeline: Pipeline, results: Results, fake: FakeCustomLabels, tmp_path: Path
) -> None:
    client: Any = DirectClient(fake)
    stops: Any = FakeSchedules(client)
    labels = CustomLabels(client)
    app = create_app(
        settings,
        pipeline=replace(
            pipeline, open_custom_labels=lambda: labels, open_stop_schedules=lambda: stops
        ),
    )
    add_amazon_model(results.database, fake, "v1", units=2, may_start_itself=True)
    picture = tmp_path / "mug.jpg"
    picture.write_bytes(encoded())
    for folder in ("duck", "no-duck"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mug.jpg").write_bytes(encoded())
    for command in (("look", str(picture)), ("evaluate", str(tmp_path))):
        asked = run_command(app, *command, "--model", "mugs")
        assert "started at Amazon, for about $8.00 an hour until it is stopped" in asked.stderr
        assert "Add --yes" in asked.stderr
    assert fake.left_running() == []
    confirmed = run_command(app, "look", "--yes", "--model", "mugs", str(picture))
    assert "This model is starting" in confirmed.stderr
    assert fake.left_running() == ["v1"]


def test_a_running_model_answers_about_a_video(
    app: Flask, embedded: str, settings: Settings, tmp_path: Path
) -> None:
    """Its labels have no boxes, so that only when they were seen is known."""
    started(app, embedded)
    clip = write_pictures(
        tmp_path / "clip.mp4", [coloured("red" if 1 <= n / 10 < 2 else "blue") for n in range(30)]
    )
    with app.app_context():
        models: AnsweringModels = app.extensions["answering_models"]
        pipeline = models.pipeline_for(PROJECT, may_start=False)
        service = VideoService(pipeline, JobQueue(pipeline.results.database, 9), settings)
        video = service.receive(clip, "ann", clip.stat().st_size)
        assert (video.model, video.question) == (PROJECT, pipeline.question.title)
        assert video.job_id
        service.queue.store.begin(Run(video.job_id, 0, "a worker"))
        fresh = lambda site: AnsweringModels(site, app.extensions["hosting"], str)  # noqa: E731
        site = replace(app.extensions["pipeline"], open_models=fresh)  # as it is composed
        task = Task(video.job_id, lambda: site, StringIO())
        see_frames(task, video.id)
        segments = label_segments(service.samples(video), 3.0)
        (red,) = [each for each in segments if each.label == "red"]
        assert (red.start_seconds, red.end_seconds) == pytest.approx((1.0, 2.0), abs=0.2)
        assert finish(task, video.id, 0)["found"]
        # A model that is stopped meanwhile ends the analysis, and says so.
        other = service.receive(clip, "ann", clip.stat().st_size)
        hosting().stop(embedded, "ada")
        assert other.job_id
        service.queue.store.begin(Run(other.job_id, 0, "a worker"))
        with pytest.raises(ModelStopped):
            see_frames(Task(other.job_id, task.build_site, StringIO()), other.id)
