"""The analysis of a video: what the detector saw is saved in segments, and what stays of it."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from rubberduck.core.errors import DetectorFailed
from rubberduck.core.models import Label
from rubberduck.core.settings import Settings
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.imaging.decode import Picture
from rubberduck.jobs.child import Task
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services import video_files
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_analysis import (
    finish,
    make_playable_copy,
    note_failure,
    see_frames,
)
from rubberduck.services.video_frames import FrameAnalysis, Pace
from rubberduck.services.videos import VideoService
from rubberduck.storage.base import Storage
from rubberduck.videos.errors import AnalysisOver
from rubberduck.videos.keys import frame_key, poster_key
from rubberduck.videos.models import Segment, Video
from rubberduck.videos.reading import Frame
from rubberduck.videos.timeline import label_segments
from tests.support.duck_videos import RATE, write_duck_video
from tests.support.retention import FAR

SAMPLE = 0.2  # seconds between two samples
THERE = ((0.7, 1.5), (3.8, 4.6))  # when there is a duck


def is_there(seconds: float) -> bool:
    return any(start <= seconds < end for start, end in THERE)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds with a duck twice, more than two seconds apart."""
    return write_duck_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 5.0, is_there)


class CountingDetector(LazyEmbeddedDetector):
    """The embedded detector; fails at the calls with these numbers."""

    def __init__(self, *failing: int) -> None:
        self.failing = set(failing)
        self.calls = 0
        self._lock = threading.Lock()

    def labels(self, picture: Picture) -> list[Label]:
        with self._lock:
            self.calls += 1
            number = self.calls
        if number in self.failing:
            raise DetectorFailed("The detector does not answer.")
        return super().labels(picture)


@pytest.fixture
def detector() -> CountingDetector:
    return CountingDetector()


@pytest.fixture
def service(pipeline: Pipeline, settings: Settings) -> VideoService:
    return VideoService(pipeline, JobQueue(pipeline.results.database, 9), settings)


def received(service: VideoService, clip: Path) -> tuple[Video, Task]:
    """Receive a video, and begin its job as a worker does."""
    video = service.receive(clip, "ann", clip.stat().st_size)
    assert video.job_id
    assert service.queue.store.begin(Run(video.job_id, 0, "a worker"))
    return video, Task(video.job_id, lambda: service.pipeline, StringIO())


def messages(task: Task) -> list[dict[str, Any]]:
    assert isinstance(task.channel, StringIO)
    return [json.loads(line) for line in task.channel.getvalue().splitlines()]


def test_a_video_gets_its_answer_and_what_was_sent_goes(
    service: VideoService, clip: Path, storage: Storage
) -> None:
    service = replace(service, pipeline=replace(service.pipeline, storage=storage))
    video, task = received(service, clip)
    seen = see_frames(task, video.id)
    assert seen == {"samples": 26}  # five a second, and the last frame
    assert (video_files.work_root() / video.id).exists() == (storage.local_path("") is None)
    copied = make_playable_copy(task, video.id)
    finished = finish(task, video.id, copied["bytes"])
    assert finished == finish(task, video.id, copied["bytes"])  # which may run again
    video = service.get(video.id)
    assert (video.status, video.found, video.distinct) == ("ready", True, 2)
    assert video.said == service.pipeline.question.yes
    assert (video.original_key, video.engine_version) == (None, service.pipeline.detector.version)
    assert video.info
    assert video.info.seconds == pytest.approx(5.0)
    tracks = service.judge(video, service.pipeline.question).tracks
    for track, (start, end) in zip(tracks, THERE, strict=True):
        assert abs(track.first_seconds - start) <= SAMPLE
        assert abs(track.last_seconds - end) <= SAMPLE
        picture = storage.get(frame_key(video.id, track.best.pts))
        assert picture.startswith(b"\xff\xd8")
    assert storage.get(poster_key(video.id)).startswith(b"\xff\xd8")
    assert storage.get(video.copy_key or "")[4:8] == b"ftyp"
    assert video.copy_type == "video/mp4"
    stored = sum(len(storage.get(key)) for key in keys(storage))
    assert video.stored_bytes == stored
    assert not (video_files.work_root() / video.id).exists()


def keys(storage: Storage) -> list[str]:
    return list(storage.keys_older_than(FAR, ["videos/"]))


def test_segments_of_labels_end_within_one_sample(service: VideoService, clip: Path) -> None:
    video, task = received(service, clip)
    see_frames(task, video.id)
    ducks = [s for s in label_segments(service.samples(video), 5.0, 50) if s.label == "Duck"]
    for segment, (start, end) in zip(ducks, THERE, strict=True):
        assert 0 <= segment.start_seconds - start <= SAMPLE
        assert 0 <= segment.end_seconds - end <= SAMPLE


def test_a_failed_analysis_goes_on_where_it_was(
    service: VideoService, clip: Path, detector: CountingDetector
) -> None:
    whole, task = received(service, clip)
    see_frames(task, whole.id)
    expected = list(service.samples(whole))
    detector.calls, detector.failing = 0, {5, 12, 20}
    broken, task = received(service, clip)
    for _ in range(3):
        with pytest.raises(DetectorFailed):
            see_frames(task, broken.id)
    see_frames(task, broken.id)
    assert list(service.samples(broken)) == expected
    segments = list(service.videos.segments(broken.id))
    assert len(segments) >= 4
    assert all(after.number == before.number + 1 for before, after in pairwise(segments))
    assert detector.calls <= len(expected) + 3 * (Pace().at_once + Pace().ahead)


def test_progress_is_told_in_percent_and_minutes(
    service: VideoService, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rubberduck.services.video_analysis.REPORT_SECONDS", 0.0)
    video, task = received(service, clip)
    see_frames(task, video.id)
    told = messages(task)
    percents = [message["progress"] for message in told]
    assert percents == sorted(percents)
    assert percents[-1] == 78  # of 80, at the start of the last frame
    assert told[-1]["message"] == "0:04 of 0:05 analysed, less than a minute left"


def test_what_is_no_video_is_refused_in_words_and_deleted(
    service: VideoService, tmp_path: Path
) -> None:
    (file := tmp_path / "duck.mp4").write_bytes(b"\xff\xd8 a picture by another name" * 99)
    video, task = received(service, file)
    refused = see_frames(task, video.id)["refused"]
    assert refused.startswith("This video cannot be analysed. ")
    assert keys(service.pipeline.storage) == []
    assert note_failure(task, video.id, refused)
    after = service.get(video.id)
    assert (after.status, after.error, after.stored_bytes) == ("failed", refused, 0)


def test_a_video_that_is_gone_or_over_is_refused(service: VideoService, clip: Path) -> None:
    video, task = received(service, clip)
    service.pipeline.storage.delete(video.original_key or "")
    assert "not there any more" in see_frames(task, video.id)["refused"]
    other, task = received(service, clip)
    service.cancel(other.id)
    with pytest.raises(AnalysisOver):
        see_frames(task, other.id)


def test_one_false_frame_never_flips_the_answer(service: VideoService, tmp_path: Path) -> None:
    """A duck in one frame only, and in all frames but one."""
    answers = []
    for name, there in (("one", {20}), ("none", set[int]()), ("but one", set(range(40)) - {20})):
        file = write_duck_video(tmp_path / f"{name}.mp4", 4.0, partial(is_in, there))
        video, task = received(service, file)
        see_frames(task, video.id)
        answers.append(finish(task, video.id, 0))
    assert [answer["found"] for answer in answers] == [False, False, True]
    assert [answer["distinct"] for answer in answers] == [0, 0, 1]


def is_in(frames: set[int], seconds: float) -> bool:
    return round(seconds * RATE) in frames


def frames(number: int) -> Iterator[Frame]:
    image = Image.new("RGB", (80, 80))
    for pts in range(number):
        yield Frame(pts, pts / 5, image, is_cut=False, end_pts=pts + 1)


class SlowlyAnswering:
    """Answers when told to, and counts how many calls were begun."""

    name, version, supported_labels, cost_per_call_usd = "paid", "1", None, 0.001

    def __init__(self) -> None:
        self.begun = 0
        self.saved = 0
        self.most_open = 0
        self._lock = threading.Lock()

    def labels(self, picture: Picture) -> list[Label]:
        with self._lock:
            self.begun += 1
            self.most_open = max(self.most_open, self.begun - self.saved)
        return [Label("Duck", 90.0)]

    def save(self, segment: Segment) -> bool:
        with self._lock:
            self.saved += len(segment.samples)
        return True

    def check(self) -> None: ...


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_of_paid_calls_no_more_are_open_than_run_at_once(at_once: int) -> None:
    """So many a kill repeats at most."""
    detector = SlowlyAnswering()
    analysis = FrameAnalysis(detector, detector.save, pace=Pace.paid(at_once))
    assert len(list(analysis.run(frames(200)))) == 200
    assert (detector.begun, detector.saved) == (200, 200)
    assert 1 <= detector.most_open <= at_once


def test_an_analysis_that_lost_its_job_stops(service: VideoService) -> None:
    detector = SlowlyAnswering()
    analysis = FrameAnalysis(detector, lambda segment: False, pace=Pace.paid(2))
    with pytest.raises(AnalysisOver):
        list(analysis.run(frames(200)))
    assert detector.begun <= 4


def test_files_left_by_killed_jobs_are_deleted(
    service: VideoService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with video_files.work_folder("running") as running, video_files.work_folder("left") as left:
        (left / "original").write_bytes(b"of a video")
    with video_files.work_folder("running"):
        assert video_files.delete_left_files() == 0  # a killed job may go on in a minute
        later = (left / "lock").stat().st_mtime + 2 * video_files.LEFT_AFTER
        assert video_files.delete_left_files(later) == 1
        assert (left.exists(), running.exists()) == (False, True)


def test_a_still_picture_shown_for_long_counts_for_its_time(
    service: VideoService, tmp_path: Path
) -> None:
    """At a variable rate a frame holds until the next one."""
    duck = write_duck_video(tmp_path / "duck.mp4", 0.5)
    with av.open(str(duck)) as source:
        picture = next(source.decode(video=0)).to_ndarray(format="rgb24")
    shown = [(0.0, picture), (6.0, np.zeros_like(picture)), (8.0, np.zeros_like(picture))]
    with av.open(str(tmp_path / "still.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for seconds, pixels in shown:
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video, task = received(service, tmp_path / "still.mp4")
    see_frames(task, video.id)
    (duck_segment,) = [s for s in label_segments(service.samples(video), 8.1) if s.label == "Toy"]
    assert (duck_segment.start_seconds, duck_segment.end_seconds) == (0.0, 6.0)
