"""What the site does with videos: receive, cancel, try again, judge again, delete."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import DuckError, JobEnded, NoSuchJob
from rubberduck.core.ids import random_id
from rubberduck.core.rules import Question
from rubberduck.core.sentences import Sentence
from rubberduck.db.storage_usage import require_site_room
from rubberduck.services.video_retention import delete_video
from rubberduck.videos.errors import (
    AnalysisOver,
    NoFreeAnalysis,
    VideosFull,
    VideoTooLarge,
)
from rubberduck.videos.keys import is_address, original_key
from rubberduck.videos.models import QUEUED, Sample, Video, VideoVerdict
from rubberduck.videos.store import Videos
from rubberduck.videos.timeline import judge_video

if TYPE_CHECKING:
    from rubberduck.core.settings import Settings
    from rubberduck.detectors.base import Detector
    from rubberduck.jobs.models import Job
    from rubberduck.jobs.queue import JobQueue
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
ANALYSE = "analyse-video"
NOBODY = "videos"  # the owner of jobs of videos without one
MEGABYTE = 1_000_000
ORIGINAL_TYPE = "application/octet-stream"  # what is inside is found out later
LOST_MESSAGE = Sentence("The analysis ended without an answer.")
CANCELLED_MESSAGE = Sentence("Cancelled.")


def new_id() -> str:
    """Return an id for a video that is about to be received."""
    return random_id()


def free_detector(pipeline: "Pipeline") -> "Detector | None":
    """Return what analyses a visitor's video: the model asked, or else a detector that is free."""
    if pipeline.model is not None:
        return pipeline.detector
    detectors = (pipeline.detector, pipeline.fallback_detector)
    return next((d for d in detectors if d and not d.cost_per_call_usd), None)


def require_free_detector(pipeline: "Pipeline") -> "Detector":
    """Return what analyses a visitor's video. Raises NoFreeAnalysis."""
    if (detector := free_detector(pipeline)) is None:
        raise NoFreeAnalysis("Each frame would cost money, and only operators may spend it.")
    return detector


@dataclass(frozen=True)
class VideoService:
    """The operations on videos; `pipeline` is for the question or model that is asked."""

    pipeline: "Pipeline"
    queue: "JobQueue"
    settings: "Settings"

    @property
    def videos(self) -> Videos:
        return Videos(self.pipeline.results.database)

    def receive(
        self,
        source: Path | str,
        owner: str | None,
        bytes: int,
        *,
        id: str | None = None,
        kind: str = ANALYSE,
        **arguments: Any,
    ) -> Video:
        """Take a video in, and queue its analysis for the pipeline's question. Return its row.

        `source` is a file on this machine; or the key `original_key(id)` at which the storage has
        it already, as uploads in parts do; or the address s3://BUCKET/KEY of an operator's object,
        which is only read. What is inside is checked by the job, never in this process. `kind` is
        the job's, and `arguments` what it takes beside `video_id`.

        Raises VideoTooLarge, VideosFull, SiteStorageFull, NoFreeAnalysis, StorageFailed,
        TooManyJobs, JobsUnavailable. Then nothing is kept but an object that was in the storage
        before.
        """
        self.require_room(owner, 0 if isinstance(source, str) else bytes)
        self.require_size(bytes)
        video = self._row(source, owner, bytes, id or new_id())
        self.videos.create(video)
        try:
            if isinstance(source, Path):
                self.pipeline.storage.put_file(original_key(video.id), source, ORIGINAL_TYPE)
            job_id = self.queue.enqueue(kind, owner or NOBODY, video_id=video.id, **arguments)
        except DuckError:
            self._withdraw(video, keep_object=isinstance(source, str))
            raise
        # The job may have begun already, and then has set it itself.
        self.videos.set_job(video.id, job_id)
        log.info("video received id=%s bytes=%d job=%s", video.id, bytes, job_id)
        return replace(video, job_id=job_id)

    def require_room(self, owner: str | None, bytes: int) -> None:
        """Raise VideosFull if the owner may not store so many more bytes, SiteStorageFull if the
        site may not.
        """
        if not bytes:
            return
        limit = self.pipeline.storage_limits.site
        require_site_room(self.pipeline.results.database, limit, bytes)
        if owner is None:
            return
        most = self.settings.video_owner_bytes
        if (used := self.videos.stored_bytes(owner)) + bytes > most:
            raise VideosFull(
                "It has {size} MB, and your other videos {used} of the {most} MB that this site"
                " keeps for you.",
                size=round(bytes / MEGABYTE),
                used=round(used / MEGABYTE),
                most=round(most / MEGABYTE),
            )

    def require_size(self, bytes: int) -> None:
        """Raise VideoTooLarge for more bytes than the settings allow."""
        if bytes > self.settings.video_bytes:
            raise VideoTooLarge(
                "It is larger than the limit of {most} MB.",
                most=f"{self.settings.video_bytes / MEGABYTE:g}",
            )

    def _row(self, source: Path | str, owner: str | None, bytes: int, id: str) -> Video:
        detector = require_free_detector(self.pipeline)
        is_foreign = isinstance(source, str) and is_address(source)
        return Video(
            id=id,
            status=QUEUED,
            created_at=datetime.now(UTC),
            owner=owner,
            question=self.pipeline.question.title,
            model=self.pipeline.model,
            engine=detector.name,
            engine_version=None,
            min_confidence=self.pipeline.question.min_confidence,
            sample_rate=self.settings.video_rate,
            bytes=bytes,
            stored_bytes=0 if is_foreign else bytes,
            original_key=source if isinstance(source, str) else original_key(id),
        )

    def _withdraw(self, video: Video, *, keep_object: bool) -> None:
        """Delete the row of a video that was not queued; what fails is left to the sweep."""
        try:
            if not keep_object:
                self.pipeline.storage.delete(original_key(video.id))
            self.videos.forget(video.id)
        except DuckError as error:
            log.warning("video not withdrawn id=%s cause=%s", video.id, error.operator_message)

    def get(self, id: str, owner: str | None = None) -> Video:
        """Return a video, with its status as its job's is by now. Raises NoSuchVideo."""
        video = self.videos.get(id, owner)
        return self._settled(video) if video.is_active and video.job_id else video

    def _settled(self, video: Video) -> Video:
        """Note on an active video that its job has ended: cancelled on the page of jobs, or lost.

        What the job itself does at its end is noted by then.
        """
        job = self.job(video)
        if job is not None and job.is_active:
            return video
        is_cancelled = job is not None and job.state == "cancelled"
        message = CANCELLED_MESSAGE if is_cancelled else (job and job.error) or LOST_MESSAGE
        self.videos.fail(video.id, video.job_id or "", message, cancelled=is_cancelled)
        return self.videos.get(video.id)

    def job(self, video: Video) -> "Job | None":
        """Return the job of the analysis, with progress and message; None if it is gone."""
        try:
            return self.queue.get(video.job_id) if video.job_id else None
        except NoSuchJob:
            return None

    def cancel(self, id: str, owner: str | None = None) -> Video:
        """End the analysis of a video; its process ends within two seconds.

        Raises NoSuchVideo, AnalysisOver.
        """
        video = self.videos.get(id, owner)
        if not video.is_active or video.job_id is None:
            raise AnalysisOver("Only an analysis that waits or runs can be cancelled.")
        try:
            self.queue.store.cancel(video.job_id)
        except (JobEnded, NoSuchJob):
            raise AnalysisOver("It has just ended.") from None
        self.videos.fail(id, video.job_id, CANCELLED_MESSAGE, cancelled=True)
        return self.videos.get(id)

    def retry(self, id: str, owner: str | None = None) -> Video:
        """Go on with a failed or cancelled analysis after its last saved segment.

        Raises NoSuchVideo, AnalysisOver, TooManyJobs.
        """
        video = self.get(id, owner)
        if video.original_key is None or video.job_id is None or video.is_active:
            raise AnalysisOver("There is nothing to try again: send the video again.")
        try:
            self.queue.retry(video.job_id, video.owner or NOBODY)
        except (JobEnded, NoSuchJob):
            raise AnalysisOver("There is nothing to try again: send the video again.") from None
        self.videos.requeue(id, video.job_id)
        return self.videos.get(id)

    def delete(self, id: str, owner: str | None = None) -> None:
        """Hide a video at once, end its jobs, and delete its objects and rows.

        Raises NoSuchVideo, or StorageFailed if an object could not be deleted; the sweep goes on.
        """
        delete_video(self.pipeline.results.database, self.pipeline.storage, id, owner)

    def question_of(self, video: Video) -> Question | None:
        """Return the question that was asked, unless the site does not offer it any more."""
        if video.model is not None or video.question == self.pipeline.question.title:
            is_same = video.question == self.pipeline.question.title
            return self.pipeline.question if is_same else None
        offers = (offer.question for offer in self.pipeline.offers.values())
        return next((question for question in offers if question.title == video.question), None)

    def judge(
        self, video: Video, question: Question, min_confidence: float | None = None
    ) -> VideoVerdict:
        """Return the verdict on what was seen, at any threshold in percent; nothing is stored."""
        threshold = video.min_confidence if min_confidence is None else min_confidence
        end = video.info.seconds if video.info else None
        return judge_video(question, self.samples(video), threshold, end)

    def samples(self, video: Video) -> Iterable[Sample]:
        """Return all that was seen so far, in the order of time."""
        return self.videos.samples(video.id)
