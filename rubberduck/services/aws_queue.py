"""What the site does to train a version at Custom Labels: check, refuse, queue. The job follows."""

from typing import TYPE_CHECKING

from rubberduck.aws.custom_labels_errors import CustomLabelsOff
from rubberduck.services.aws_costs import training_costs
from rubberduck.services.training_queue import (
    TRAIN_AT_AMAZON,
    active_trainings,
    enqueue_training,
    settle_trainings,
)
from rubberduck.storage.s3 import S3Storage

if TYPE_CHECKING:
    from rubberduck.custom_models.projects import Project
    from rubberduck.jobs.queue import JobQueue
    from rubberduck.services.pipeline import Pipeline


def queue_training_at_amazon(
    site: "Pipeline",
    queue: "JobQueue",
    project: "Project",
    created_by: str,
    *,
    distribute: bool,
) -> str:
    """Queue a training, which will cost money, and return the job's id.

    With `distribute`, Amazon chooses the test pictures. Raises CustomLabelsOff, CannotTrain,
    TrainingWaits, SpendingLimitReached, TooManyJobs, JobsUnavailable; then nothing was started.
    """
    from rubberduck.custom_models.version_errors import TrainingWaits
    from rubberduck.services.aws_data import choose, require_acceptable, require_both_sides

    if site.open_custom_labels is None or not isinstance(site.storage, S3Storage):
        raise CustomLabelsOff("This site is not connected to Amazon Rekognition Custom Labels.")
    chosen = choose(site.results.database, project, seed=0)
    lines = require_both_sides(chosen, site.storage.bucket, distribute=distribute)
    require_acceptable(lines)
    if active_trainings(queue.store, project.id):
        raise TrainingWaits
    settle_trainings(site.results.database, queue.store, project.id)  # of cancelled jobs
    if costs := training_costs(site):
        costs.require_room()
    return enqueue_training(
        queue,
        TRAIN_AT_AMAZON,
        project.id,
        created_by=created_by,
        seed=0,
        distribute=distribute,
    )
