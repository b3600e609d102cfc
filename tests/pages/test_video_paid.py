"""The box on a video's page in which operators ask Amazon, and what visitors see of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.accounts.audit import AuditLog
from rubberduck.core.settings import Settings
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_paid_samples import people_of
from rubberduck.videos.paid import PaidAnalyses, PaidAnalysis
from tests.support.operators import sign_in
from tests.support.ready_videos import store_video
from tests.support.stored_videos import seen_people
from tests.support.visitor import visible_text

ID = "a-video-of-22-letters_"
PAGE = f"/videos/{ID}"


@pytest.fixture
def site(s3: Any, eyes: Any, aws_settings: Settings, composed: Callable[..., Pipeline]) -> Pipeline:
    site = composed(aws_settings.model_copy(update={"rekognition_video": True}))
    store_video(site, ID)
    return site


@pytest.fixture
def app(site: Pipeline, aws_settings: Settings) -> Flask:
    return create_app(aws_settings, pipeline=site)


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An operator."""
    client = app.test_client()
    sign_in(client)
    return client


def token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").text)
    assert found
    return found[1]


def choices(client: FlaskClient) -> dict[str, str]:
    """Return the values of the form's choices, by the way and rate in them."""
    values = re.findall(r'name="choice" value="([^"]+)"', client.get(PAGE).text)
    return {value.rpartition(" ")[0]: value for value in values}


def newest(site: Pipeline) -> PaidAnalysis:
    return PaidAnalyses(site.results.database).of_video(ID)[0]


def test_an_operator_sees_prices_and_times_starts_one_and_follows_it(
    ada: FlaskClient, site: Pipeline
) -> None:
    page = visible_text(ada.get(PAGE).text)
    assert "5 a second: 41 calls at most, $0.041 , less than a minute" in page
    assert "one every 5 seconds: 2 calls at most, $0.002" in page
    assert "1 minute of video, about $0.10 , about 1 minute" in page
    value = choices(ada)["rekognition-images 2 -"]
    sent = {"csrf_token": token(ada), "choice": value, "question": "rubber-duck"}
    assert ada.post(f"{PAGE}/amazon", data=sent).location == f"{PAGE}#amazon"
    analysis = newest(site)
    assert (analysis.way, analysis.rate, analysis.microdollars) == (
        "rekognition-images",
        2.0,
        17_000,
    )
    page = ada.get(PAGE).text
    assert "No worker is running" in page
    assert "choice" not in choices(ada)  # one at a time
    queue = JobQueue(site.results.database, 20)
    queue.executors.beat("worker")
    run = Run(analysis.job_id or "", 0, "worker")
    queue.store.begin(run)
    queue.store.report(run, 42, "7 of 17 frames, less than a minute left")
    status = ada.get(f"{PAGE}/amazon/{analysis.id}/status.json").json
    assert status == {
        "state": "queued",
        "progress": 42,
        "message": "7 of 17 frames, less than a minute left",
        "waits": False,
    }
    assert "7 of 17 frames" in ada.get(PAGE).text
    cancel = {"csrf_token": token(ada)}
    assert ada.post(f"{PAGE}/amazon/{analysis.id}/cancel", data=cancel).status_code == 303
    page = visible_text(ada.get(PAGE).text)
    assert "cancelled" in page
    assert "It goes on after what was paid for already." in page
    assert ada.post(f"{PAGE}/amazon/{analysis.id}/retry", data=cancel).status_code == 303
    assert newest(site).state == "queued"
    acts = [entry.act for entry in AuditLog(site.results.database).page()]
    assert acts[:3] == ["video.analyse.retry", "video.analyse.cancel", "video.analyse"]


@pytest.mark.parametrize(
    "choice", ["", "rekognition-images", "a b c d", "rekognition-images x - 1"]
)
def test_a_form_without_a_choice_is_refused(ada: FlaskClient, choice: str) -> None:
    sent = {"csrf_token": token(ada), "choice": choice}
    refused = ada.post(f"{PAGE}/amazon", data=sent)
    assert refused.status_code == 400
    assert "Choose how Amazon is to be asked." in refused.text


def test_a_price_that_has_changed_since_is_not_paid(ada: FlaskClient, site: Pipeline) -> None:
    sent = {"csrf_token": token(ada), "choice": "rekognition-images 5 - 40000"}
    refused = ada.post(f"{PAGE}/amazon", data=sent)
    assert refused.status_code == 409
    assert "higher than the one that was agreed to" in refused.text
    assert PaidAnalyses(site.results.database).of_video(ID) == []


def test_visitors_see_celebrities_only_and_start_nothing(
    app: Flask, ada: FlaskClient, site: Pipeline
) -> None:
    visitor = app.test_client()
    assert 'id="amazon"' not in visitor.get(PAGE).text
    assert 'id="celebrities"' not in visitor.get(PAGE).text
    sent = {"csrf_token": token(visitor), "choice": "rekognition-images 5 - 41000"}
    assert "/sign-in" in visitor.post(f"{PAGE}/amazon", data=sent).location
    assert PaidAnalyses(site.results.database).of_video(ID) == []
    sent = {"csrf_token": token(ada), "choice": choices(ada)["rekognition-celebrities - -"]}
    ada.post(f"{PAGE}/amazon", data=sent)
    analyses, analysis = PaidAnalyses(site.results.database), newest(site)
    job = analysis.job_id or ""
    analyses.begin(analysis.id, job)
    analyses.set_answer(analysis.id, job, {"celebrities": people_of(seen_people())})
    analyses.finish(analysis, job, None, None)
    page = visitor.get(PAGE).text
    assert (
        '<a href="https://www.imdb.com/name/Ad" rel="noopener noreferrer nofollow">Ada L</a>'
        in page
    )
    assert 'data-seconds="65.0">1:05–1:06</a>' in page
    assert 'id="amazon"' not in page
    labeller = app.test_client()
    sign_in(labeller, "Bob", "labeller")
    assert 'id="amazon"' not in labeller.get(PAGE).text


def test_a_site_without_rekognition_offers_nothing(
    settings: Settings, composed: Callable[..., Pipeline]
) -> None:
    free = composed(settings)
    store_video(free, ID)
    client = create_app(settings, pipeline=free).test_client()
    sign_in(client)
    assert 'id="amazon"' not in client.get(PAGE).text
