"""Delete a label of a project: take it off the pictures, or put another one in its place."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, String, and_, case, cast, literal, or_, select

from rubberduck.custom_models.errors import InvalidProject, LabelInUse
from rubberduck.custom_models.project_counts import lock_counts
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import annotations, project_pictures
from rubberduck.db.tables import READY

row = project_pictures.c
BATCH = 200  # pictures written by one statement


def remove_label(
    projects: Projects, project_id: str, label_id: str, *, into: str | None, confirmed: bool
) -> Project:
    """Delete a label; its boxes and labels become those of the label `into`, or are deleted.

    Pictures that show nothing else are not labelled any more then, and rate nobody. Raises
    LabelInUse if pictures have it and the deletion is not `confirmed`, InvalidProject,
    NoSuchProject.
    """
    project = projects.get(project_id)
    name = project.label(label_id).name
    if into is not None:
        project.label(into)
    if into == label_id:
        raise InvalidProject("A label cannot take its own place.")
    with projects.database.transaction(writing=True) as connection:
        # First the project, as an upload does, and last the counts, as whoever labels does: two
        # that lock in another order each would wait for each other.
        projects.lock(connection, project_id)
        used = list(_pictures_with(connection, project_id, label_id, locked=True))
        if used and into is None and not confirmed:
            raise LabelInUse(
                "Pictures with the label “{name}”: {number}.", number=len(used), name=name
            )
        lock_counts(connection, project_id)
        for start in range(0, len(used), BATCH):
            _change(connection, used[start : start + BATCH], label_id, into)
        return projects.remove_label(connection, project_id, label_id)


def count_pictures_with(projects: Projects, project_id: str, label_id: str) -> int:
    with projects.database.transaction() as connection:
        return len(list(_pictures_with(connection, project_id, label_id)))


def _pictures_with(
    connection: Connection, project_id: str, label_id: str, *, locked: bool = False
) -> Iterator[Any]:
    """Yield the rows; `locked`, so that nobody's boxes are saved before they are written back."""
    # Ids are random, so a text that contains one has this label.
    mentions = or_(
        *(cast(column, String).contains(label_id, autoescape=True) for column in COLUMNS)
    )
    of = and_(row.project_id == project_id, row.status == READY, mentions)
    query = select(project_pictures).where(of).order_by(row.id)
    query = query.with_for_update() if locked else query
    yield from connection.execute(query).mappings().all()


COLUMNS = (row.boxes, row.labels, row.truth)


def _change(
    connection: Connection, pictures: Sequence[Mapping[Any, Any]], label_id: str, into: str | None
) -> None:
    """Write all pictures at once: the database counts after each statement."""
    changed: dict[str, dict[str, Any]] = {"boxes": {}, "labels": {}, "truth": {}}
    emptied, moved = [], []
    for picture in pictures:
        id = picture["id"]
        boxes, labels = _replaced(picture, label_id, into)
        changed["boxes"][id], changed["labels"][id] = boxes, labels
        if (boxes, labels) != (picture["boxes"], picture["labels"]):
            moved.append(id)
        if truth := picture["truth"]:
            replaced = _replaced(truth, label_id, into)
            changed["truth"][id] = dict(zip(("boxes", "labels"), replaced, strict=True))
        if (picture["boxes"] or picture["labels"]) and not boxes and not labels:
            emptied.append(id)
    values = {
        name: case(
            {id: literal(value, row[name].type) for id, value in by_id.items()},
            value=row.id,
            else_=row[name],
        )
        for name, by_id in changed.items()
        if by_id
    }
    chosen = row.id.in_([picture["id"] for picture in pictures])
    connection.execute(project_pictures.update().where(chosen).values(values))
    # Versions that were tested with the labels of before are not compared on these pictures.
    relabelled = project_pictures.update().where(row.id.in_(moved), row.revision > 0)
    connection.execute(relabelled.values(revision=row.revision + 1))
    if emptied:
        nothing = {"revision": 0, "labelled_at": None, "labelled_by": None, "truth": None}
        connection.execute(project_pictures.update().where(row.id.in_(emptied)).values(nothing))
        connection.execute(annotations.delete().where(annotations.c.picture_id.in_(emptied)))


def _replaced(annotation: Any, label_id: str, into: str | None) -> tuple[list[Any], list[str]]:
    """Return boxes and labels with another label, or without it."""
    boxes = [
        {**box, "label": into} if box["label"] == label_id else box
        for box in annotation["boxes"]
        if into is not None or box["label"] != label_id
    ]
    labels = [into if label == label_id else label for label in annotation["labels"]]
    return boxes, [label for label in dict.fromkeys(labels) if label is not None]
