"""The video with its boxes drawn in: a job of the owner's, one at a time, and its result."""

import io
from pathlib import Path
from typing import Any

import av
import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.core.settings import Settings
from rubberduck.jobs.child import Task
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_rendering import render_to_storage
from rubberduck.videos.errors import VideoNotReady
from rubberduck.videos.store import Videos
from tests.support.ready_videos import SIDE, places, store_video
from tests.support.visitor import visible_text

ID = "a-video-of-22-letters_"
PAGE = f"/videos/{ID}"


@pytest.fixture
def queue(pipeline: Pipeline) -> JobQueue:
    return JobQueue(pipeline.results.database, 3)


@pytest.fixture
def ann(app: Flask, pipeline: Pipeline) -> FlaskClient:
    """The owner of an analysed video."""
    store_video(pipeline, ID)
    return as_visitor(app, "ann")


def as_visitor(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as session:
        session["visitor"] = name
    return client


def render(pipeline: Pipeline, job_id: str) -> list[str]:
    """Do the job's only step, in this process; return what it reports."""
    channel = io.StringIO()
    render_to_storage(Task(job_id, lambda: pipeline, channel), ID)
    return channel.getvalue().splitlines()


def requested_job(ann: FlaskClient, pipeline: Pipeline) -> str:
    assert ann.post(f"{PAGE}/render").status_code == 303
    job_id = Videos(pipeline.results.database).get(ID).render_job_id
    assert job_id
    return job_id


def test_its_time_is_told_and_it_is_made_once(
    app: Flask, ann: FlaskClient, pipeline: Pipeline, queue: JobQueue
) -> None:
    assert "Make a video with boxes It takes about 1 minute" in visible_text(ann.get(PAGE).text)
    job_id = requested_job(ann, pipeline)
    assert requested_job(ann, pipeline) == job_id
    page = visible_text(ann.get(PAGE).text)
    assert "The boxes are being drawn in" in page
    queue.store.begin(Run(job_id, 0, "a worker"))
    reported = render(pipeline, job_id)
    assert any("drawn" in line for line in reported)
    queue.store.finish(Run(job_id, 0, "a worker"), None)
    bob = as_visitor(app, "bob")
    assert "Download the video with boxes" in bob.get(PAGE).text
    with bob.get(f"{PAGE}/marked?download") as saved:
        assert saved.headers["Content-Disposition"].startswith("attachment; filename=rubber-duck")
        shown = frames(saved.data)
    assert len(shown) == 200
    for number in (0, 40, 90, 160):  # a line around the duck, and none where no duck is
        left, top = (round(each) for each in places(number / 25)[0])
        assert has_line(shown[number], left, top)
        assert not has_line(shown[130], left, top)


def frames(film: bytes) -> list[Any]:
    with av.open(io.BytesIO(film), "r") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def has_line(frame: Any, left: int, top: int) -> bool:
    """Return whether the box's dark rim and yellow line surround a duck that is yellow itself."""
    middle = frame[top + SIDE // 2, max(left - 6, 0) : left + 6].astype(int)
    is_dark = (middle.max(axis=1) < 60).any()
    return bool(is_dark and (middle[:, 0] > 180).any())


def test_only_the_owner_makes_and_cancels_it(
    app: Flask, ann: FlaskClient, pipeline: Pipeline, queue: JobQueue
) -> None:
    bob = as_visitor(app, "bob")
    assert "Make a video" not in bob.get(PAGE).text
    assert bob.post(f"{PAGE}/render").status_code == 404
    job_id = requested_job(ann, pipeline)
    assert bob.post(f"{PAGE}/render", data={"cancel": "1"}).status_code == 404
    assert ann.get(f"{PAGE}/rendering.json").get_json()["state"] == "queued"
    ann.post(f"{PAGE}/render", data={"cancel": "1"})
    assert queue.get(job_id).state == "cancelled"
    assert "Make a video with boxes" in ann.get(PAGE).text
    assert requested_job(ann, pipeline) != job_id


def test_what_was_deleted_meanwhile_leaves_nothing(
    ann: FlaskClient, pipeline: Pipeline, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = requested_job(ann, pipeline)
    put_file = pipeline.storage.put_file

    def delete_meanwhile(_: object, key: str, path: Path, content_type: str) -> None:
        assert ann.post(f"{PAGE}/delete").status_code == 303
        put_file(key, path, content_type)

    monkeypatch.setattr(type(pipeline.storage), "put_file", delete_meanwhile)
    with pytest.raises(VideoNotReady):
        render(pipeline, job_id)
    assert [file for file in settings.uploads.rglob("*") if file.is_file()] == []


def test_a_video_without_a_copy_has_nothing_to_draw_on(
    ann: FlaskClient, pipeline: Pipeline
) -> None:
    Videos(pipeline.results.database).update(ID, copy_key=None, copy_type=None)
    assert ann.post(f"{PAGE}/render").status_code == 409
    assert "The video itself is not stored" in ann.get(PAGE).text
