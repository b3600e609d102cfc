"""Projects of any number of labelled pictures, as rows: no objects are stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.tables import project_pictures
from rubberduck.db.engine import Database

BATCH = 1000  # rows of a transaction, which PostgreSQL must end in eight seconds
UNLABELLED_EVERY = 10  # pictures


def fill_project(database: Database, project: Project, pictures: int) -> None:
    """Add so many pictures with a box each, most of them labelled."""
    labels = [label.id for label in project.labels]
    for start in range(0, pictures, BATCH):
        numbers = range(start, min(start + BATCH, pictures))
        rows = [picture_row(project.id, labels, number) for number in numbers]
        with database.transaction(writing=True) as connection:
            connection.execute(project_pictures.insert(), rows)


def picture_row(project_id: str, labels: Sequence[str], number: int) -> dict[str, Any]:
    """Return the row of a project's picture with this number; `labels` are ids."""
    label, id = labels[number % len(labels)], picture_id(project_id, number)
    return {
        "id": id,
        "project_id": project_id,
        "status": "ready",
        "created_at": datetime(2026, 1, 1) + timedelta(seconds=number),
        "created_by": "bench",
        "key": f"projects/{project_id}/{id}.jpg",
        "preview_key": f"projects/{project_id}/{id}-preview.jpg",
        "file_name": f"{number}.jpg",
        "source": "upload",
        "sha256": f"{number:064}",
        "format": "JPEG",
        "bytes": 100_000,
        "width": 640,
        "height": 480,
        "turn": 1,
        "split": "train",
        "split_is_fixed": False,
        "boxes": [{"label": label, "left": 9, "top": 9, "width": 90, "height": 90, "crowd": False}],
        "labels": [],
        "revision": int(number % UNLABELLED_EVERY > 0),
        "labelled_by": "bench",
    }


def picture_id(project_id: str, number: int) -> str:
    return f"{project_id[:12]}{number:012}"
