"""Data sets: the two sides of a project's pictures, as the service divides them.

TEST are the pictures on the test side, TRAIN all others. A project that was made on the pages has
the data sets that its pictures make, without being asked.
"""

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rubberduck.custom_models.project_pictures import BATCH, ProjectPicture
from rubberduck.custom_models.project_sides import plan_sides, set_sides
from rubberduck.custom_models.projects import Project
from rubberduck.db.engine import Database
from rubberduck.emulator.arns import (
    TEST,
    TRAIN,
    dataset_arn,
    find_project,
    gone,
    is_moment,
    split_dataset_arn,
)
from rubberduck.emulator.errors import ServiceError, in_use, invalid_parameter, not_ready
from rubberduck.emulator.site import Site
from rubberduck.emulator.tag_records import TAGS, Resource, require_few, set_tags

DATASET = "dataset"  # the kind of the records
IMPORT = "emulator-import"  # the job
CREATE, UPDATE = "CREATE", "UPDATE"
QUEUED_BY = timedelta(seconds=10)  # the record of a data set is written before its job is queued
JOB_GONE = "The job that took the entries in was cancelled, or is gone."
SIDES = {TRAIN: "train", TEST: "test"}  # of pictures
TOO_FEW = (
    "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE: there are too few images to put 20 % aside"
)


@dataclass(frozen=True)
class Dataset:
    """A data set. `outcome` is COMPLETE or FAILED, None while a job works on it."""

    project_id: str
    side: str
    created_at: datetime
    changed_at: datetime
    task: str = CREATE
    outcome: str | None = "COMPLETE"
    message: str = "The dataset is ready."

    def status(self, site: Site) -> str:
        outcome = None if site.is_settling(self.changed_at) else self.outcome
        return f"{self.task}_{outcome or 'IN_PROGRESS'}"

    @property
    def code(self) -> str:
        return "CLIENT_ERROR" if self.outcome == "FAILED" else "SUCCESS"

    @property
    def name(self) -> str:
        return record_name(self.project_id, self.side)

    def to_record(self) -> dict[str, Any]:
        return {
            "side": self.side,
            "created_at": self.created_at.isoformat(),
            "changed_at": self.changed_at.isoformat(),
            "task": self.task,
            "outcome": self.outcome,
            "message": self.message,
        }


def record_name(project_id: str, side: str) -> str:
    return f"{project_id} {side}"


def _from_record(project_id: str, record: Any) -> Dataset:
    moments = {name: datetime.fromisoformat(record[name]) for name in ("created_at", "changed_at")}
    return Dataset(project_id, **{**record, **moments})


def datasets_of(site: Site, project: Project) -> dict[str, Dataset]:
    """Return the project's data sets by their type."""
    records = site.records.of_project(DATASET, project.id).values()
    found = {record["side"]: _settled(site, _from_record(project.id, record)) for record in records}
    if found or not site.pictures.counts(project.id).pictures:
        return dict(sorted(found.items(), reverse=True))
    has_test, at = site.pictures.has_side(project.id, SIDES[TEST]), project.created_at
    has_training = not has_test or site.pictures.has_side(project.id, SIDES[TEST], others=True)
    sides = [side for side, has in ((TRAIN, has_training), (TEST, has_test)) if has]
    return {side: Dataset(project.id, side, at, at) for side in sides}


def _settled(site: Site, dataset: Dataset) -> Dataset:
    """Fail a data set whose job was cancelled, or is gone: it cannot say so itself."""
    from rubberduck.jobs.models import ACTIVE
    from rubberduck.services.training_queue import TRAIN_FROM_MANIFESTS, owner_of

    if dataset.outcome or datetime.now(UTC) - dataset.changed_at < QUEUED_BY:
        return dataset
    active = site.jobs.store.newest(owner_of(dataset.project_id), ACTIVE)
    if any(job.kind in (IMPORT, TRAIN_FROM_MANIFESTS) for job in active):
        return dataset
    ended = replace(dataset, outcome="FAILED", message=JOB_GONE)
    save(site, ended)
    return ended


def find_dataset(site: Site, arn: str) -> tuple[Project, Dataset]:
    """Raises ServiceError."""
    projects, side, moment = split_dataset_arn(site, arn)
    for project in projects:
        dataset = datasets_of(site, project).get(side)
        if dataset and is_moment(dataset.created_at, moment):
            return project, dataset
    raise gone(arn)


def members(
    site: Site,
    project: Project,
    side: str,
    after: ProjectPicture | None = None,
    batch: int = BATCH,
) -> Iterator[ProjectPicture]:
    """Yield the pictures of a data set that follow `after`, oldest first, read `batch` at a time.

    Pictures of the other side are read, too.
    """
    has_test = TEST in datasets_of(site, project)
    return (
        picture
        for picture in site.pictures.each(project.id, after=after, batch=batch)
        if (has_test and picture.split == SIDES[TEST]) == (side == TEST)
    )


def save(site: Site, dataset: Dataset) -> None:
    site.records.put(DATASET, dataset.name, dataset.to_record(), project_id=dataset.project_id)


def create_dataset(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    project, side = find_project(site, given["ProjectArn"]), given["DatasetType"]
    if side in datasets_of(site, project):
        raise ServiceError(
            "ResourceAlreadyExistsException", f"The project has a {side} dataset already"
        )
    source, tags = _source(site, given.get("DatasetSource")), require_few(given.get("Tags"))
    now = datetime.now(UTC)
    dataset = Dataset(project.id, side, now, now, outcome=None if source else "COMPLETE")
    save(site, dataset)
    set_tags(site, Resource(dataset.name, project.id), tags)
    if source:
        enqueue_import(site, dataset, source)
    return {"DatasetArn": dataset_arn(project, side, now)}


def _source(site: Site, given: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return where the entries come from, for the job; None if there are none."""
    if not given:
        return None
    if len(given) > 1:
        raise invalid_parameter()
    if "DatasetArn" in given:
        project, dataset = find_dataset(site, given["DatasetArn"])
        return {"project": project.id, "side": dataset.side}
    return manifest_source(site, given["GroundTruthManifest"])


def manifest_source(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    """Return where a manifest is, for the job. Raises ServiceError if it cannot be read."""
    where = given.get("S3Object", {})
    if "Bucket" not in where or "Name" not in where:
        raise invalid_parameter()
    site.objects.read(where["Bucket"], where["Name"], 1, where.get("Version"))
    return {"object": [where["Bucket"], where["Name"], where.get("Version")]}


def enqueue_import(site: Site, dataset: Dataset, source: dict[str, Any]) -> None:
    site.jobs.enqueue(
        IMPORT,
        f"project:{dataset.project_id}",
        project_id=dataset.project_id,
        side=dataset.side,
        source=source,
        limits=limits_of(site),
    )


def limits_of(site: Site) -> dict[str, Any]:
    """Return what a job may read and store, which knows no settings."""
    settings = site.settings
    return {
        "buckets": list(settings.emulator_buckets),
        "pictures": settings.project_pictures,
        "bytes": settings.project_bytes,
    }


def keep_sides_apart(
    database: Database, project_id: str, pictures: Collection[ProjectPicture]
) -> None:
    """Let no training picture be drawn for the test, where there are pictures to test with."""
    tested = [picture.id for picture in pictures if picture.split == SIDES[TEST]]
    if tested:
        undecided = [picture.id for picture in pictures if picture.split is None]
        set_sides(database, project_id, undecided, SIDES[TRAIN])
        set_sides(database, project_id, tested, SIDES[TEST])


def require_ready(site: Site, dataset: Dataset) -> None:
    """Raise ServiceError while a job works on the data set."""
    if dataset.status(site).endswith("IN_PROGRESS"):
        raise in_use("The dataset is being changed")


def update_dataset_entries(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    from rubberduck.custom_models.project_keys import import_key

    project, dataset = find_dataset(site, given["DatasetArn"])
    require_ready(site, dataset)
    key = import_key(project.id, f"{secrets.token_urlsafe(12)}.manifest")
    site.pipeline.storage.put(key, given["Changes"]["GroundTruth"], "application/jsonlines")
    changed = replace(dataset, task=UPDATE, outcome=None, changed_at=datetime.now(UTC))
    save(site, changed)
    enqueue_import(site, changed, {"key": key})
    return {}


def distribute_dataset_entries(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    """Move a fifth of the training pictures to the test, by label; groups stay together."""
    found = [find_dataset(site, each["Arn"]) for each in given["Datasets"]]
    (project, one), (other_project, other) = found
    by_side = {one.side: one, other.side: other}
    if project.id != other_project.id or len(by_side) < 2:
        raise invalid_parameter("Give the training and the test dataset of one project")
    for dataset in by_side.values():
        if not dataset.status(site).endswith("COMPLETE"):
            raise not_ready("Both datasets must be complete")
    if any(members(site, project, TEST)):
        raise invalid_parameter("The test dataset is not empty")
    pictures = [replace(each, split=None) for each in members(site, project, TRAIN)]
    sides = plan_sides(pictures, 0, again=True)
    test = [id for id, (side, _) in sides.items() if side == SIDES[TEST]]
    set_sides(site.database, project.id, test, SIDES[TEST])
    kept = [picture.id for picture in pictures if picture.id not in test]
    set_sides(site.database, project.id, kept, SIDES[TRAIN])
    now = datetime.now(UTC)
    for dataset in by_side.values():
        changed = replace(dataset, task=UPDATE, changed_at=now)
        save(site, changed if test else replace(changed, outcome="FAILED", message=TOO_FEW))
    return {}


def delete_dataset(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    from rubberduck.services.training_queue import active_trainings

    project, dataset = find_dataset(site, given["DatasetArn"])
    require_ready(site, dataset)
    if active_trainings(site.jobs.store, project.id):
        raise in_use("The project is being trained")
    gone_with_it = [picture.id for picture in members(site, project, dataset.side)]
    # The other one exists by itself from now on, if its pictures alone made it.
    for other in datasets_of(site, project).values():
        if other.side != dataset.side:
            save(site, other)
    site.pictures.delete(project.id, gone_with_it)
    for kind in (DATASET, TAGS):
        site.records.delete(kind, dataset.name)
    return {}
