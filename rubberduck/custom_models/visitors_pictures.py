"""Take visitors' pictures into projects: those that were wrong and that may be trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, select

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import DrawnBox, Result
from rubberduck.custom_models.dataset import Box, Picture, Report
from rubberduck.custom_models.errors import NoSuchProject
from rubberduck.custom_models.project_datasets import Importer
from rubberduck.custom_models.project_pictures import Added, ProjectPictures, Upload
from rubberduck.custom_models.tables import project_pictures
from rubberduck.db.engine import is_storable
from rubberduck.db.results import Results
from rubberduck.db.tables import READY, corrections, duck_results

MAX_CANDIDATES = 200
row, result = project_pictures.c, duck_results.c


@dataclass(frozen=True)
class Candidate:
    """A visitor's picture with the visitor's boxes, that may be taken into a project."""

    result_id: str
    said: str
    created_at: datetime
    boxes: tuple[DrawnBox, ...]


def candidates(results: Results, project_id: str) -> list[Candidate]:
    """Return pictures with consent that are not in the project, the newest first."""
    taken = select(row.result_id).where(row.project_id == project_id, row.result_id.is_not(None))
    query = (
        select(result.id, result.said, result.created_at, corrections.c.boxes)
        .join(corrections, corrections.c.result_id == result.id)
        .where(corrections.c.consent.is_(True), result.status == READY, result.id.not_in(taken))
        .order_by(corrections.c.created_at.desc())
        .limit(MAX_CANDIDATES)
    )
    with results.database.transaction() as connection:
        found = connection.execute(query).all()
    return [
        Candidate(
            each.id,
            each.said or "",
            each.created_at.replace(tzinfo=UTC),
            tuple(DrawnBox(**box) for box in each.boxes),
        )
        for each in found
    ]


def consented_result(results: Results, id: str) -> tuple[Result, tuple[DrawnBox, ...]]:
    """Return a result whose visitor allows training, and the visitor's boxes.

    Raises NoSuchProject without consent, or if it was deleted.
    """
    of = and_(corrections.c.result_id == id, corrections.c.consent.is_(True))
    if not is_storable(id):
        raise NoSuchProject
    with results.database.transaction() as connection:
        boxes = connection.scalar(select(corrections.c.boxes).where(of))
    try:
        found = None if boxes is None else results.find(id)
    except NoSuchResult:
        found = None
    if found is None:
        raise NoSuchProject
    return found, tuple(DrawnBox(**box) for box in boxes or ())


def take_in(
    results: Results,
    pictures: ProjectPictures,
    importer: Importer,
    result_ids: Sequence[str],
    label_id: str | None = None,
) -> int:
    """Copy visitors' pictures into a project; return the number of new ones.

    Boxes whose label is one of the project's keep it; the others get the label `label_id`, or are
    left to be drawn again. Raises StorageFailed, ProjectFull.
    """
    project, number = importer.project, 0
    names = {each.name.casefold(): each.name for each in project.labels}
    other = project.label(label_id).name if label_id else None
    for id in result_ids:
        try:
            found, drawn = consented_result(results, id)
            data = pictures.storage.get(found.picture_key)
        except (NoSuchProject, FileNotFoundError):  # withdrawn or deleted a moment ago
            continue
        upload = Upload(
            data,
            f"visitor-{id[:8]}.jpg",
            "result",
            importer.operator_id,
            result_id=id,
            owner=found.owner,
            near_is_fine=True,
        )
        outcome = pictures.add(project, upload)
        if not isinstance(outcome, Added):
            continue
        number += 1
        boxes = _named_boxes(drawn, names, other, (outcome.picture.width, outcome.picture.height))
        if boxes:
            given = Picture(id, boxes=boxes)
            importer.annotate(outcome.picture, given, Report())
        # The visitor may have withdrawn the picture while it was copied.
        try:
            consented_result(results, id)
        except NoSuchProject:
            pictures.delete(project.id, [outcome.picture.id])
    return number


def _named_boxes(
    drawn: Sequence[DrawnBox], names: dict[str, str], other: str | None, size: tuple[int, int]
) -> tuple[Box, ...]:
    """Return the boxes in pixels, with labels of the project; none if one has no label there."""
    width, height = size
    boxes = []
    for box in drawn:
        label = names.get(box.label.casefold(), other)
        if label is None:
            return ()
        boxes.append(
            Box(
                label,
                round(box.left * width),
                round(box.top * height),
                max(1, round(box.width * width)),
                max(1, round(box.height * height)),
            )
        )
    return tuple(boxes)
