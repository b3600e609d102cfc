"""What operators do with analyses of videos that cost money: see prices, start, cancel, try again.

The price is told before, and nothing starts that the limits do not allow. The job is in
video_paid_job.py.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rubberduck.core.errors import DuckError, JobEnded, NoSuchJob
from rubberduck.core.ids import random_id
from rubberduck.core.sentences import Sentence
from rubberduck.services.video_costs import Estimate, VideoCosts
from rubberduck.videos.errors import AnalysisOver, CannotAskAmazon
from rubberduck.videos.models import Video
from rubberduck.videos.paid import CELEBRITIES, MODEL, QUEUED, PaidAnalyses, PaidAnalysis, new_token

if TYPE_CHECKING:
    from rubberduck.jobs.models import Job
    from rubberduck.jobs.queue import JobQueue
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
PAID_ANALYSIS = "ask-amazon-about-video"
NOBODY = "videos"  # the owner of jobs of videos without one
LOST_MESSAGE = Sentence("The analysis ended without an answer.")
CANCELLED_MESSAGE = Sentence("Cancelled.")
GOES_ON = Sentence(
    "Cancelled here. Amazon cannot be told to stop: its analysis goes on, and is billed."
)


@dataclass(frozen=True)
class Order:
    """What an operator asks for: a way, and frames a second or the model where it needs them.

    `question` is the key of an offered one; default: the video's own. `most` is the price that was
    agreed to, in millionths of a US dollar: nothing starts that would cost more.
    """

    way: str
    rate: float | None = None
    model: str | None = None
    question: str | None = None
    most: int | None = None


@dataclass(frozen=True)
class PaidVideos:
    """The operations. Raises ResultsUnavailable when the database fails."""

    site: "Pipeline"
    queue: "JobQueue"

    @property
    def analyses(self) -> PaidAnalyses:
        return PaidAnalyses(self.site.results.database)

    def choices(self, video: Video) -> list[Estimate]:
        """Return all ways, with prices; see VideoCosts.choices. Raises VideoNotReady."""
        return VideoCosts(self.site).choices(video)

    def questions(self) -> dict[str, str]:
        """Return the titles of the questions that Amazon's labels can answer, by key."""
        return {key: offer.question.title for key, offer in self.site.offers.items()}

    def start(self, video: Video, order: Order, by: str) -> PaidAnalysis:
        """Queue an analysis that will cost money; `by` is the operator's id.

        Raises VideoNotReady, CannotAskAmazon, PaidAnalysisRuns, SpendingLimitReached, TooManyJobs,
        JobsUnavailable. Then nothing was started.
        """
        estimate = VideoCosts(self.site).require(video, order.way, order.rate, order.model)
        if order.most is not None and estimate.microdollars > order.most:
            raise CannotAskAmazon("Its price is higher than the one that was agreed to.")
        question = self._question(video, order)
        self.of_video(video.id)  # notes the end of those whose jobs have ended
        analysis = PaidAnalysis(
            id=random_id(),
            video_id=video.id,
            way=estimate.way,
            question=question,
            model=estimate.model,
            rate=estimate.rate,
            state=QUEUED,
            created_at=datetime.now(UTC),
            created_by=by,
            max_calls=estimate.calls,
            microdollars=estimate.microdollars,
            job_id=None,
            token=new_token(),
        )
        self.analyses.create(analysis)
        try:
            owner = video.owner or NOBODY
            job_id = self.queue.enqueue(PAID_ANALYSIS, owner, analysis_id=analysis.id)
        except DuckError:
            self.analyses.delete(analysis.id)
            raise
        self.analyses.set_job(analysis.id, job_id)
        log.info(
            "paid analysis queued id=%s video=%s way=%s calls=%d microdollars=%d",
            analysis.id,
            video.id,
            estimate.way,
            estimate.calls,
            estimate.microdollars,
        )
        return self.analyses.get(analysis.id)

    def _question(self, video: Video, order: Order) -> str:
        """Return the title of the question that is asked."""
        if order.way == CELEBRITIES:
            return video.question
        if order.way == MODEL:
            models = VideoCosts(self.site).models()
            return next(each.question for each in models if each.project_id == order.model)
        titles = self.questions() or {"": self.site.question.title}
        if order.question is None:
            own = video.question in titles.values()
            return video.question if own else next(iter(titles.values()))
        if order.question not in titles:
            raise CannotAskAmazon("“question” may be: {offered}.", offered=", ".join(titles))
        return titles[order.question]

    def get(self, id: str, video_id: str) -> PaidAnalysis:
        """Return one, with its state as its job's is by now. Raises NoSuchPaidAnalysis."""
        return self._settled(self.analyses.get(id, video_id))

    def of_video(self, video_id: str) -> list[PaidAnalysis]:
        """Return all of a video, the newest first."""
        return [self._settled(each) for each in self.analyses.of_video(video_id)]

    def _settled(self, analysis: PaidAnalysis) -> PaidAnalysis:
        """Note on an active one that its job was cancelled on the page of jobs, or is lost."""
        if not analysis.is_active or analysis.job_id is None:
            return analysis
        job = self.job(analysis)
        if job is not None and job.is_active:
            return analysis
        is_cancelled = job is not None and job.state == "cancelled"
        message = (job and job.error) or LOST_MESSAGE
        if is_cancelled:
            message = cancelled_message(analysis)
        self.analyses.fail(analysis.id, analysis.job_id, message, cancelled=is_cancelled)
        return self.analyses.get(analysis.id)

    def job(self, analysis: PaidAnalysis) -> "Job | None":
        """Return its job, with progress and message; None if it is gone."""
        try:
            return self.queue.get(analysis.job_id) if analysis.job_id else None
        except NoSuchJob:
            return None

    def cancel(self, id: str, video_id: str) -> PaidAnalysis:
        """End the job; what was seen so far is kept for another try. Raises AnalysisOver."""
        analysis = self.get(id, video_id)
        if not analysis.is_active or analysis.job_id is None:
            raise AnalysisOver("Only an analysis that waits or runs can be cancelled.")
        try:
            self.queue.store.cancel(analysis.job_id)
        except (JobEnded, NoSuchJob):
            raise AnalysisOver("It has just ended.") from None
        message = cancelled_message(analysis)
        self.analyses.fail(id, analysis.job_id, message, cancelled=True)
        return self.analyses.get(id)

    def retry(self, id: str, video: Video) -> PaidAnalysis:
        """Go on with a failed or cancelled one after what was paid for already.

        Raises AnalysisOver, TooManyJobs.
        """
        analysis = self.get(id, video.id)
        over = AnalysisOver("There is nothing to try again.")
        if analysis.is_active or analysis.job_id is None:
            raise over
        try:
            self.queue.retry(analysis.job_id, video.owner or NOBODY)
        except (JobEnded, NoSuchJob):
            raise over from None
        self.analyses.requeue(id, analysis.job_id)
        return self.analyses.get(id)


def cancelled_message(analysis: PaidAnalysis) -> str:
    return GOES_ON if analysis.remote_id else CANCELLED_MESSAGE
