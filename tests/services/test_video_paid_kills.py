"""The process of a paid analysis is killed with kill -9, again and again: what is paid twice."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from rubberduck.core.settings import Settings
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.amazon_video import calls_at_once
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_paid import Order, PaidVideos
from rubberduck.services.video_paid_frames import analyze_frames
from rubberduck.videos.paid import IMAGES, PaidAnalyses, PaidAnalysis
from rubberduck.videos.store import Videos
from tests.support.ready_videos import store_video
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import PATIENCE, until
from tests.support.workers import start_step

ID = "a-video-of-22-letters_"
KILLS, FRAMES = 2, 16
AT_ONCE = 4  # in the region of the tests, with a quota of 5 calls a second


@pytest.fixture
def site(s3: Any, aws_settings: Settings, composed: Callable[..., Pipeline]) -> Pipeline:
    return composed(aws_settings)


def step(settings: Settings, analysis: PaidAnalysis) -> "subprocess.Popen[bytes]":
    """Start the step that asks frames in a process of its own, as a worker does."""
    return start_step(
        settings.uploads.parent,
        str(analysis.job_id),
        analyze_frames,
        analysis.id,
        DUCK_BUCKET=str(settings.bucket),
    )


def test_a_kill_repeats_at_most_the_calls_under_way(
    site: Pipeline, aws_settings: Settings, eyes: RekognitionEndpoint
) -> None:
    video = store_video(site, ID)
    paid = PaidVideos(site, JobQueue(site.results.database, 20))
    analysis = paid.start(video, Order(IMAGES, rate=2.0), "ada")
    PaidAnalyses(site.results.database).begin(analysis.id, analysis.job_id or "")
    eyes.delay = 0.5  # so that several calls are under way
    for _ in range(KILLS):
        child, calls = step(aws_settings, analysis), eyes.arrived + 5
        until(lambda child=child, calls=calls: eyes.arrived >= calls or child.poll() is not None)  # type: ignore[misc]
        assert child.poll() is None
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate(timeout=PATIENCE)
    eyes.delay = 0
    child = step(aws_settings, analysis)
    output, _ = child.communicate(timeout=PATIENCE)
    outcome = [json.loads(line) for line in output.splitlines()][-1]
    assert outcome == {"result": {"done": {"version": "3.0"}}}
    samples = list(Videos(site.results.database).samples(analysis.id))
    assert len(samples) == len({sample.pts for sample in samples}) == FRAMES
    assert FRAMES <= eyes.arrived <= FRAMES + KILLS * AT_ONCE
    assert site.amazon_video
    assert calls_at_once(site.amazon_video.calls_per_second) == AT_ONCE
