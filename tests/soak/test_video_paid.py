"""A paid analysis whose worker is killed twenty times: nothing is lost, and what is paid twice."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db_setup import set_up
from rubberduck.core.settings import Settings
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.amazon_video import calls_at_once
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_paid import Order, PaidVideos
from rubberduck.videos.paid import IMAGES
from rubberduck.videos.store import Videos
from tests.support.ready_videos import store_video
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import amazon, until
from tests.support.workers import Worker, ended

pytestmark = pytest.mark.soak
report = sys.stdout.write  # figures, which `make soak` shows
ID = "a-video-of-22-letters_"
KILLS, FRAMES = 20, 200  # 25 a second


def test_twenty_kills_repeat_at_most_the_calls_under_way(
    s3: Any,
    eyes: RekognitionEndpoint,
    aws_settings: Settings,
    composed: Callable[..., Pipeline],
    tmp_path: Path,
) -> None:
    set_up(aws_settings.database_url)
    site = composed(aws_settings)
    video = store_video(site, ID)
    queue = JobQueue(site.results.database, 20)
    analysis = PaidVideos(site, queue).start(video, Order(IMAGES, rate=25.0), "ada")
    environment = {**amazon(), "DUCK_BUCKET": str(aws_settings.bucket)}

    def worker(number: int) -> Worker:
        name = f"worker-{number}"
        return Worker(tmp_path, aws_settings.database_url, name, **environment)

    eyes.delay = 0.5  # so that several calls are under way
    for number in range(KILLS):
        killed, calls = worker(number), eyes.arrived + 4
        until(lambda calls=calls: eyes.arrived >= calls)  # type: ignore[misc]
        killed.kill()
    eyes.delay = 0.0
    last = worker(KILLS)
    try:
        (job,) = ended(queue, analysis.job_id or "")
    finally:
        last.kill()
    assert job.state == "done", job.error
    seen = list(Videos(site.results.database).samples(ID))
    assert len({sample.pts for sample in seen}) == len(seen) == FRAMES
    assert site.amazon_video
    at_once = calls_at_once(site.amazon_video.calls_per_second)
    report(f"\n{KILLS} kills: {eyes.arrived} calls for {FRAMES} frames, {at_once} at once\n")
    assert FRAMES <= eyes.arrived <= FRAMES + KILLS * at_once
