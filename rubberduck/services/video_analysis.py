"""The job that analyses a video, in a worker's child: see its frames, keep a copy, judge.

A job that is killed at any point goes on after the last saved segment. Each step may run again:
what it has done already it finds in the row of the video or in the storage.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rubberduck.core.durations import clock
from rubberduck.core.sentences import Sentence, time_left
from rubberduck.jobs.registry import job
from rubberduck.services.videos import ANALYSE, require_free_detector

if TYPE_CHECKING:
    from rubberduck.detectors.base import Detector
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.services.pipeline import Pipeline
    from rubberduck.videos.models import Video, VideoInfo
    from rubberduck.videos.reading import Frame
    from rubberduck.videos.store import Videos

log = logging.getLogger(__name__)
# Of all work: when the last frame has been seen, and when the copy is made.
ANALYSED_PERCENT, COPIED_PERCENT = 80, 95
REPORT_SECONDS = 1.0
MINUTE = 60


@job(ANALYSE, needs_disk=True)
def analyse_video(context: "Context", video_id: str) -> Any:
    from rubberduck.jobs.context import StepFailed

    try:
        seen = context.step("analyse", see_frames, video_id)
        if "refused" in seen:
            raise StepFailed(seen["refused"], seen["refused"])
        copied = context.step("copy", make_playable_copy, video_id)
        return context.step("finish", finish, video_id, copied["bytes"])
    except StepFailed as error:
        context.step("failed", note_failure, video_id, str(error))
        raise


def see_frames(task: "Task", video_id: str) -> dict[str, Any]:
    """Let the detector see all frames that have not been seen; return their number.

    What cannot be analysed is told as {"refused": …}, and its original is deleted.
    """
    from rubberduck.jobs.models import RUNNING
    from rubberduck.jobs.store import JobStore
    from rubberduck.services.video_files import (
        delete_left_files,
        delete_original,
        original_file,
    )
    from rubberduck.videos.errors import AnalysisOver, VideoRefused, VideoTooLarge
    from rubberduck.videos.reading import probe
    from rubberduck.videos.store import Videos

    delete_left_files()
    site: Pipeline = task.site
    videos = Videos(site.results.database)
    # A cancelled video is analysed again only if its job is: on the page of jobs, too.
    runs = JobStore(site.results.database).get(task.job_id).state == RUNNING
    if not (runs and videos.begin(video_id, task.job_id)):
        raise AnalysisOver("It was cancelled or deleted, or another worker goes on with it.")
    video = videos.get(video_id)
    limits = site.video_limits
    try:
        with original_file(site.storage, video) as file:
            info = probe(file, limits)
            videos.set_info(video_id, info)
            detector = detector_of(site, video)
            videos.set_engine(video_id, detector.version)
            running = _Running(task, videos, replace(video, info=info))
            return {"samples": running.see(file, detector, limits)}
    except (VideoRefused, VideoTooLarge) as error:
        delete_original(site.storage, videos, video)
        return {"refused": f"{error.problem.title}. {error.problem.why}"}


def pipeline_of(site: "Pipeline", video: "Video") -> "Pipeline":
    """Return the pipeline that answers a video's question. Raises NoSuchQuestion, NoSuchModel…,
    ModelStopped."""
    from rubberduck.core.errors import NoSuchQuestion

    if video.model is not None:
        return site.models.pipeline_for(video.model, may_start=False)
    for key, offer in site.offers.items():
        if offer.question.title == video.question:
            return site.for_question(key)
    if site.question.title == video.question:
        return site
    raise NoSuchQuestion(site.offers)


def detector_of(site: "Pipeline", video: "Video") -> "Detector":
    """Return the detector of a visitor's video, as it was when the video was received."""
    return require_free_detector(pipeline_of(site, video))


@dataclass
class _Running:
    """One run of an analysis: from the last saved segment to the end of the video."""

    task: "Task"
    videos: "Videos"
    video: "Video"

    def see(self, file: Any, detector: "Detector", limits: Any) -> int:
        """See the frames; return the number of all samples."""
        from rubberduck.services.video_frames import FrameAnalysis
        from rubberduck.videos.reading import frames

        last = self.videos.last_segment(self.video.id)
        analysis = FrameAnalysis(
            detector,
            lambda segment: self.videos.add_segment(self.video.id, self.task.job_id, segment),
            number=0 if last is None else last.number + 1,
        )
        start = None if last is None else last.end_pts
        reading = frames(file, self.video.sample_rate, start, limits=limits)
        with closing(reading):
            self._report(analysis.run(reading))
        info = self._with_true_end(analysis.last_end)
        if info is not None:
            self.videos.set_info(self.video.id, info)
        return analysis.samples

    def _report(self, seen: "Iterator[Frame]") -> None:
        """Take the frames, and tell how far it is, in percent and in minutes."""
        began, reported = time.monotonic(), 0.0
        first: float | None = None
        total = self.video.info.seconds if self.video.info else 0.0
        for frame in seen:
            first = frame.seconds if first is None else first
            now = time.monotonic()
            if now - reported >= REPORT_SECONDS:
                reported = now
                speed = (frame.seconds - first) / (now - began) if now > began else 0.0
                self.task.progress(*progress_of(frame.seconds, total, speed))

    def _with_true_end(self, end_pts: int | None) -> "VideoInfo | None":
        info = self.video.info
        if info is None or end_pts is None:
            return None
        return replace(info, seconds=info.seconds_at(end_pts))


def progress_of(done: float, total: float, speed: float) -> tuple[float, Sentence]:
    """Return percent of all work and a sentence; times in seconds, speed in seconds a second.

    >>> progress_of(90, 600, 3.0)
    (12.0, '1:30 of 10:00 analysed, 3 minutes left')
    >>> progress_of(90, 0, 3.0)
    (0.0, '1:30 analysed')
    """
    if total <= 0:
        return 0.0, Sentence("{done} analysed", done=clock(done))
    percent = ANALYSED_PERCENT * min(done / total, 1.0)
    times = {"done": clock(done), "total": clock(total)}
    if speed <= 0:
        return percent, Sentence("{done} of {total} analysed", **times)
    left = time_left(max(0.0, total - done) / speed)
    return percent, Sentence("{done} of {total} analysed, {left}", **times, left=left)


def make_playable_copy(task: "Task", video_id: str) -> dict[str, int]:
    """Store a copy that browsers play, without metadata; return its bytes."""
    from rubberduck.services.video_results import keep_copy
    from rubberduck.videos.store import Videos

    site: Pipeline = task.site
    videos = Videos(site.results.database)

    def show(share: float) -> None:
        percent = ANALYSED_PERCENT + share * (COPIED_PERCENT - ANALYSED_PERCENT)
        task.progress(percent, Sentence("A copy that browsers play is made"))

    limits = site.video_limits
    return {"bytes": keep_copy(site.storage, videos, videos.get(video_id), limits, show)}


def finish(task: "Task", video_id: str, copy_bytes: int) -> dict[str, Any]:
    """Keep the best frames, judge, and delete the original; return the answer."""
    from rubberduck.services.video_results import keep_results
    from rubberduck.videos.store import Videos

    site: Pipeline = task.site
    video = Videos(site.results.database).get(video_id)
    question = pipeline_of(site, video).question
    task.progress(COPIED_PERCENT, Sentence("The best frames are stored"))
    return keep_results(task, site, video, question, copy_bytes)


def note_failure(task: "Task", video_id: str, message: str) -> bool:
    """Save with the video why it has no answer; its original stays for another try."""
    from rubberduck.services.video_files import delete_files
    from rubberduck.videos.store import Videos

    delete_files(video_id)
    site: Pipeline = task.site
    return Videos(site.results.database).fail(video_id, task.job_id, message)
