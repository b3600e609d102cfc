"""`flask video analyse`: ways and prices, a price to confirm, a job that is queued."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app import create_app
from rubberduck.accounts.audit import AuditLog
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.paid import PaidAnalyses
from tests.support.ready_videos import store_video

ID = "a-video-of-22-letters_"


@pytest.fixture
def site(s3: Any, eyes: Any, aws_settings: Settings, composed: Callable[..., Pipeline]) -> Pipeline:
    site = composed(aws_settings.model_copy(update={"rekognition_video": True}))
    store_video(site, ID)
    return site


@pytest.fixture
def app(site: Pipeline, aws_settings: Settings) -> Flask:
    return create_app(aws_settings, pipeline=site)


def test_ways_are_listed_and_one_is_confirmed_and_queued(app: Flask, site: Pipeline) -> None:
    flask = app.test_cli_runner()
    listed = flask.invoke(args=["video", "analyse", ID])
    lines = listed.output.splitlines()
    assert "rekognition-images --rate 5: 41 calls at most, $0.041, about 1 min" in lines
    assert "rekognition-video: 1 min, about $0.10, about 1 min" in lines
    way = ["video", "analyse", ID, "--with", "rekognition-images", "--rate", "2"]
    refused = flask.invoke(args=way, input="n\n")
    assert refused.exit_code == 1
    assert "17 calls at most, $0.017, about 1 min. Start it?" in refused.output
    analyses = PaidAnalyses(site.results.database)
    assert analyses.of_video(ID) == []
    queued = flask.invoke(args=[*way, "--yes"])
    assert queued.exit_code == 0, queued.output
    (analysis,) = analyses.of_video(ID)
    assert f"Queued: {analysis.job_id}" in queued.output
    assert (analysis.rate, analysis.microdollars) == (2.0, 17_000)
    assert AuditLog(site.results.database).page()[0].act == "video.analyse"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none"], "There is no video"),
        ([ID, "--with", "magic"], "rekognition-images, custom-labels"),
        ([ID, "--with", "custom-labels", "--model", "x"], "start it first"),
    ],
)
def test_what_cannot_be_done_says_why(app: Flask, words: list[str], message: str) -> None:
    refused = app.test_cli_runner().invoke(args=["video", "analyse", *words])
    assert refused.exit_code == 1
    assert message in refused.output
