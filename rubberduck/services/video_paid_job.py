"""The job that has a video analysed for money; video_paid_steps.py does the work.

It survives any crash. Frames go on after the last one whose answer was saved; a whole video is
started once, by a token that Amazon knows. What Amazon does meanwhile is asked for, between sleeps
that outlive the worker; a notice in a queue only ends such a wait early.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rubberduck.jobs.registry import job
from rubberduck.services.video_paid import PAID_ANALYSIS

if TYPE_CHECKING:
    from rubberduck.jobs.context import Context

POLL_SECONDS = 20.0
NOTICE_SECONDS = 60.0  # between two polls, where notices arrive
MAX_HOURS = 24  # of a video of six hours, behind twenty others
MAX_OUTAGES = 15  # of pictures' calls; then it is tried again by hand
TOO_LONG = "Amazon Rekognition did not come to an end. Try again: it goes on with what is there."


@job(PAID_ANALYSIS, needs_disk=True, waits=True)
def run_paid_analysis(
    context: "Context", analysis_id: str, poll_seconds: float = POLL_SECONDS
) -> Any:
    """Have a video analysed. The interval is for tests."""
    # Imported late: an idle worker needs none of it.
    from rubberduck.jobs.context import StepFailed
    from rubberduck.services import video_paid_steps as steps
    from rubberduck.services.video_paid_frames import analyze_frames

    polls = Polls(context, analysis_id, poll_seconds)
    try:
        begun = context.step("begin", steps.begin, analysis_id)
        if begun["uses_frames"]:
            seen = polls.wait("frames", analyze_frames, most=MAX_OUTAGES)
        else:
            polls.has_notices = begun["has_notices"]
            polls.wait("start", steps.start)
            seen = polls.wait("follow", steps.follow)
            polls.wait("fetch", steps.fetch)
        return polls.wait("finish", steps.finish, seen)
    except StepFailed as error:
        context.step("failed", steps.note_failure, analysis_id, str(error))
        raise


class Polls:
    """Repeats a step, with durable waits between, until it is done."""

    def __init__(self, context: "Context", analysis_id: str, seconds: float) -> None:
        self.context = context
        self.analysis_id = analysis_id
        self.seconds = seconds
        self.has_notices = False

    def wait(
        self, name: str, function: Callable[..., Any], *arguments: Any, most: int | None = None
    ) -> Any:
        """Return what the step returned when it was done. Raises StepFailed."""
        from rubberduck.jobs.context import StepFailed

        most = most or int(MAX_HOURS * 3600 / max(self.seconds, 1))
        for attempt in range(most):
            answer = self.context.step(f"{name} {attempt}", function, self.analysis_id, *arguments)
            if "done" in answer:
                return answer["done"]
            self._pause(f"{name} {attempt}")
        raise StepFailed(TOO_LONG, f"{name}: {most} attempts")

    def _pause(self, name: str) -> None:
        if not (self.has_notices and name.startswith("follow")):
            self.context.sleep(self.seconds)
            return
        from rubberduck.services import video_paid_steps as steps

        seconds = NOTICE_SECONDS if self.seconds == POLL_SECONDS else self.seconds
        self.context.step(f"notice of {name}", steps.wait_for_notice, self.analysis_id, seconds)
