"""The video with its boxes drawn in: made on demand by a job, whose time is told before.

The page draws boxes over its player; this is for who plays the video elsewhere, or without scripts.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubberduck.core.durations import clock
from rubberduck.core.errors import JobEnded, NoSuchJob
from rubberduck.core.sentences import Sentence, time_left
from rubberduck.jobs.registry import job
from rubberduck.videos.errors import VideoNotReady
from rubberduck.videos.models import READY

if TYPE_CHECKING:
    from rubberduck.core.models import Box
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.jobs.models import Job
    from rubberduck.services.pipeline import Pipeline
    from rubberduck.services.videos import VideoService
    from rubberduck.videos.models import Video
    from rubberduck.videos.report import VideoReport

log = logging.getLogger(__name__)
RENDER = "render-video"
RENDERED_PERCENT = 97  # of all work, when the last frame is written; then it is stored
REPORT_SECONDS = 1.0
MINUTE = 60
# Seconds of a frame, measured with 720p and 1080p on two busy processors: reading and encoding, for
# a million pixels of the video; drawing, at 720p.
SECONDS_A_MEGAPIXEL, SECONDS_A_DRAWN_FRAME = 0.011, 0.03
DEFAULT_RATE = 30.0  # frames a second, where the file does not say it


def estimate_minutes(video: "Video", report: "VideoReport") -> int:
    """Return about how many minutes the job takes, at least 1."""
    if video.info is None:
        return 1
    frames = video.info.seconds * (video.info.rate or DEFAULT_RATE)
    megapixels = video.info.width * video.info.height / 1e6
    frame = SECONDS_A_MEGAPIXEL * megapixels + SECONDS_A_DRAWN_FRAME * report.yes.overall
    return max(1, round(frames * frame / MINUTE))


def queue_rendering(service: "VideoService", video: "Video") -> str:
    """Queue the job that draws the boxes in, and return its id; of one under way, that one's.

    Raises VideoNotReady, VideosFull, SiteStorageFull, TooManyJobs, JobsUnavailable.
    """
    if video.status != READY or video.copy_key is None:
        raise VideoNotReady("There is no video to draw on.")
    running = rendering_job(service, video)
    if running is not None and running.is_active:
        return running.id
    service.require_room(video.owner, video.stored_bytes)  # it is about as large as the copy
    job_id = service.queue.enqueue(RENDER, video.owner or "", video_id=video.id)
    if service.videos.set_render_job(video, job_id):
        return job_id
    service.queue.store.cancel(job_id)  # another request was faster
    return service.videos.get(video.id).render_job_id or job_id


def rendering_job(service: "VideoService", video: "Video") -> "Job | None":
    """Return the newest job that draws the boxes in, if there is one."""
    try:
        return service.queue.get(video.render_job_id) if video.render_job_id else None
    except NoSuchJob:
        return None


def cancel_rendering(service: "VideoService", video: "Video") -> None:
    """End the job that draws the boxes in, if it waits or runs."""
    if video.render_job_id:
        try:
            service.queue.store.cancel(video.render_job_id)
        except (JobEnded, NoSuchJob):
            return


@job(RENDER, needs_disk=True)
def render_video(context: "Context", video_id: str) -> Any:
    return context.step("render", render_to_storage, video_id)


def render_to_storage(task: "Task", video_id: str) -> dict[str, Any]:
    """Write the video with the boxes of its stored answer into the storage; return its bytes.

    Raises VideoNotReady if it was deleted or answered anew meanwhile, NoSuchVideo, VideoRefused.
    """
    from rubberduck.services.video_files import copy_file
    from rubberduck.videos.encoding import render
    from rubberduck.videos.keys import rendered_key
    from rubberduck.videos.report import make_report
    from rubberduck.videos.store import Videos

    site: Pipeline = task.site
    videos = Videos(site.results.database)
    video = videos.get(video_id)
    if video.rendered_key:  # the worker died between that and this step's end
        return {"key": video.rendered_key}
    offered = site.for_title(video.question).question
    question = offered if offered.title == video.question else None
    report = make_report(video, question, list(videos.samples(video_id)))
    with tempfile.TemporaryDirectory() as folder, copy_file(site.storage, video) as copy:
        target = Path(folder) / "marked"
        written = render(copy, target, boxes_at(report), progress=_progress(task, report.seconds))
        task.progress(RENDERED_PERCENT, Sentence("It is stored"))
        key = rendered_key(video_id, written.content_type)
        site.storage.put_file(key, target, written.content_type)
    if not videos.set_rendered(video, task.job_id, key, written.content_type, written.bytes):
        site.storage.delete(key)
        raise VideoNotReady("It was deleted, or answered anew.")
    log.info("video rendered id=%s bytes=%d", video_id, written.bytes)
    return {"key": key, "bytes": written.bytes}


def boxes_at(report: "VideoReport") -> "Callable[[float], Sequence[Box]]":
    """Return what gives the boxes of a frame, without those that the player dashes: in gaps."""
    from rubberduck.videos.interpolation import TrackBoxes

    boxes = TrackBoxes(report.verdict.tracks)

    def at(seconds: float) -> "Sequence[Box]":
        return [
            replace(each.box, label=report.name_of(each.track))
            for each in boxes.at(seconds)
            if each.is_seen
        ]

    return at


def _progress(task: "Task", seconds: float) -> Callable[[float], None]:
    """Return what tells how far it is, in percent and in minutes, once a second."""
    began, reported = time.monotonic(), 0.0

    def report(share: float) -> None:
        nonlocal reported
        now = time.monotonic()
        if now - reported >= REPORT_SECONDS:
            reported = now
            left = (1 - share) * (now - began) / share if share else None
            task.progress(RENDERED_PERCENT * share, sentence_of(share * seconds, seconds, left))

    return report


def sentence_of(done: float, total: float, left: float | None) -> Sentence:
    """Return how far a job is; times in seconds, `left` is None if it is not known yet.

    >>> sentence_of(90, 600, 170)
    '1:30 of 10:00 drawn, 3 minutes left'
    """
    times = {"done": clock(done), "total": clock(total)}
    if left is None:
        return Sentence("{done} of {total} drawn", **times)
    return Sentence("{done} of {total} drawn, {left}", **times, left=time_left(left))
