"""The job that takes manifests into a project and trains it, in a worker."""

from typing import TYPE_CHECKING, Any

from rubberduck.emulator.dataset_jobs import fail_import, run_import
from rubberduck.jobs.registry import job
from rubberduck.services.training import train_model
from rubberduck.services.training_queue import TRAIN_FROM_MANIFESTS

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.services.pipeline import Pipeline


@job(TRAIN_FROM_MANIFESTS, needs_disk=True)
def train_from_manifests(  # noqa: PLR0913, PLR0917 - the arguments are a stored format
    context: "Context",
    project_id: str,
    created_by: str,
    seed: int,
    version_id: str,
    manifests: dict[str, list[dict[str, Any]]],
    limits: dict[str, Any],
) -> Any:
    """Train the version whose row is there, from the lines of `manifests`, by side."""
    from rubberduck.jobs.context import StepFailed

    for side, sources in manifests.items():
        for number, source in enumerate(sources):
            step = f"import {side} {number}"
            try:
                context.step(step, run_import, project_id, side, source, limits)
            except StepFailed as error:
                for each in manifests:
                    context.step(f"failed {each}", fail_import, project_id, each, str(error))
                raise
    context.step("prepare", prepare, version_id)
    return train_model(context, project_id, created_by, seed)


def prepare(task: "Task", version_id: str) -> None:
    """Give the version the labels of the manifests, and keep their sides apart.

    Raises CannotTrain for a manifest that could not be used.
    """
    from rubberduck.custom_models.project_pictures import ProjectPictures, Quota
    from rubberduck.custom_models.projects import Projects
    from rubberduck.custom_models.version_errors import CannotTrain
    from rubberduck.custom_models.versions import Versions
    from rubberduck.db.emulator_records import EmulatorRecords
    from rubberduck.emulator.datasets import DATASET, keep_sides_apart

    site: Pipeline = task.site
    database = site.results.database
    versions = Versions(database)
    project = Projects(database).get(versions.find(version_id).project_id)
    for record in EmulatorRecords(database).of_project(DATASET, project.id).values():
        if record["outcome"] == "FAILED":
            raise CannotTrain(
                "The manifest of the {side} dataset cannot be used: {why}.",
                side=record["side"],
                why=record["message"],
            )
    pictures = ProjectPictures(database, site.storage, site.max_bytes, Quota(0, 0))
    keep_sides_apart(database, project.id, list(pictures.each(project.id)))
    versions.set_labels(version_id, [(label.id, label.name) for label in project.labels])
