"""What the function of a job may call."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dbos import DBOS

from rubberduck.core.sentences import Sentence
from rubberduck.jobs.models import Job, Run
from rubberduck.jobs.steps import POLL_SECONDS, Steps


class StepFailed(Exception):
    """A step failed; the message says why in plain words, `cause` is for the operator's log."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.message = message  # a Sentence is shown in the site's language
        self.cause = cause


@dataclass(frozen=True)
class Context:
    """One run of a job. Its function decides the steps, which do the work.

    After a crash the function runs again from its start, but steps that ended return what they
    returned then. So between the steps it must decide the same each time: no clock, no random
    numbers, no reading of what changes.
    """

    job: Job
    run: Run
    steps: Steps

    def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run `function(task, *arguments)` in a child process, and return what JSON can hold.

        `function` is one of a module's top level; its first argument is a jobs.child.Task. It runs
        at least once: it may be ended at any point and started again, so its last act should be a
        conditional write under the job's id. Raises StepFailed.
        """
        outcome = DBOS.run_step({"name": name}, self.steps.run, self.run, function, arguments)
        if "error" in outcome:
            known = outcome.get("sentence")  # a release before did not store it
            why = Sentence.from_json(known) if known else outcome["error"]
            raise StepFailed(why, outcome["cause"])
        return outcome["result"]

    def sleep(self, seconds: float) -> None:
        """Wait, also over restarts: a wait that is over by then is not repeated."""
        wake_at = DBOS.run_step({"name": "sleep"}, lambda: time.time() + seconds)
        while (left := wake_at - time.time()) > 0:
            time.sleep(min(left, POLL_SECONDS))
            self.steps.require_current(self.run)
