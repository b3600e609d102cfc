"""Projects with drawn pictures that are labelled already, ready to be trained."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rubberduck.core.models import Box
from rubberduck.custom_models.evaluation import Evaluation
from rubberduck.custom_models.measuring import evaluate
from rubberduck.custom_models.model_version import ModelVersion, Trained
from rubberduck.custom_models.project_pictures import (
    Added,
    PictureBox,
    ProjectPictures,
    Quota,
    Upload,
)
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.version_files import BINARY, file_key
from rubberduck.custom_models.versions import Versions
from rubberduck.db.engine import Database, to_naive_utc
from rubberduck.scoring.matching import Answer, Target, TestedPicture
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from tests.support.objects import LABELS, Drawn, draw_project

QUOTA = Quota(10_000, 10**9)
HERE, ELSEWHERE = Box(0.1, 0.1, 0.3, 0.3, "", 100), Box(0.6, 0.6, 0.3, 0.3, "", 100)


@contextmanager
def data_of(folder: Path) -> Iterator[tuple[Database, Storage]]:
    """Open the database and the storage of a site that keeps its data in `folder`."""
    database = Database(f"sqlite:///{folder / 'duck.db'}")
    try:
        yield database, FolderStorage(folder / "uploads")
    finally:
        database.close()


def create_project(
    database: Database,
    storage: Storage,
    drawn: Sequence[Drawn] | None = None,
    *,
    name: str = "our mugs",
    kind: str = "boxes",
    unlabelled: int = 0,
) -> Project:
    """Create a project with these pictures; the last `unlabelled` ones are to be labelled."""
    project = Projects(database).create(name, kind, LABELS, "somebody")
    drawn = draw_project(30, empty=6) if drawn is None else drawn
    for number, one in enumerate(drawn):
        add_picture(database, storage, project, one, labelled=number < len(drawn) - unlabelled)
    return project


def add_picture(
    database: Database, storage: Storage, project: Project, drawn: Drawn, *, labelled: bool = True
) -> str:
    """Add a picture, with its boxes or labels as if an operator had saved them."""
    store = ProjectPictures(database, storage, 10**7, QUOTA)
    added = store.add(project, Upload(drawn.jpeg, created_by="somebody", near_is_fine=True))
    assert isinstance(added, Added), added
    ids = {label.name: label.id for label in project.labels}
    boxes = [asdict(PictureBox(ids[label], *sides)) for label, sides in drawn.boxes]
    labels = [] if project.kind == "boxes" else sorted({ids[label] for label, _ in drawn.boxes})
    if labelled:
        values = {
            "boxes": boxes if project.kind == "boxes" else [],
            "labels": labels,
            "revision": 1,
            "labelled_by": "somebody",
            "labelled_at": to_naive_utc(datetime.now(UTC)),
        }
        of = project_pictures.c.id == added.picture.id
        with database.transaction(writing=True) as connection:
            connection.execute(project_pictures.update().where(of).values(**values))
    return added.picture.id


def add_version(
    database: Database,
    storage: Storage,
    project: Project,
    evaluation: Evaluation,
    splits: Mapping[str, str] | None = None,
    trunk_sha256: str = "0" * 64,
) -> ModelVersion:
    """Add a version as a training leaves it, with a file that is no model."""
    versions = Versions(database)
    job_id = f"job of a test, {len(versions.list_all(project.id))}"
    labels = [(label.id, label.name) for label in project.labels]
    version = versions.begin(project.id, job_id, created_by="somebody", labels=labels)
    key = file_key(project.id, version.id)
    storage.put(key, b"a model", BINARY)
    trained = Trained(evaluation, splits or {}, 12.5, key, "f" * 64, 7, trunk_sha256=trunk_sha256)
    assert versions.complete(version.id, job_id, trained)
    return versions.find(version.id)


def evaluation_of(ids: list[str], *, found: int) -> Evaluation:
    """Return figures where a mug was found in the first pictures, and a ball in the others."""
    pictures = [
        TestedPicture(
            id,
            id,
            (Target("mug", HERE),),
            (Answer("mug", 0.9, HERE) if number < found else Answer("ball", 0.8, ELSEWHERE),),
            revision=1,
        )
        for number, id in enumerate(ids)
    ]
    thresholds = {"mug": 0.5, "ball": 0.5}
    return evaluate(pictures, thresholds, "boxes", "validation", trained=9, validated=3)
