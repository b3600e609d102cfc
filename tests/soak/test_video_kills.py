"""Twenty kills in one analysis: no segment lost, none twice; and how soon a cancelled one ends."""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.jobs.models import DONE
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.videos import VideoService
from rubberduck.videos.reading import frames
from tests.support.databases import create_database
from tests.support.duck_videos import RATE, write_duck_video
from tests.support.server import until
from tests.support.workers import Worker, working

pytestmark = pytest.mark.soak
tell = sys.stdout.write  # figures, which `make soak` shows
KILLS, SECONDS = 20, 800.0


def has_segments(service: VideoService, id: str, number: int) -> bool:
    last = service.videos.last_segment(id)
    return last is not None and last.number + 1 >= number


@pytest.fixture
def service(settings: Settings) -> Iterator[VideoService]:
    create_database(settings.database_url, with_jobs=True)
    pipeline = build_pipeline(settings)
    queue = JobQueue(pipeline.results.database, 9)
    yield VideoService(pipeline, queue, settings.model_copy(update={"video_rate": float(RATE)}))
    pipeline.close()


def test_twenty_kills_lose_no_segment(service: VideoService, tmp_path: Path) -> None:
    clip = write_duck_video(tmp_path / "clip.mp4", SECONDS, size=(320, 180))
    video = service.receive(clip, "ann", clip.stat().st_size)
    assert video.job_id
    rng = random.Random(5)

    lost = saved = 0
    for number in range(KILLS):
        worker = Worker(tmp_path, service.settings.database_url, f"worker {number}")
        try:
            until(partial(has_segments, service, video.id, saved + 1), 300)
            time.sleep(rng.uniform(0, 2.0))  # at any moment between two segments
        finally:
            before = list(service.videos.segments(video.id))
            worker.kill()
        after = list(service.videos.segments(video.id))
        lost += after[: len(before)] != before
        saved = len(after)
        assert service.queue.get(video.job_id).is_active  # it was killed in the middle
    with working(tmp_path, service.settings.database_url, "last"):
        until(lambda: service.queue.get(video.job_id or "").state == DONE, 600)
    stored = list(service.videos.segments(video.id))
    seen = [sample.pts for sample in service.samples(video)]
    with closing(frames(clip, float(RATE))) as reading:
        expected = [frame.pts for frame in reading]
    tell(f"\n{KILLS} kills, {len(stored)} segments, {len(seen)} samples: {lost} segments lost\n")
    assert lost == 0
    assert [segment.number for segment in stored] == list(range(len(stored)))
    assert all(one.end_pts <= other.samples[0].pts for one, other in pairwise(stored))
    assert seen == expected
    assert service.get(video.id).distinct == 1


def have_ended(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() for each in processes)


def test_cancelled_analyses_end_soon(service: VideoService, tmp_path: Path) -> None:
    clip = write_duck_video(tmp_path / "clip.mp4", SECONDS / 4, size=(320, 180))
    waits = []
    with working(tmp_path, service.settings.database_url) as worker:
        for _ in range(10):
            video = service.receive(clip, "ann", clip.stat().st_size)
            until(partial(has_segments, service, video.id, 1), 300)
            running: list[psutil.Process] = list(worker.process.children(recursive=True))
            service.cancel(video.id, "ann")
            waits.append(until(partial(have_ended, running), 60))
    tell(f"\ncancelled analyses ended after {max(waits):.1f} s at most, of {len(waits)}\n")
    assert service.videos.page("ann", 99).videos
    assert all(each.status == "cancelled" for each in service.videos.page("ann", 99).videos)
