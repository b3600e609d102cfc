"""The API of analyses of videos for money: prices, a start, its progress, what Amazon found."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.tokens import Tokens
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_paid_samples import people_of
from rubberduck.videos.keys import amazon_segments_key
from rubberduck.videos.paid import PaidAnalyses
from tests.support.ready_videos import store_video
from tests.support.stored_videos import seen_people

ID = "a-video-of-22-letters_"
PATH = f"/api/v1/videos/{ID}/analyses"


@pytest.fixture
def site(s3: Any, eyes: Any, aws_settings: Settings, composed: Callable[..., Pipeline]) -> Pipeline:
    site = composed(aws_settings.model_copy(update={"rekognition_video": True}))
    store_video(site, ID)
    return site


@pytest.fixture
def app(site: Pipeline, aws_settings: Settings) -> Flask:
    return create_app(aws_settings, pipeline=site)


@pytest.fixture
def operator(app: Flask, site: Pipeline) -> FlaskClient:
    """A program with an operator's token."""
    return with_token(app, site, "operator")


def with_token(app: Flask, site: Pipeline, scope: Any) -> FlaskClient:
    database = site.results.database
    person = Operators(database).find_or_create("Ada", "operator")
    secret, _ = Tokens(database).create(person.id, "a program", timedelta(days=1), scope)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def body(response: Any) -> Any:
    return response.json


def test_prices_are_read_and_one_is_started_at_that_price(
    operator: FlaskClient, app: Flask, site: Pipeline
) -> None:
    listed = body(operator.get(PATH))
    prices = {(each["way"], each["rate"]): each["usd"] for each in listed["choices"]}
    assert prices["rekognition-images", 5.0] == 0.041
    assert prices["rekognition-video", None] == 0.1
    assert listed["analyses"] == []
    cheap = {"way": "rekognition-images", "rate": 5, "max_usd": 0.04}
    refused = operator.post(PATH, json=cheap)
    assert (refused.status_code, body(refused)["type"].rpartition("#")[2]) == (
        409,
        "cannot-ask-amazon",
    )
    started = operator.post(PATH, json={**cheap, "max_usd": 0.041})
    assert started.status_code == 202
    queued = body(started)
    assert (queued["status"], queued["max_usd"], queued["celebrities"]) == ("queued", 0.041, None)
    assert body(operator.get(started.location)) == queued
    assert operator.post(PATH, json=cheap).status_code == 409
    cancelled = body(operator.post(f"{started.location}/cancel"))
    assert (cancelled["status"], cancelled["error"]) == ("cancelled", "Cancelled.")
    assert operator.post(f"{started.location}/cancel").status_code == 409
    again = operator.post(f"{started.location}/retry")
    assert (again.status_code, again.location) == (202, started.location)
    assert body(again) == queued
    assert operator.post(f"{started.location}/retry").status_code == 409
    acts = [(each.act, each.object) for each in AuditLog(site.results.database).page(3)]
    assert acts == [
        ("video.analyse.retry.failed", ID),
        ("video.analyse.retry", ID),
        ("video.analyse.retry", ID),
    ]


def test_only_operators_may_and_wrong_bodies_are_refused(
    app: Flask, operator: FlaskClient, site: Pipeline
) -> None:
    assert app.test_client().get(PATH).status_code == 401
    labeller = with_token(app, site, "labeller")
    assert labeller.get(PATH).status_code == 403
    assert labeller.post(f"{PATH}/any/retry").status_code == 403
    for wrong in ({}, {"way": "rekognition-video"}, {"way": 1, "max_usd": 1}):
        assert operator.post(PATH, json=wrong).status_code == 400
    assert operator.post(PATH, json={"way": "x", "max_usd": 1}).status_code == 409
    assert operator.get(f"{PATH}/none").status_code == 404


def test_what_amazon_found_is_read_in_pages(operator: FlaskClient, site: Pipeline) -> None:
    analyses = PaidAnalyses(site.results.database)
    started = body(operator.post(PATH, json={"way": "rekognition-video", "max_usd": 0.1}))
    address = started["links"]["self"]
    assert operator.get(f"{address}/segments").status_code == 404
    analysis = analyses.get(started["id"])
    job = analysis.job_id or ""
    analyses.begin(analysis.id, job)
    analyses.set_answer(analysis.id, job, {"segments": 3})
    stretches = [["Duck", 95.0, 1.0, 3.5], ["Toy", 80.0, 1.0, 3.5], ["Water", 60.0, 6.0, 7.0]]
    site.storage.put(amazon_segments_key(ID), json.dumps(stretches).encode(), "application/json")
    address = body(operator.get(address))["links"]["segments"] + "?limit=2"
    found = []
    while address:
        page = body(operator.get(address))
        found += page["segments"]
        address = page["links"]["next"]
    assert [(each["label"], each["end_seconds"]) for each in found] == [
        ("Duck", 3.5),
        ("Toy", 3.5),
        ("Water", 7.0),
    ]
    analyses.set_answer(analysis.id, job, {"celebrities": people_of(seen_people())})
    people = body(operator.get(started["links"]["self"]))["celebrities"]
    assert people[1]["name"] == "Ada L"
    assert people[1]["times"][0] == {"start_seconds": 65.0, "end_seconds": 66.0}
