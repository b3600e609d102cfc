"""What the site does to train a model: check, queue, follow, estimate, delete."""

import logging
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import NoSuchJob
from rubberduck.core.sentences import Sentence
from rubberduck.detectors.model_file import shipped_trunk_sha256
from rubberduck.jobs.models import ACTIVE, CANCELLED, FAILED, PROJECT

if TYPE_CHECKING:
    from rubberduck.custom_models.model_version import ModelVersion
    from rubberduck.custom_models.projects import Project
    from rubberduck.custom_models.training_set import TrainingSet
    from rubberduck.db.engine import Database
    from rubberduck.jobs.models import Job, Viewer
    from rubberduck.jobs.queue import JobQueue
    from rubberduck.jobs.store import JobStore
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
TRAIN, RETRAIN, TRAIN_AT_AMAZON = "train-model", "retrain-model", "train-model-aws"
TRAIN_FROM_MANIFESTS = "emulator-train"
TRAININGS = (TRAIN, RETRAIN, TRAIN_AT_AMAZON, TRAIN_FROM_MANIFESTS)
CANCELLED_MESSAGE = Sentence("Cancelled.")
LOST_MESSAGE = Sentence("Its job is gone.")
GOES_ON = Sentence(
    "A training that Amazon has begun goes on there, and is billed: retry the job to use it."
)
# Of the processor, for an estimate before anything is known: to start, and for each picture.
START_SECONDS, PICTURE_SECONDS = 10.0, 1.2


def set_of(database: "Database", project: "Project", seed: int = 0) -> "TrainingSet":
    """Return the project's labelled pictures on their sides, as a training now would use them."""
    from rubberduck.custom_models.training_set import read_set

    labels = [(label.id, label.name) for label in project.labels]
    return read_set(database, project.id, project.kind, labels, seed=seed)


def queue_training(
    queue: "JobQueue", database: "Database", project: "Project", created_by: str, seed: int = 0
) -> str:
    """Queue a training and return the job's id.

    Raises CannotTrain, TrainingWaits, TooManyJobs, JobsUnavailable; then nothing was started.
    """
    from rubberduck.custom_models.training_checks import require_trainable

    require_trainable(set_of(database, project, seed).findings())
    return enqueue_training(queue, TRAIN, project.id, created_by=created_by, seed=seed)


def enqueue_training(queue: "JobQueue", kind: str, project_id: str, **arguments: Any) -> str:
    """Queue a training of this kind and return the job's id.

    Raises TrainingWaits if the project has an active one, TooManyJobs, JobsUnavailable.
    """
    from rubberduck.custom_models.version_errors import TrainingWaits

    owner = owner_of(project_id)
    arguments["project_id"] = project_id
    job_id = queue.enqueue_unless_active(TRAININGS, kind, owner, **arguments)
    if job_id is None:
        raise TrainingWaits
    return job_id


def retry_job(jobs: "JobQueue | JobStore", job: "Job", owner: "str | Viewer | None" = None) -> None:
    """Queue a failed or cancelled job again.

    Raises TrainingWaits for a training while the project has another one that is active; and what
    `jobs.retry` raises.
    """
    from rubberduck.custom_models.version_errors import TrainingWaits

    if not jobs.retry(job.id, owner, TRAININGS if job.kind in TRAININGS else ()):
        raise TrainingWaits


def owner_of(project_id: str) -> str:
    """Return the owner of a project's jobs."""
    return f"{PROJECT}{project_id}"


def active_trainings(store: "JobStore", project_id: str) -> list["Job"]:
    """Return the project's trainings that wait or run."""
    jobs = store.newest(owner_of(project_id), ACTIVE)
    return [job for job in jobs if job.kind in TRAININGS]


def settle_trainings(database: "Database", store: "JobStore", project_id: str) -> None:
    """Mark versions as failed whose job was cancelled, or is gone: it cannot do it itself."""
    from rubberduck.custom_models.model_version import EMBEDDED, TRAINING
    from rubberduck.custom_models.versions import Versions

    versions = Versions(database)
    for version in versions.list_all(project_id):
        if version.state != TRAINING or version.job_id is None:
            continue
        more = "" if version.engine == EMBEDDED else f" {GOES_ON}"
        try:
            job = store.get(version.job_id)
        except NoSuchJob:
            versions.fail(version.id, version.job_id, LOST_MESSAGE + more)
            continue
        if job.state in (CANCELLED, FAILED):
            message = (job.error or CANCELLED_MESSAGE) + more
            versions.fail(version.id, version.job_id, message)


def settle_all_trainings(database: "Database") -> None:
    """Do `settle_trainings` for all projects."""
    from rubberduck.custom_models.versions import Versions
    from rubberduck.jobs.store import JobStore

    for project_id in Versions(database).projects_in_training():
        settle_trainings(database, JobStore(database), project_id)


def estimated_seconds(pictures: int, versions: "list[ModelVersion]") -> float:
    """Return how long a training will take, from the last ones of the project if there are any."""
    known = [v for v in versions if v.training_seconds and v.pictures and v.file_key]
    each = PICTURE_SECONDS
    if known and known[0].training_seconds:
        each = max(0.0, known[0].training_seconds - START_SECONDS) / known[0].pictures
    return START_SECONDS + each * pictures


def delete_version(site: "Pipeline", project_id: str, number: int) -> None:
    """Delete a version with its file; again after a crash.

    Raises VersionBusy, NoSuchVersion, and what Amazon says; then the version is as it was.
    """
    from rubberduck.custom_models.model_version import REKOGNITION
    from rubberduck.custom_models.version_files import file_key
    from rubberduck.custom_models.versions import Versions
    from rubberduck.services.aws_deletion import delete_version_from_amazon

    versions = Versions(site.results.database)
    version = versions.mark_deleting(project_id, number)
    if version.engine == REKOGNITION:
        try:
            delete_version_from_amazon(site, version)
        except Exception:  # it may be in training: a cancelled job does not end that
            versions.undo_deletion(version)
            raise
    for key in {version.file_key or "", file_key(project_id, version.id)} - {""}:
        site.storage.delete(key)
    versions.forget(version.id)


def queue_retrainings(database: "Database", store: "JobStore") -> int:
    """Queue the training of versions that belong to another trunk than the one that ships.

    Called when a worker starts; all workers may, since the jobs have fixed names.
    """
    from rubberduck.custom_models.stale_versions import stale_versions

    queued = 0
    for version in stale_versions(database, present := shipped_trunk_sha256()):
        id = f"{RETRAIN}-{version.id}-{present[:12]}"
        arguments = {"version_id": version.id, "trunk_sha256": version.trunk_sha256}
        queued += store.insert(id, RETRAIN, owner_of(version.project_id), arguments)
    if queued:
        log.info("models queued for another training, the trunk changed versions=%d", queued)
    return queued
