"""The page that takes videos: its form, what is on its way, and the visitor's own videos."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.models import Label
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from rubberduck.videos.models import FAILED
from rubberduck.videos.store import Videos
from tests.support.analysed_videos import add_video, queued_video, swimming_ducks
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import form
from tests.support.visitor import visible_text

DATA = b"what is inside is found out by the job"
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def ann(client: FlaskClient) -> FlaskClient:
    with client.session_transaction() as session:
        session["visitor"] = "ann"
    return client


def begin(client: FlaskClient, data: bytes = b"", size: int = len(DATA)) -> str:
    """Begin an upload and send its first bytes; return its id."""
    length = {**TUS, "Upload-Length": str(size), "Upload-Metadata": "filename ZsO8ci5tcDQ="}
    where = str(client.post("/api/v1/uploads", headers=length).headers["Location"])
    part = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert client.patch(where, data=data, headers=part).status_code == 204
    return where.rpartition("/")[2]


def files(settings: Settings) -> list[Path]:
    """Return all that is stored of videos."""
    return [path for path in (settings.uploads / "videos").rglob("*") if path.is_file()]


def text(client: FlaskClient) -> str:
    return visible_text(client.get("/videos").text)


def test_the_form_tells_the_limits(ann: FlaskClient) -> None:
    page = ann.get("/videos")
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "up to 500 MB and 60 minutes" in visible_text(page.text)
    assert "No videos yet." in visible_text(page.text)
    assert 'enctype="multipart/form-data"' in page.text


def test_a_form_without_a_script_leads_to_the_videos_page(
    ann: FlaskClient, pipeline: Pipeline, no_temporary_files: None
) -> None:
    sent = ann.post("/videos", **form(DATA, "holiday.mp4", "video"))
    assert sent.status_code == 303
    assert re.fullmatch(r"/videos/[\w-]{22}", sent.location)
    video = Videos(pipeline.results.database).get(sent.location.rpartition("/")[2], "ann")
    assert (video.status, video.bytes) == ("queued", len(DATA))
    assert ann.get(sent.location).status_code == 200
    assert "waiting" in text(ann)
    assert "No worker is running" in text(ann)


def test_a_form_without_a_file_or_a_token_is_refused(ann: FlaskClient, app: Flask) -> None:
    nothing = ann.post("/videos", **form(b"", "", "video"))
    assert (nothing.status_code, "No video received" in nothing.text) == (400, True)
    other = app.test_client().open("/videos", method="POST", **form(DATA, "a.mp4", "video"))
    assert (other.status_code, "This form has expired" in other.text) == (403, True)


def test_what_is_on_its_way_is_listed(ann: FlaskClient, app: Flask, settings: Settings) -> None:
    id = begin(ann, DATA[:10], size=30_000_000)
    page = text(ann)
    assert "für.mp4" in page
    assert "0.0 of 30 MB have arrived. Choose the same file again" in page
    assert "30 of the 2,000 MB that this site keeps for you are used." in page
    assert "1 of 5 videos are on their way or being checked." in page
    assert "für.mp4" not in text(app.test_client())
    deleted = ann.post("/videos/delete-upload", data={"upload": id})
    assert (deleted.status_code, deleted.location) == (303, "/videos")
    assert "für.mp4" not in text(ann)
    assert files(settings) == []


def test_an_upload_that_nobody_had_checked_can_be(ann: FlaskClient, app: Flask) -> None:
    """The browser was closed in the moment when everything had arrived."""
    id = begin(ann, DATA)
    assert "All has arrived." in text(ann)
    stranger = app.test_client()
    assert stranger.post("/videos/accept", data={"upload": id}).status_code == 404
    taken = ann.post("/videos/accept", data={"upload": id})
    assert (taken.status_code, taken.location) == (303, f"/videos/{id}")
    assert "All has arrived." not in text(ann)
    assert ann.post("/videos/accept", data={"upload": begin(ann, b"a")}).status_code == 409


def test_all_videos_and_uploads_go_with_everything(ann: FlaskClient, settings: Settings) -> None:
    begin(ann, DATA)
    ann.post("/videos", **form(DATA, "holiday.mp4", "video"))
    assert ann.post("/mine/delete-all").status_code == 303
    assert files(settings) == []


def test_the_sweep_deletes_what_never_arrived(
    ann: FlaskClient, pipeline: Pipeline, settings: Settings
) -> None:
    begin(ann, DATA[:10])
    sweeper = Sweeper(lambda: pipeline.results, pipeline.storage)
    sweeper.sweep()
    assert "für.mp4" in text(ann)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25), tick=True):
        sweeper.sweep()
    assert files(settings) == []
    assert "für.mp4" not in text(ann)


def test_the_list_shows_the_answers_and_why_there_is_none(
    ann: FlaskClient, pipeline: Pipeline
) -> None:
    database = pipeline.results.database
    add_video(database, swimming_ducks(), id="ready-video", owner="ann")
    failed = replace(queued_video(id="failed-video", owner="ann"), status=FAILED, error="Torn.")
    Videos(database).create(failed)
    add_video(database, [], id="somebody's", owner="bob")
    page = ann.get("/videos")
    assert "Rubber duck detected! :))" in page.text
    assert "failed" in visible_text(page.text)
    assert "Torn." in page.text
    assert set(re.findall(r'href="/videos/([\w\'-]+)"', page.text)) == {
        "ready-video",
        "failed-video",
    }


def test_older_videos_are_on_further_pages(ann: FlaskClient, pipeline: Pipeline) -> None:
    videos, now = Videos(pipeline.results.database), datetime.now(UTC)
    for number in range(15):
        at = now - timedelta(hours=number)
        videos.create(queued_video(id=f"v{number}", owner="ann", created_at=at, job_id=None))
    first = ann.get("/videos").text
    (older,) = re.findall(r'href="(/videos\?cursor=[^"]+)"', first)
    pages = [re.findall(r'href="/videos/(v\d+)"', page) for page in (first, ann.get(older).text)]
    assert pages == [[f"v{number}" for number in range(12)], ["v12", "v13", "v14"]]
    assert ann.get("/videos?cursor=quack").status_code == 400


def test_a_question_that_costs_money_is_not_offered(settings: Settings, pipeline: Pipeline) -> None:
    paid = FakeDetector(Label("Duck", 99.0))
    paid.cost_per_call_usd = 0.001
    app = create_app(settings, pipeline=replace(pipeline, detector=paid))
    page = visible_text(app.test_client().get("/videos").text)
    assert "Each frame would cost money for this question" in page
    assert "Choose a video" not in page
    sent = app.test_client().post("/videos", **form(DATA, "holiday.mp4", "video"))
    assert sent.status_code == 403


def test_the_first_page_has_one_link_to_videos(client: FlaskClient) -> None:
    assert client.get("/").text.count("/videos") == 1
