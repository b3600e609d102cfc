"""Delete what a project has at Amazon Rekognition: versions, data sets, the project itself.

Everything there is deleted in minutes, beside running models, which are stopped first, and
trainings, which nothing can end: they are waited for.
"""

from typing import TYPE_CHECKING, Any

from rubberduck.aws.custom_labels_errors import CustomLabelsBusy, CustomLabelsRefused
from rubberduck.aws.version_states import RUNNING
from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.tables import projects
from rubberduck.services.aws_costs import training_costs

if TYPE_CHECKING:
    from rubberduck.aws.custom_labels import Version
    from rubberduck.custom_models.model_version import ModelVersion
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.services.pipeline import Pipeline

IN_USE, NOT_FOUND = "ResourceInUseException", "ResourceNotFoundException"
SECONDS = 30.0
MAX_ATTEMPTS = 10_000  # three days: a training takes one at most


def delete_from_amazon(context: "Context", project_id: str, seconds: float = SECONDS) -> None:
    """Delete it within a job, in steps of its own; a project that has nothing there has one step.

    Raises StepFailed if Amazon refuses.
    """
    for attempt in range(MAX_ATTEMPTS):
        if context.step(f"amazon {attempt}", delete_what_is_left, project_id)["done"]:
            return
        context.sleep(seconds)


def delete_what_is_left(task: "Task", project_id: str) -> dict[str, Any]:
    """Begin to delete what can be deleted; return whether nothing is left, and what is waited for.

    Raises CustomLabelsRefused; CustomLabelsOff if there is something, and it is switched off.
    """
    site: Pipeline = task.site
    try:
        arn = _arn_of(site, project_id)
        waits_for = _delete_round(site, project_id, arn) if arn else None
    except (CustomLabelsBusy, ResultsUnavailable) as error:
        waits_for = error.operator_message
    except CustomLabelsRefused as error:
        if error.code != IN_USE:  # somebody else stops or deletes it at the moment
            raise
        waits_for = error.operator_message
    if waits_for:
        task.progress(
            10, Sentence("Waiting until Amazon Rekognition has deleted what the project has there")
        )
        task.log(Sentence("waits: {cause}", cause=waits_for))
    return {"done": waits_for is None, "wait": waits_for}


def _arn_of(site: "Pipeline", project_id: str) -> str | None:
    """Return the project's address at Amazon, also if it is hidden; None if it has none."""
    with site.results.database.transaction() as connection:
        query = projects.select().where(projects.c.id == project_id)
        found = connection.execute(query).mappings().first()
    return found["arn"] if found else None


def _delete_round(site: "Pipeline", project_id: str, project_arn: str) -> str | None:
    """Return what has to be waited for, None if the project is gone."""
    service = site.custom_labels
    name = project_arn.split("/")[-2]
    if service.find_project(name) != project_arn:
        return None
    versions = service.versions(project_arn)
    for version in versions:
        _charge_training(site, version, project_id)
        if version.state.name == RUNNING:
            service.stop(version.arn)
        elif version.state.may_delete:
            service.delete_version(version.arn)
    if versions:
        return ", ".join(f"{version.name} {version.state.name}" for version in versions)
    datasets = service.datasets(name)
    for dataset in datasets.values():
        if dataset.is_complete or dataset.has_failed:
            service.delete_dataset(dataset.arn)
    if datasets:
        return ", ".join(f"{kind} {dataset.state}" for kind, dataset in datasets.items())
    service.delete_project(project_arn)
    return "the project is being deleted"


def delete_version_from_amazon(site: "Pipeline", version: "ModelVersion") -> None:
    """Begin to delete one version, if Amazon has it: the job may have ended before it knew.

    Raises CustomLabelsRefused if it runs or is in training.
    """
    if (arn := _arn_of(site, version.project_id)) is None:
        return
    try:
        found = site.custom_labels.versions(arn, version.name)
    except CustomLabelsRefused as error:
        if error.code != NOT_FOUND:
            raise
        return
    for each in found:
        if each.arn == version.arn or each.description == version.id:
            _charge_training(site, each, version.project_id)
            site.custom_labels.delete_version(each.arn)


def _charge_training(site: "Pipeline", version: "Version", project_id: str) -> None:
    """Enter what its training cost, unless its job did: a cancelled one goes on at Amazon."""
    costs, id = training_costs(site), version.description
    if costs and id and version.billable_seconds:
        what = f"training of version {version.name.removeprefix('v')}, deleted"
        costs.charge(id, version.billable_seconds, what, project_id)
