"""Boxes and labels that come with pictures into a project: to confirm, no truth.

They were seen in the frames of a video, or drawn by the visitor whose picture it is.
"""

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import select

from rubberduck.core.models import Box as Fractions
from rubberduck.custom_models.annotations import (
    Annotation,
    AnnotationRules,
    Suggestion,
    box_in_pixels,
)
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.labelling import Task
from rubberduck.custom_models.project_pictures import ProjectPicture
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.rules import MAX_BOXES
from rubberduck.custom_models.tables import project_pictures
from rubberduck.db.engine import Database
from rubberduck.db.tables import READY

row = project_pictures.c


def suggest(
    database: Database,
    project: Project,
    picture: ProjectPicture,
    seen: Iterable[tuple[str, Fractions]],
) -> int:
    """Keep what was seen in a picture, each with the id of a label; return the number of boxes.

    Boxes too small to be saved are left out. A project of whole pictures keeps the labels alone.
    """
    rules = AnnotationRules("boxes", project.label_names, picture.width, picture.height)
    boxes, labels = [], []
    for label_id, place in seen:
        box = box_in_pixels(place, label_id, (picture.width, picture.height))
        if project.kind == "pictures":
            labels.append(label_id)
        elif rules.allows(Annotation((box,))):
            boxes.append({**asdict(box), "score": round(place.confidence / 100, 4)})
    boxes = boxes[:MAX_BOXES]
    values = {"suggested": {"boxes": boxes, "labels": list(dict.fromkeys(labels))}}
    with database.transaction(writing=True) as connection:
        connection.execute(project_pictures.update().where(row.id == picture.id).values(values))
    return len(boxes)


def has_suggestions(database: Database, project_id: str) -> bool:
    """Return whether a project has a picture to label in which something was seen."""
    query = select(row.id).where(
        row.project_id == project_id,
        row.status == READY,
        row.revision == 0,
        row.suggested.is_not(None),
    )
    with database.transaction() as connection:
        return connection.scalar(query.limit(1)) is not None


def stored_suggestion(database: Database, project: Project, task: Task) -> Suggestion | None:
    """Return what came with a picture; None if nothing came with it."""
    query = select(row.suggested).where(row.id == task.picture_id)
    with database.transaction() as connection:
        stored = connection.scalar(query)
    if stored is None:
        return None
    known = project.label_names  # a label may be gone by now
    boxes, scores = [], []
    for box in stored["boxes"]:
        score = box.pop("score")
        if box["label"] in known:
            boxes.append(Box(**box))
            scores.append(score)
    labels = tuple(label for label in stored["labels"] if label in known)
    annotation = Annotation(tuple(boxes), labels)
    return None if annotation.is_empty else Suggestion(None, annotation, tuple(scores))
