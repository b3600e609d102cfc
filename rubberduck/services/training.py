"""The jobs that train embedded models, in a worker's child; training_queue.py starts them.

A job that is killed at any point goes on later, and leaves one version: its first step makes the
row, which carries the job's id, and its last act is an update on the condition that this job still
trains it.
"""

import hashlib
import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rubberduck.core.sentences import Sentence
from rubberduck.detectors.model_file import shipped_trunk_sha256
from rubberduck.jobs.registry import job
from rubberduck.services.training_queue import RETRAIN, TRAIN, set_of

if TYPE_CHECKING:
    from rubberduck.custom_models.model_version import ModelVersion, Trained
    from rubberduck.custom_models.training_set import TrainingSet
    from rubberduck.custom_models.versions import Versions
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)


@job(TRAIN, needs_disk=True)
def train_model(context: "Context", project_id: str, created_by: str, seed: int) -> Any:
    from rubberduck.jobs.context import StepFailed

    version_id = context.step("begin", begin_version, project_id, created_by, seed)
    try:
        result = context.step("train", train_version, version_id)
    except StepFailed as error:
        context.step("failed", fail_version, version_id, str(error))
        raise
    return {**result, "rated": context.step("rate", rate_pictures, version_id)}


def begin_version(task: "Task", project_id: str, created_by: str, seed: int) -> str:
    """Make the job's version, unless it has one, and return its id. Raises CannotTrain."""
    from rubberduck.custom_models.projects import Projects
    from rubberduck.custom_models.training_checks import require_trainable
    from rubberduck.custom_models.training_set import save_sides
    from rubberduck.custom_models.versions import Versions

    database = _site(task).results.database
    project = Projects(database).get(project_id)
    training_set = set_of(database, project, seed)
    require_trainable(training_set.findings())
    save_sides(database, training_set)
    version = Versions(database).begin(
        project_id, task.job_id, created_by=created_by, labels=training_set.labels, seed=seed
    )
    task.log(
        Sentence(
            "version {number} of {name}, with {pictures} pictures",
            number=version.number,
            name=project.name,
            pictures=len(training_set.pictures),
        )
    )
    return version.id


def train_version(task: "Task", version_id: str) -> dict[str, Any]:
    """Train, measure and store a version; return its number and F1."""
    from rubberduck.custom_models.projects import Projects
    from rubberduck.custom_models.training_set import read_set
    from rubberduck.custom_models.version_files import file_key
    from rubberduck.custom_models.versions import Versions

    database = _site(task).results.database
    versions = Versions(database)
    version = versions.find(version_id)
    if not version.is_trained:  # or it was, when the worker died between that and this step's end
        project = Projects(database).get(version.project_id)
        training_set = read_set(
            database, project.id, project.kind, version.labels, seed=version.seed
        )
        key = file_key(project.id, version.id)
        trained = _train(task, version, training_set, key)
        version = _save(task, version, trained, key)
    f1 = version.evaluation.overall.f1 if version.evaluation else None
    log.info("model trained version=%s pictures=%d", version.id, version.pictures)
    return {"version": version.number, "f1": f1, "seconds": version.training_seconds}


def _save(task: "Task", version: "ModelVersion", trained: "Trained", key: str) -> "ModelVersion":
    """Save the result, once; return the version.

    Deletes the file, and raises CannotTrain or NoSuchVersion, if the version may not have it any
    more or is gone.
    """
    from rubberduck.custom_models.version_errors import CannotTrain, NoSuchVersion
    from rubberduck.custom_models.versions import Versions

    site = _site(task)
    versions = Versions(site.results.database)
    if versions.complete(version.id, task.job_id, trained):
        return versions.find(version.id)
    try:
        found = versions.find(version.id)
        if not found.is_trained:  # else another run of this job saved it
            raise CannotTrain(
                "The model was trained, but its version is {state} by now, so nothing was saved. "
                "Retry the job to train it again.",
                state=found.state,
            )
    except (CannotTrain, NoSuchVersion):
        site.storage.delete(key)
        raise
    return found


def fail_version(task: "Task", version_id: str, message: str) -> bool:
    """Save with the version why its training failed."""
    from rubberduck.custom_models.versions import Versions

    return Versions(_site(task).results.database).fail(version_id, task.job_id, message)


def rate_pictures(task: "Task", version_id: str) -> int:
    """Let the pictures that the version is least sure of be labelled first."""
    from rubberduck.custom_models.training_set import rate_unlabelled
    from rubberduck.custom_models.version_files import load_version
    from rubberduck.custom_models.versions import Versions

    site = _site(task)
    version = Versions(site.results.database).find(version_id)
    if not version.is_trained:
        return 0
    model = load_version(site.storage, version)
    return rate_unlabelled(
        site.results.database, site.storage, version.project_id, model, task.progress
    )


@job(RETRAIN, needs_disk=True)
def retrain_model(context: "Context", version_id: str, trunk_sha256: str) -> Any:
    """Train a version again from its kept pictures, after a release brought another trunk."""
    return context.step("retrain", retrain_version, version_id, trunk_sha256)


def retrain_version(task: "Task", version_id: str, old_trunk: str) -> dict[str, Any]:
    """Replace the file of a version that belongs to another trunk; its number stays."""
    from rubberduck.custom_models.projects import Projects
    from rubberduck.custom_models.training_set import read_set
    from rubberduck.custom_models.version_files import file_key
    from rubberduck.custom_models.versions import Versions

    site = _site(task)
    database = site.results.database
    versions = Versions(database)
    version = versions.find(version_id)
    if version.trunk_sha256 != old_trunk:
        return {"version": version.number, "replaced": False}
    project = Projects(database).get(version.project_id)
    kept = versions.splits(version.id)
    training_set = read_set(database, project.id, project.kind, version.labels, kept=kept)
    key = file_key(project.id, version.id, shipped_trunk_sha256())
    trained = _train(task, version, training_set, key)
    replaced = versions.replace_file(version.id, old_trunk, trained)
    if replaced and version.file_key and version.file_key != key:
        site.storage.delete(version.file_key)
    if not replaced and not _has_file(versions, version.id, key):
        site.storage.delete(key)
    log.info("model trained again version=%s replaced=%s", version.id, replaced)
    return {"version": version.number, "replaced": replaced}


def _has_file(versions: "Versions", id: str, key: str) -> bool:
    from rubberduck.custom_models.version_errors import NoSuchVersion

    try:
        return versions.find(id).file_key == key
    except NoSuchVersion:
        return False


def _train(
    task: "Task", version: "ModelVersion", training_set: "TrainingSet", key: str
) -> "Trained":
    """Train and measure; store the file under the key. Raises CannotTrain, NothingToTrain."""
    from rubberduck.custom_models.embedded_model import load
    from rubberduck.custom_models.measuring import evaluate
    from rubberduck.custom_models.model_version import Trained
    from rubberduck.custom_models.training import train
    from rubberduck.custom_models.training_checks import TEST, VALIDATION, require_trainable
    from rubberduck.custom_models.training_set import (
        Previews,
        tested_pictures,
        training_pictures,
    )
    from rubberduck.custom_models.version_files import BINARY, keep_trunk

    site, started = _site(task), time.monotonic()
    require_trainable(training_set.findings())
    keep_trunk(site.storage)
    with TemporaryDirectory() as folder:
        previews = Previews(site.storage, Path(folder))
        pictures = previews.fetch(training_set.pictures, task.progress, 0, 5)
        model = train(
            training_pictures(training_set, pictures, previews),
            version.label_names,
            training_set.kind,
            version.seed,
            lambda percent, sentence: task.progress(5 + 0.8 * percent, sentence),
        )
        loaded = load(model.onnx)
        tested = []
        of = sum(training_set.side(picture) == TEST for picture in pictures)
        for one in tested_pictures(
            training_set, pictures, lambda picture: loaded.predict(previews.load(picture))
        ):
            tested.append(one)
            task.progress(
                85 + 12 * len(tested) / of,
                Sentence("Measuring: {done} of {of} pictures", done=len(tested), of=of),
            )
    task.progress(98, Sentence("Computing the figures"))
    validated = training_set.on(VALIDATION)
    evaluation = evaluate(
        tested,
        loaded.thresholds,
        training_set.kind,
        _threshold_source(training_set),
        trained=model.pictures,
        validated=len(validated),
        seed=version.seed,
    )
    site.storage.put(key, model.onnx, BINARY)
    present = {picture.id for picture in pictures}
    return Trained(
        evaluation=evaluation,
        splits={id: side for id, side in training_set.splits().items() if id in present},
        training_seconds=time.monotonic() - started,
        file_key=key,
        file_sha256=hashlib.sha256(model.onnx).hexdigest(),
        file_bytes=len(model.onnx),
        trunk_sha256=model.trunk_sha256,
    )


def _threshold_source(training_set: "TrainingSet") -> Any:
    """Return where train() takes the thresholds from: validation alone needs enough pictures."""
    from rubberduck.custom_models.training.trainer import ENOUGH
    from rubberduck.custom_models.training_checks import VALIDATION

    shown = [training_set.shown(picture) for picture in training_set.on(VALIDATION)]
    names = training_set.names.values()
    is_enough = all(sum(name in labels for labels in shown) >= ENOUGH for name in names)
    return "validation" if is_enough else "cross-validation"


def _site(task: "Task") -> "Pipeline":
    site: Pipeline = task.site
    return site
