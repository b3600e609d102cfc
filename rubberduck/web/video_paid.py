"""Access from a request to analyses of videos for money, and what is said of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rubberduck.web.deps import default_pipeline, job_queue, text
from rubberduck.web.jobs import message_of

if TYPE_CHECKING:
    from rubberduck.services.video_costs import Estimate
    from rubberduck.services.video_paid import PaidVideos
    from rubberduck.videos.paid import PaidAnalysis
    from rubberduck.web.model_hosting import Money


@dataclass(frozen=True)
class PaidStatus:
    """How far a paid analysis is. `progress` is percent; `waits`: no worker runs."""

    state: str
    progress: int
    message: str
    waits: bool


def paid_videos() -> "PaidVideos":
    # Imported late: most requests for videos need none of it.
    from rubberduck.services.video_paid import PaidVideos

    return PaidVideos(default_pipeline(), job_queue())


def offers_amazon() -> bool:
    """Return whether this site may offer to analyse videos for money at all."""
    site = default_pipeline()
    return site.amazon_video is not None or site.open_custom_labels is not None


def status_of(analysis: "PaidAnalysis") -> PaidStatus:
    job = paid_videos().job(analysis) if analysis.is_active else None
    waits = analysis.is_active and not job_queue().has_worker()
    progress, message = (job.progress, message_of(job)) if job else (0, "")
    return PaidStatus(analysis.state, progress, message, waits)


def price_of(estimate: "Estimate", money: "Money | None" = None) -> str:
    """Return the price as text: “about …” if nobody compared it with Amazon's own page.

    `money` is that of model_hosting.view_of.
    """
    from rubberduck.billing.prices import dollars

    amount = (money or dollars)(estimate.microdollars)
    return text("about {amount}").format(amount=amount) if estimate.is_about else amount


def celebrities_in(analyses: "list[PaidAnalysis]") -> tuple[dict[str, Any], ...] | None:
    """Return the people of the newest analysis for celebrities; None if there is none."""
    from rubberduck.videos.paid import CELEBRITIES, DONE

    for analysis in analyses:
        if analysis.way == CELEBRITIES and analysis.state == DONE:
            return tuple((analysis.answer or {}).get("celebrities", ()))
    return None
