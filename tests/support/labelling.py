"""Projects with pictures to label, on the databases and sites of the tests."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
from PIL import Image

from rubberduck.custom_models.evaluation import Evaluation
from rubberduck.custom_models.project_pictures import Added, ProjectPictures, Quota, Upload
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import model_versions
from rubberduck.custom_models.training.calibration import Calibration
from rubberduck.custom_models.training.export import Heads, to_onnx
from rubberduck.custom_models.training.picture_head import PictureHead
from rubberduck.custom_models.trunk import POOLED, shipped_trunk
from rubberduck.custom_models.versions import Versions
from rubberduck.db.engine import Database
from rubberduck.storage.base import Storage
from tests.support.pictures import encoded, exif
from tests.support.server import Site
from tests.support.trained_projects import data_of

QUOTA = Quota(1000, 10**9)


def noise(seed: int, size: tuple[int, int] = (640, 480), turn: int = 1) -> bytes:
    """Return a picture that no other one resembles; `size` is that of the stored file."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 255, (9, 12, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    return encoded(image, exif=exif(turn), quality=80)


def add_project(
    database: Database,
    storage: Storage,
    name: str,
    pictures: Iterable[bytes],
    kind: str = "boxes",
    labels: Iterable[str] = ("mug", "plate"),
) -> tuple[Project, list[str]]:
    """Return a new project and the ids of its pictures, in their order."""
    project = Projects(database).create(name, kind, labels, "somebody")
    store = ProjectPictures(database, storage, 10**7, QUOTA)
    added = [
        store.add(project, Upload(data, f"{number}.jpg", created_by="somebody", near_is_fine=True))
        for number, data in enumerate(pictures)
    ]
    return project, [each.picture.id for each in added if isinstance(each, Added)]


def add_project_to(
    site: Site, *arguments: Any, has_model: bool = False, **options: Any
) -> tuple[Project, list[str]]:
    """Add it to a site that runs."""
    with data_of(site.log_file.parent) as (database, storage):
        project, ids = add_project(database, storage, *arguments, **options)
        if has_model:
            add_model(database, storage, project)
    return project, ids


def add_model(
    database: Database, storage: Storage, project: Project, evaluation: Evaluation | None = None
) -> None:
    """Add a version that sees the first label of the project in every picture, and no other."""
    names = [label.name for label in project.labels]
    bias = np.full(len(names), -5, np.float32)
    bias[0] = 5
    heads: dict[str, Any] = {
        **dict.fromkeys(Heads._fields),
        "labels": tuple(names),
        "kind": "pictures",
        "seed": 0,
        "pictures": 1,
        "trunk_sha256": shipped_trunk().sha256,
        "picture": PictureHead(np.zeros((POOLED, len(names)), np.float32), bias),
        "calibrations": [Calibration(1, 0)] * len(names),
        "thresholds": [0.5] * len(names),
    }
    data = to_onnx(Heads(**heads))
    labels = [(label.id, label.name) for label in project.labels]
    version = Versions(database).begin(project.id, "a job", created_by="somebody", labels=labels)
    key = f"projects/{project.id}/models/{version.id}.onnx"
    storage.put(key, data, "application/octet-stream")
    figures = evaluation.to_json() if evaluation else None
    trained = {
        "state": "TRAINING_COMPLETED",
        "trained_at": datetime(2026, 11, 1, 12),
        "file_key": key,
        "evaluation": figures,
    }
    with database.transaction(writing=True) as connection:
        where = model_versions.c.id == version.id
        connection.execute(model_versions.update().where(where).values(trained))
