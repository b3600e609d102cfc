"""The steps of a training at Custom Labels. Each may run several times, and then does no more.

A step returns {"done": …}, or {"wait": why} if it has to be tried again later: the service is busy
or has not come so far, the storage or the database did not answer.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

from rubberduck.aws.custom_labels import CustomLabels, Dataset, S3Address, Version
from rubberduck.aws.custom_labels_errors import (
    CustomLabelsBusy,
    CustomLabelsOff,
    CustomLabelsRefused,
)
from rubberduck.aws.version_states import (
    COPYING_FAILED,
    COPYING_IN_PROGRESS,
    DELETING,
    DEPRECATED,
    EXPIRED,
    TRAINING_FAILED,
    TRAINING_IN_PROGRESS,
)
from rubberduck.billing.trainings import HOUR
from rubberduck.core.errors import DuckError, ResultsUnavailable, StorageFailed
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.model_version import REKOGNITION, ModelVersion, Trained
from rubberduck.custom_models.project_sides import save_sides
from rubberduck.custom_models.projects import Project, ProjectLabel, Projects
from rubberduck.custom_models.rules import RULES
from rubberduck.custom_models.version_errors import CannotTrain, TrainingWaits
from rubberduck.custom_models.versions import Versions
from rubberduck.services.aws_costs import training_costs
from rubberduck.services.aws_data import (
    TEST,
    TRAIN,
    Chosen,
    choose,
    explain_errors,
    folder_of,
    part_key,
    require_acceptable,
    require_both_sides,
    store_parts,
)
from rubberduck.storage.s3 import S3Storage

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
IN_USE, LIMIT = "ResourceInUseException", "LimitExceededException"
SPLITS, JSON = "splits.json", "application/json"
SIDE_NAMES = {TRAIN: "train", TEST: "test"}
Outcome = dict[str, Any]


@dataclass
class Training:
    """The version that a job trains, with all that its steps need. Reads on first use."""

    task: "Task"
    version_id: str

    @property
    def site(self) -> "Pipeline":
        site: Pipeline = self.task.site
        return site

    @property
    def service(self) -> CustomLabels:
        return self.site.custom_labels

    @property
    def storage(self) -> S3Storage:
        if not isinstance(self.site.storage, S3Storage):
            raise CustomLabelsOff("Amazon Rekognition reads pictures in a bucket only.")
        return self.site.storage

    @cached_property
    def versions(self) -> Versions:
        return Versions(self.site.results.database)

    @cached_property
    def version(self) -> ModelVersion:
        return self.versions.find(self.version_id)

    @cached_property
    def project(self) -> Project:
        return Projects(self.site.results.database).get(self.version.project_id)

    @property
    def project_name(self) -> str:
        return project_name(self.project.id)

    @property
    def title(self) -> str:
        return f"training of version {self.version.number} of {self.project.name}"

    @property
    def folder(self) -> str:
        return folder_of(self.project.id, self.version_id)

    def chosen(self) -> Chosen:
        """Return the pictures, with the labels as they were when the training was begun."""
        labels = [ProjectLabel(id, name, n) for n, (id, name) in enumerate(self.version.labels)]
        project = replace(self.project, labels=tuple(labels))
        return choose(self.site.results.database, project, self.version.seed)

    def at_amazon(self) -> Version | None:
        """Return the version as the service has it. Raises CustomLabelsRefused for a foreign one.

        One call, and no other for the versions of the same project.
        """
        if self.project.arn is None:
            return None
        for version in self.service.versions(self.project.arn):
            if version.name == self.version.name and version.description == self.version_id:
                return version
        return None


def project_name(project_id: str) -> str:
    """Return the name at Amazon: the rights of the site's role are for names like this."""
    return f"duck-{project_id}"


def _step(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Make a step of a function of a Training: what passes is waited for."""

    @wraps(function)
    def run(task: "Task", version_id: str, *arguments: Any) -> Outcome:
        try:
            return function(Training(task, version_id), *arguments)
        except (CustomLabelsBusy, StorageFailed, ResultsUnavailable) as error:
            task.log(Sentence("waits: {cause}", cause=error.operator_message))
            return {"wait": error.operator_message}

    return run


def begin_version(
    task: "Task", project_id: str, created_by: str, seed: int, distribute: bool
) -> Outcome:
    """Make the job's version, unless it has one. Raises CannotTrain, TrainingWaits."""
    site: Pipeline = task.site
    _ = site.custom_labels  # raises CustomLabelsOff
    if not isinstance(site.storage, S3Storage):
        raise CustomLabelsOff("Amazon Rekognition reads pictures in a bucket only.")
    database = site.results.database
    project, versions = Projects(database).get(project_id), Versions(database)
    if any(
        each.engine == REKOGNITION
        and each.state == TRAINING_IN_PROGRESS
        and each.job_id != task.job_id
        for each in versions.list_all(project_id)
    ):
        raise TrainingWaits
    chosen = choose(database, project, seed)
    lines = require_both_sides(chosen, site.storage.bucket, distribute=distribute)
    for finding in require_acceptable(lines):
        task.log(
            Sentence(
                "{code}: {meaning} ({number})",
                code=finding.code,
                meaning=Sentence(finding.rule.means),
                number=finding.count,
            )
        )
    save_sides(database, project_id, dict(chosen.sides))
    version = versions.begin(
        project_id,
        task.job_id,
        created_by=created_by,
        labels=[(label.id, label.name) for label in project.labels],
        engine=REKOGNITION,
        seed=seed,
    )
    counts = {kind: len(of_kind) for kind, of_kind in lines.items()}
    task.log(
        Sentence(
            "version {number} of {name}: {train} pictures to train with, {test} to test",
            number=version.number,
            name=project.name,
            train=counts[TRAIN],
            test=counts[TEST],
        )
    )
    return {"version": version.id}


@_step
def find_version(training: Training) -> Outcome:
    """Return whether the service has the version already: the job was retried."""
    found = training.at_amazon()
    if found and found.state.name == TRAINING_FAILED:
        # Its name is taken, so a retried job deletes what failed, and begins again.
        training.service.delete_version(found.arn)
        return {"wait": "the failed version is deleted"}
    if found and found.state.name == DELETING:
        return {"wait": "the failed version is deleted"}
    if found:
        _keep_arn(training, found.arn)
    return {"done": found is not None}


@_step
def make_project(training: Training) -> Outcome:
    training.task.progress(1, Sentence("The pictures are given to Amazon Rekognition"))
    arn = training.service.create_project(training.project_name)
    if training.project.arn != arn:
        Projects(training.site.results.database).set_arn(training.project.id, arn)
    return {"done": arn}


@_step
def clear_datasets(training: Training) -> Outcome:
    """Delete the data sets of earlier trainings, and wait until they are gone."""
    found = training.service.datasets(training.project_name)
    for dataset in found.values():
        if dataset.is_complete or dataset.has_failed:
            try:
                training.service.delete_dataset(dataset.arn)
            except CustomLabelsRefused as error:
                if error.code != IN_USE:
                    raise
    return {"wait": "earlier data sets are deleted"} if found else {"done": None}


@_step
def store_manifests(training: Training, distribute: bool) -> Outcome:
    """Write what is trained with into the bucket; return the number of parts of each set."""
    chosen = training.chosen()
    lines = require_both_sides(chosen, training.storage.bucket, distribute=distribute)
    require_acceptable(lines)
    # Where Amazon chooses what it tests with, each picture may be one that it trains with.
    sides = dict.fromkeys(chosen.splits, "train") if distribute else chosen.splits
    splits = json.dumps(sides).encode()
    training.storage.put(f"{training.folder}/{SPLITS}", splits, JSON)
    parts = store_parts(training.storage, training.folder, lines)
    return {"done": parts}


@_step
def create_datasets(training: Training) -> Outcome:
    arn = _project_arn(training)
    for kind in (TRAIN, TEST):
        training.service.create_dataset(arn, kind)  # type: ignore[arg-type]
    return {"done": None}


@_step
def check_datasets(training: Training) -> Outcome:
    """Return whether nothing is made or changed any more. Raises CustomLabelsRefused."""
    found = training.service.datasets(training.project_name)
    for kind, dataset in found.items():
        if dataset.has_failed:
            raise CustomLabelsRefused(
                "Amazon Rekognition could not take the {kind} pictures: {problem}",
                kind=SIDE_NAMES[kind],
                problem=_first_errors(training, dataset) or dataset.message,
            )
    if len(found) == 2 and all(dataset.is_complete for dataset in found.values()):
        return {"done": None}
    return {"wait": ", ".join(f"{kind} {dataset.state}" for kind, dataset in found.items())}


@_step
def fill_dataset(training: Training, kind: str, number: int) -> Outcome:
    """Send one part. A part that is sent twice replaces its own entries."""
    chunk = training.storage.get(part_key(training.folder, kind, number))
    dataset = training.service.datasets(training.project_name)[kind]
    try:
        training.service.update_entries(dataset.arn, chunk)
    except CustomLabelsRefused as error:
        if error.code != IN_USE:
            raise
        return {"wait": "the data set is still being changed"}
    return {"done": len(chunk)}


@_step
def distribute(training: Training) -> Outcome:
    found = training.service.datasets(training.project_name)
    test = training.service.describe_dataset(found[TEST].arn)
    if test and test.total:  # a run before this one did it
        return {"done": test.total}
    if not all(dataset.is_complete for dataset in found.values()):
        return {"wait": "a data set is still being changed"}
    training.service.distribute(found[TRAIN].arn, found[TEST].arn)
    return {"done": None}


@_step
def verify_datasets(training: Training, parts: dict[str, int]) -> Outcome:
    """Compare what was sent with what the service kept: lines that it drops it names nowhere."""
    sent = sum(
        training.storage.get(part_key(training.folder, kind, number)).count(b"\n")
        for kind, of_kind in parts.items()
        for number in range(of_kind)
    )
    kept = wrong = 0
    for dataset in training.service.datasets(training.project_name).values():
        described = training.service.describe_dataset(dataset.arn)
        if described is None or described.total is None:
            return {"wait": "a data set is missing"}
        kept, wrong = kept + described.total, wrong + (described.errors or 0)
        for line in _errors_of(training, described) if described.errors else ():
            training.task.log(line)
    training.task.log(
        Sentence(
            "pictures sent: {sent}, kept: {kept}, of those with errors: {wrong}",
            sent=sent,
            kept=kept,
            wrong=wrong,
        )
    )
    if kept < sent:
        raise CustomLabelsRefused(
            "Amazon Rekognition silently dropped {number} of {of} pictures, and would train "
            "without them: check the data set with `flask dataset check`.",
            number=sent - kept,
            of=sent,
        )
    return {"done": kept}


@_step
def begin_training(training: Training) -> Outcome:
    """Begin the training, once. Waits while two others run, and while a data set is changed."""
    if training.version.state != TRAINING_IN_PROGRESS:
        raise CannotTrain("The version was changed in the meantime: start a new training.")
    output = S3Address(training.storage.bucket, training.folder)
    project_arn, costs = _project_arn(training), training_costs(training.site)
    if costs:
        costs.reserve(training.version_id, training.title, training.project.id)
    try:
        arn = training.service.create_version(
            project_arn, training.version.name, output, training.version_id
        )
    except CustomLabelsRefused as error:
        if costs:
            costs.release(training.version_id)
        if error.code not in (IN_USE, LIMIT):
            raise
        training.task.progress(
            5, Sentence("Waiting for Amazon Rekognition: two trainings run at a time")
        )
        return {"wait": error.operator_message}
    log.info("training begun version=%s arn=%s", training.version_id, arn)
    _keep_arn(training, arn)
    return {"done": arn}


@_step
def follow_training(training: Training) -> Outcome:
    """Return the state of the version when its training has ended. Raises CustomLabelsRefused."""
    found = training.at_amazon()
    if found is None or found.state.name == DELETING:
        raise CustomLabelsRefused("The model was deleted at Amazon Rekognition.")
    state = found.state
    if state.name in (TRAINING_IN_PROGRESS, COPYING_IN_PROGRESS):
        training.task.progress(
            10, Sentence("Amazon Rekognition trains; this takes half an hour to a day")
        )
        return {"wait": state.name}
    if state.name in (TRAINING_FAILED, COPYING_FAILED):
        if costs := training_costs(training.site):
            costs.release(training.version_id)
        raise CustomLabelsRefused(
            "The training failed, and costs nothing: {problem}",
            problem=_why_it_failed(training, found),
        )
    if state.name in (DEPRECATED, EXPIRED):
        raise CustomLabelsRefused(
            "Amazon Rekognition does not run this model any more: it is {state}. Train a new one.",
            state=state.name,
        )
    if not state.is_trained:  # a state that is new
        return {"wait": state.name}
    return {"done": state.name}


@_step
def save_result(training: Training) -> Outcome:
    """Enter the cost, and save the figures that the service wrote; return the number and F1."""
    found = training.at_amazon()
    if found is None:
        raise CustomLabelsRefused("The model was deleted at Amazon Rekognition.")
    seconds = found.billable_seconds or 0
    costs, cost = training_costs(training.site), 0
    if costs and found.billable_seconds is not None:
        cost = costs.charge(training.version_id, seconds, training.title, training.project.id)
    evaluation = _evaluation(training, found)
    splits = json.loads(training.storage.get(f"{training.folder}/{SPLITS}"))
    trained = Trained(evaluation, splits, float(seconds), arn=found.arn)
    _save(training, trained)
    training.task.log(Sentence("trained in {hours:.1f} h", hours=seconds / HOUR))
    return {
        "done": {
            "version": training.version.number,
            "f1": evaluation.mean.f1,
            "seconds": seconds,
            "microdollars": cost,
        }
    }


def _save(training: Training, trained: Trained) -> None:
    """Save the result, once. Raises CannotTrain if the version may not have it any more."""
    if training.versions.complete(training.version_id, training.task.job_id, trained):
        return
    version = training.versions.find(training.version_id)
    if version.trained_at is None:  # else a run before this one saved it
        raise CannotTrain(
            "Amazon trained the model, but its version here is {state}, so nothing was saved. "
            "Retry the job to use it.",
            state=version.state,
        )


def fail_version(task: "Task", version_id: str, message: str) -> bool:
    """Save with the version why its training failed."""
    site: Pipeline = task.site
    return Versions(site.results.database).fail(version_id, task.job_id, message)


def _project_arn(training: Training) -> str:
    if (arn := training.project.arn) is None:
        raise CustomLabelsRefused("The project was deleted at Amazon Rekognition.")
    return arn


def _keep_arn(training: Training, arn: str) -> None:
    if training.version.arn != arn:
        state = [TRAINING_IN_PROGRESS]
        training.versions.change_state(training.version_id, state, TRAINING_IN_PROGRESS, arn=arn)


def _errors_of(training: Training, dataset: Dataset) -> list[str]:
    return list(explain_errors(training.service.entries(dataset.arn, with_errors=True)))


def _first_errors(training: Training, dataset: Dataset) -> str:
    try:
        return "; ".join(_errors_of(training, dataset))
    except DuckError:  # of a failed data set the service gives no entries
        return ""


def _why_it_failed(training: Training, version: Version) -> str:
    """Return the service's codes with our advice, from the summary that it wrote to the bucket."""
    if version.manifest_summary is None:
        return version.message
    try:
        summary = json.loads(training.storage.get(version.manifest_summary.key))
        codes = [error["code"] for error in summary["errors"]]
        wrong = {
            part: statistics.get("error_json_line_indices", ())
            for part, statistics in summary.get("statistics", {}).items()
        }
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return version.message
    known = (f"{code}: {RULES[code].means} {RULES[code].advice}" for code in codes if code in RULES)
    for part, lines in wrong.items():
        if lines:
            training.task.log(
                Sentence(
                    "wrong lines of the {part} manifest: {numbers}",
                    part=part,
                    numbers=", ".join(map(str, list(lines)[:20])),
                )
            )
    return " ".join(known) or version.message


def _evaluation(training: Training, version: Version) -> Any:
    from rubberduck.custom_models.dataset import InvalidDataset
    from rubberduck.custom_models.evaluation_summary import read_summary

    if version.evaluation is None:
        raise CustomLabelsRefused("Amazon Rekognition gives no evaluation of this model.")
    try:
        return read_summary(training.storage.get(version.evaluation.key))
    except (InvalidDataset, FileNotFoundError) as error:
        raise CustomLabelsRefused(
            "The evaluation that Amazon Rekognition wrote cannot be read: {problem}",
            problem=str(error),
        ) from error
