"""The job that trains a version at Amazon Rekognition Custom Labels; aws_steps.py does the work.

A training takes half an hour to a day and costs money. The job survives any crash and never begins
a second one: the service takes a version's name once, and the name belongs to the row that the job
made with its first step. What the service does meanwhile is asked for every two minutes, between
sleeps that outlive the worker.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rubberduck.jobs.registry import job
from rubberduck.services.training_queue import TRAIN_AT_AMAZON

if TYPE_CHECKING:
    from rubberduck.jobs.context import Context

POLL_SECONDS = 120.0  # of a training
DATASET_SECONDS = 15.0  # of a data set, which takes seconds to minutes
MAX_HOURS = 72  # a training takes 24 at most, and may wait for two others
TOO_LONG = (
    "Amazon Rekognition did not come to an end. Look at the project in its console, and retry the "
    "job: it goes on with what is there."
)


@job(TRAIN_AT_AMAZON, waits=True)
def train_model_aws(  # noqa: PLR0913, PLR0917 - the arguments are a stored format
    context: "Context",
    project_id: str,
    created_by: str,
    seed: int = 0,
    distribute: bool = False,
    poll_seconds: float = POLL_SECONDS,
    dataset_seconds: float = DATASET_SECONDS,
) -> Any:
    """Train the project; with `distribute`, the service chooses the test pictures.

    The intervals are for tests.
    """
    # Imported late: an idle worker needs none of it.
    from rubberduck.jobs.context import StepFailed
    from rubberduck.services import aws_steps as steps

    begun = context.step("begin", steps.begin_version, project_id, created_by, seed, distribute)
    polls = _Polls(context, begun["version"], poll_seconds, dataset_seconds)
    try:
        if not polls.wait("look", steps.find_version):
            _fill_datasets(polls, distribute)
            polls.wait("train", steps.begin_training, slow=True)
        polls.wait("training", steps.follow_training, slow=True)
        return polls.wait("finish", steps.save_result)
    except StepFailed as error:
        context.step("failed", steps.fail_version, begun["version"], str(error))
        raise


def _fill_datasets(polls: "_Polls", distribute: bool) -> None:
    """Replace the project's data sets: entries cannot be removed from one that exists."""
    from rubberduck.services import aws_steps as steps

    polls.wait("project", steps.make_project)
    polls.wait("clear", steps.clear_datasets)
    parts = polls.wait("parts", steps.store_manifests, distribute)
    polls.wait("datasets", steps.create_datasets)
    polls.wait("created", steps.check_datasets)
    for kind, number_of_parts in sorted(parts.items()):
        for number in range(number_of_parts):
            polls.wait(f"fill {kind} {number}", steps.fill_dataset, kind, number)
            polls.wait(f"filled {kind} {number}", steps.check_datasets)
    if distribute:
        polls.wait("distribute", steps.distribute)
        polls.wait("distributed", steps.check_datasets)
    polls.wait("verify", steps.verify_datasets, parts)


class _Polls:
    """Repeats a step, with durable sleeps between, until it is done."""

    def __init__(
        self, context: "Context", version_id: str, poll_seconds: float, dataset_seconds: float
    ) -> None:
        self.context = context
        self.version_id = version_id
        self.seconds = {True: poll_seconds, False: dataset_seconds}

    def wait(
        self, name: str, function: Callable[..., Any], *arguments: Any, slow: bool = False
    ) -> Any:
        """Return what the step returned when it was done. Raises StepFailed."""
        from rubberduck.jobs.context import StepFailed

        seconds = self.seconds[slow]
        attempts = max(10, int(MAX_HOURS * 3600 / max(seconds, 1)))
        for attempt in range(attempts):
            answer = self.context.step(f"{name} {attempt}", function, self.version_id, *arguments)
            if "done" in answer:
                return answer["done"]
            self.context.sleep(seconds)
        raise StepFailed(TOO_LONG, f"{name}: {attempts} attempts")
