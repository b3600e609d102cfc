"""The life of a video's row: received, cancelled, tried again, deleted, expired."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from rubberduck.core.errors import JobsUnavailable, StorageFailed, TooManyJobs
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from rubberduck.services.videos import VideoService
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.videos.errors import (
    AnalysisOver,
    NoFreeAnalysis,
    NoSuchVideo,
    VideosFull,
    VideoTooLarge,
)
from rubberduck.videos.keys import frame_key, original_key
from rubberduck.videos.models import Sample, Segment
from tests.support.fake_detector import FakeDetector

MEGABYTE = 1_000_000
HOUR, MONTH = timedelta(hours=1), timedelta(days=31)
VIDEO = b"of a video" * 1000
ALL = (datetime.max.replace(tzinfo=UTC), ("videos/",))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sent.mp4"
    path.write_bytes(VIDEO)
    return path


@pytest.fixture
def service(pipeline: Pipeline, any_results: Results, settings: Settings) -> VideoService:
    """Of a site with a folder, on SQLite and on PostgreSQL."""
    return service_of(replace(pipeline, open_results=lambda: any_results), settings)


@pytest.fixture
def stored(pipeline: Pipeline, storage: Storage, settings: Settings) -> VideoService:
    """Of a site on SQLite, with a folder and with a bucket."""
    return service_of(replace(pipeline, storage=storage), settings)


def service_of(pipeline: Pipeline, settings: Settings) -> VideoService:
    return VideoService(pipeline, JobQueue(pipeline.results.database, 9), settings)


def run_of(service: VideoService, id: str) -> Run:
    """Begin the video's job, as a worker does."""
    job_id = service.get(id).job_id
    assert job_id
    run = Run(job_id, service.queue.get(job_id).attempt, "a worker")
    assert service.queue.store.begin(run)
    assert service.videos.begin(id, job_id)
    return run


def sweep(service: VideoService, later: timedelta) -> None:
    with time_machine.travel(datetime.now(UTC) + later):
        Sweeper(service.pipeline.open_results, service.pipeline.storage).sweep()


def keys(service: VideoService) -> set[str]:
    return set(service.pipeline.storage.keys_older_than(*ALL))


def segment(number: int) -> Segment:
    return Segment(number, 10 * number + 1, (Sample(10 * number, float(number), ()),))


def test_a_video_is_received_with_its_job(service: VideoService, file: Path) -> None:
    video = service.receive(file, "ann", len(VIDEO))
    assert service.get(video.id, "ann") == video
    assert (video.status, video.bytes, video.stored_bytes) == ("queued", len(VIDEO), len(VIDEO))
    assert video.question == service.pipeline.question.title
    assert service.pipeline.storage.get(original_key(video.id)) == VIDEO
    job = service.job(video)
    assert job
    assert (job.kind, job.owner, job.arguments) == (
        "analyse-video",
        "ann",
        {"video_id": video.id},
    )
    with pytest.raises(NoSuchVideo):
        service.get(video.id, "bob")


def test_what_is_too_large_or_one_too_many_leaves_nothing(
    service: VideoService, file: Path
) -> None:
    with pytest.raises(VideoTooLarge, match="500 MB"):
        service.receive(file, "ann", 501 * MEGABYTE)
    small = service.settings.model_copy(update={"video_owner_bytes": MEGABYTE})
    full = replace(service, settings=small)
    kept = full.receive(file, "ann", 900_000)
    with pytest.raises(VideosFull, match="1 of the 1 MB"):
        full.receive(file, "ann", 200_000)
    full.receive(file, "bob", 200_000)
    full.delete(kept.id, "ann")
    full.receive(file, "ann", 200_000)
    assert len(keys(service)) == 2


def test_without_a_free_detector_visitors_are_refused(
    service: VideoService, file: Path, detector: FakeDetector
) -> None:
    costly = FakeDetector()
    costly.cost_per_call_usd = 0.001
    paid = replace(service, pipeline=replace(service.pipeline, detector=costly))
    with pytest.raises(NoFreeAnalysis):
        paid.receive(file, "ann", len(VIDEO))
    with_fallback = replace(paid, pipeline=replace(paid.pipeline, fallback_detector=detector))
    assert with_fallback.receive(file, "ann", len(VIDEO)).engine == detector.name


def test_a_video_that_cannot_be_queued_is_not_kept(
    stored: VideoService, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = replace(stored, queue=JobQueue(stored.pipeline.results.database, 0))
    with pytest.raises(TooManyJobs):
        none.receive(file, "ann", len(VIDEO))
    assert (keys(stored), stored.videos.page("ann", 9).videos) == (set(), ())
    # What was uploaded in parts stays, so that its sender can try again.
    stored.pipeline.storage.put_file(original_key("given"), file, "video/mp4")
    with pytest.raises(TooManyJobs):
        none.receive(original_key("given"), "ann", len(VIDEO), id="given")
    assert keys(stored) == {original_key("given")}
    assert stored.receive(original_key("given"), "ann", len(VIDEO), id="given").id == "given"


def test_a_storage_that_fails_leaves_no_row(
    service: VideoService, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageFailed("Picture storage is unavailable.")

    monkeypatch.setattr(service.pipeline.storage, "put_file", fail)
    with pytest.raises(StorageFailed):
        service.receive(file, "ann", len(VIDEO))
    assert service.videos.page("ann", 9).videos == ()
    assert not any(service.queue.store.count("ann").values())


def test_a_cancelled_video_can_be_tried_again_and_goes_on(
    service: VideoService, file: Path
) -> None:
    id = service.receive(file, "ann", len(VIDEO)).id
    run = run_of(service, id)
    assert service.get(id).status == "analysing"
    assert service.videos.add_segment(id, run.job_id, segment(0))
    with pytest.raises(NoSuchVideo):
        service.cancel(id, "bob")
    assert service.cancel(id, "ann").status == "cancelled"
    # The process of its job has not ended yet: what it saves now is dropped.
    assert not service.videos.add_segment(id, run.job_id, segment(1))
    assert not service.queue.store.is_current(run)
    with pytest.raises(AnalysisOver):
        service.cancel(id, "ann")
    assert service.retry(id, "ann").status == "queued"
    run_of(service, id)
    assert service.videos.last_segment(id) == segment(0)
    with pytest.raises(AnalysisOver):
        service.retry(id, "ann")


def test_a_job_that_was_cancelled_elsewhere_or_is_lost_ends_its_video(
    service: VideoService, file: Path
) -> None:
    first, second = (service.receive(file, "ann", len(VIDEO)) for _ in range(2))
    assert first.job_id
    assert second.job_id
    service.queue.store.cancel(first.job_id)
    service.queue.store.delete(second.job_id)
    assert service.get(first.id).status == "cancelled"
    lost = service.get(second.id)
    assert (lost.status, lost.error) == ("failed", "The analysis ended without an answer.")


def test_two_runs_of_a_job_save_each_segment_once(service: VideoService, file: Path) -> None:
    """A worker that was taken for dead may wake up."""
    id = service.receive(file, "ann", len(VIDEO)).id
    run = run_of(service, id)
    assert service.videos.add_segment(id, run.job_id, segment(0))
    assert not service.videos.add_segment(id, run.job_id, segment(0))
    assert not service.videos.add_segment(id, run.job_id, segment(2))
    assert not service.videos.add_segment(id, "another job", segment(1))
    assert service.videos.add_segment(id, run.job_id, segment(1))
    assert list(service.videos.segments(id)) == [segment(0), segment(1)]
    # Another version of the model does not mix with the one before.
    service.videos.set_engine(id, "1")
    assert service.videos.last_segment(id) is None
    service.videos.add_segment(id, run.job_id, segment(0))
    service.videos.set_engine(id, "1")
    assert service.videos.last_segment(id) == segment(0)


def test_a_deleted_video_leaves_nothing(stored: VideoService, file: Path) -> None:
    video, other = (stored.receive(file, "ann", len(VIDEO)) for _ in range(2))
    run = run_of(stored, video.id)
    stored.videos.add_segment(video.id, run.job_id, segment(0))
    stored.pipeline.storage.put(frame_key(video.id, 7), b"of a frame")
    with pytest.raises(NoSuchVideo):
        stored.delete(video.id, "bob")
    stored.delete(video.id, "ann")
    with pytest.raises(NoSuchVideo):
        stored.get(video.id)
    assert not stored.videos.add_segment(video.id, run.job_id, segment(1))
    assert list(stored.videos.segments(video.id)) == []
    assert stored.queue.get(run.job_id).state == "cancelled"
    assert keys(stored) == {original_key(other.id)}


def test_everything_of_a_visitor_has_its_videos(stored: VideoService, file: Path) -> None:
    mine = [stored.receive(file, "ann", len(VIDEO)) for _ in range(2)]
    other = stored.receive(file, "bob", len(VIDEO))
    sweeper = Sweeper(stored.pipeline.open_results, stored.pipeline.storage)
    sweeper.forget_owned("ann", [mine[0].id])  # chosen results only
    assert len(stored.videos.page("ann", 9).videos) == 2
    sweeper.forget_owned("ann")
    assert keys(stored) == {original_key(other.id)}
    assert stored.videos.page("ann", 9).videos == ()
    assert not stored.videos.existing([video.id for video in mine])


def test_a_deletion_that_failed_is_done_by_the_sweep(
    service: VideoService, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = service.receive(file, "ann", len(VIDEO))
    with monkeypatch.context() as broken:
        failure = StorageFailed("Picture storage is unavailable.")
        broken.setattr(FolderStorage, "delete_all", lambda _, keys: dict.fromkeys(keys, failure))
        with pytest.raises(StorageFailed):
            service.delete(video.id, "ann")
    with pytest.raises(NoSuchVideo):
        service.get(video.id)  # hidden at once
    sweep(service, timedelta(0))
    assert (keys(service), service.videos.existing([video.id])) == (set(), set())


def test_the_sweep_deletes_what_is_old_or_was_left(service: VideoService, file: Path) -> None:
    old, abandoned = (service.receive(file, "ann", len(VIDEO)) for _ in range(2))
    assert abandoned.job_id
    service.queue.store.delete(abandoned.job_id)
    service.videos.update(abandoned.id, job_id=None)  # as if its sender had been killed
    sweep(service, HOUR / 2)
    assert len(keys(service)) == 2
    sweep(service, HOUR * 1.1)
    assert keys(service) == {original_key(old.id)}
    sweep(service, MONTH)
    assert keys(service) == set()


def test_originals_of_ended_videos_go_after_a_day(service: VideoService, file: Path) -> None:
    id = service.receive(file, "ann", len(VIDEO)).id
    service.cancel(id)
    sweep(service, timedelta(hours=23))
    assert service.get(id).stored_bytes == len(VIDEO)
    sweep(service, timedelta(hours=25))
    video = service.get(id)
    assert (video.original_key, video.stored_bytes, keys(service)) == (None, 0, set())
    with pytest.raises(AnalysisOver):
        service.retry(id)


def test_the_sweep_deletes_objects_without_a_row_unless_it_is_the_wrong_database(
    service: VideoService, file: Path, open_results: Callable[[str], Results]
) -> None:
    kept = [service.receive(file, "ann", len(VIDEO)) for _ in range(3)]
    storage = service.pipeline.storage
    for key in (frame_key("gone", 1), frame_key("gone", 2)):
        storage.put(key, b"left by a job that was killed late")
    assert isinstance(storage, FolderStorage)
    hours_ago = datetime.now(UTC).timestamp() - 2 * HOUR.total_seconds()
    for path in (storage.folder / "videos").rglob("*"):
        os.utime(path, (hours_ago, hours_ago))
    sweep(service, timedelta(0))
    assert keys(service) == {original_key(video.id) for video in kept}
    for video in kept[1:]:
        service.videos.forget(video.id)  # as in a database that lacks them
    sweep(service, timedelta(days=1))
    assert len(keys(service)) == 3


def test_a_database_that_takes_no_job_keeps_no_video(
    service: VideoService, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise JobsUnavailable("The database did not take it in time.")

    monkeypatch.setattr(service.queue, "enqueue", fail)
    with pytest.raises(JobsUnavailable):
        service.receive(file, "ann", len(VIDEO))
    assert (keys(service), service.videos.page("ann", 9).videos) == (set(), ())
