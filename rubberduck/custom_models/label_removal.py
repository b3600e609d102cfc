"""Delete a label of a project: take it off the pictures, or put another one in its place."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, String, and_, cast, or_, select

from rubberduck.custom_models.errors import InvalidProject, LabelInUse
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import annotations, project_pictures
from rubberduck.db.tables import READY

row = project_pictures.c


def remove_label(
    projects: Projects, project_id: str, label_id: str, *, into: str | None, confirmed: bool
) -> Project:
    """Delete a label; its boxes and labels become those of the label `into`, or are deleted.

    Pictures that show nothing else are not labelled any more then. Raises LabelInUse if pictures
    have it and the deletion is not `confirmed`, InvalidProject, NoSuchProject.
    """
    project = projects.get(project_id)
    name = project.label(label_id).name
    if into is not None:
        project.label(into)
    if into == label_id:
        raise InvalidProject("A label cannot take its own place.")
    with projects.database.transaction(writing=True) as connection:
        used = list(_pictures_with(connection, project_id, label_id, locked=True))
        if used and into is None and not confirmed:
            raise LabelInUse(
                "{number} pictures have the label “{name}”.", number=len(used), name=name
            )
        for picture in used:
            _change(connection, picture, label_id, into)
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


def _change(connection: Connection, picture: Any, label_id: str, into: str | None) -> None:
    boxes, labels = _replaced(picture, label_id, into)
    values: dict[str, Any] = {"boxes": boxes, "labels": labels}
    if truth := picture["truth"]:
        values["truth"] = dict(
            zip(("boxes", "labels"), _replaced(truth, label_id, into), strict=True)
        )
    had_some = picture["boxes"] or picture["labels"]
    if had_some and not boxes and not labels:
        values |= {"revision": 0, "labelled_at": None, "labelled_by": None}
        of = annotations.c.picture_id == picture["id"]
        connection.execute(annotations.delete().where(of))
    connection.execute(project_pictures.update().where(row.id == picture["id"]).values(values))


def _replaced(annotation: Any, label_id: str, into: str | None) -> tuple[list[Any], list[str]]:
    """Return boxes and labels with another label, or without it."""
    boxes = [
        {**box, "label": into} if box["label"] == label_id else box
        for box in annotation["boxes"]
        if into is not None or box["label"] != label_id
    ]
    labels = [into if label == label_id else label for label in annotation["labels"]]
    return boxes, [label for label in dict.fromkeys(labels) if label is not None]
