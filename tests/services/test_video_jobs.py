"""Videos in a real worker: what a kill interrupts goes on, and a cancelled analysis ends."""

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.videos import VideoService
from rubberduck.videos.models import Video
from rubberduck.videos.reading import frames
from tests.support.databases import create_database
from tests.support.duck_videos import RATE, write_duck_video
from tests.support.server import until
from tests.support.workers import Worker, ended, working


@pytest.fixture
def service(settings: Settings) -> Iterator[VideoService]:
    create_database(settings.database_url, with_jobs=True)
    pipeline = build_pipeline(settings)
    queue = JobQueue(pipeline.results.database, 9)
    # Each frame, so that the analysis of a short clip takes some seconds.
    yield VideoService(pipeline, queue, settings.model_copy(update={"video_rate": float(RATE)}))
    pipeline.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_duck_video(tmp_path / "clip.mp4", 30.0, size=(320, 180))


def received(service: VideoService, clip: Path) -> Video:
    return service.receive(clip, "ann", clip.stat().st_size)


def segments(service: VideoService, video: Video) -> int:
    last = service.videos.last_segment(video.id)
    return 0 if last is None else last.number + 1


def processes(worker: Worker) -> list[psutil.Process]:
    return list(worker.process.children(recursive=True))


def test_a_killed_analysis_goes_on_and_a_cancelled_one_ends(
    service: VideoService, clip: Path, tmp_path: Path
) -> None:
    url = service.settings.database_url
    video = received(service, clip)
    with working(tmp_path, url) as worker:
        until(lambda: segments(service, video) >= 1)
        running = processes(worker)
        worker.kill()
        saved = list(service.videos.segments(video.id))
    until(lambda: not any(each.is_running() for each in running))  # the decoder, too
    with working(tmp_path, url, "next") as worker:
        assert video.job_id
        (job,) = ended(service.queue, video.job_id)
        assert (job.state, job.result["found"], job.result["distinct"]) == ("done", True, 1)
        after = list(service.videos.segments(video.id))
        assert after[: len(saved)] == saved
        seen = [sample.pts for sample in service.samples(video)]
        with closing(frames(clip, float(RATE))) as reading:
            assert seen == [frame.pts for frame in reading]
        assert all(before.end_pts > before.samples[-1].pts for before in after)
        assert all(one.end_pts <= other.samples[0].pts for one, other in pairwise(after))

        other = received(service, clip)
        until(lambda: segments(service, other) >= 1)
        assert service.job(other)
        until(lambda: (job := service.job(other)) is not None and job.progress > 0)
        running = processes(worker)
        assert running
        assert service.cancel(other.id, "ann").status == "cancelled"
        until(lambda: not any(each.is_running() for each in running))
        kept = segments(service, other)
    assert service.get(other.id).status == "cancelled"
    assert 1 <= kept == segments(service, other)
