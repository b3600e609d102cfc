"""Take visitors' pictures into projects: those that were wrong and that may be trained with."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from sqlalchemy import and_, select

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.models import Box as Fractions
from rubberduck.core.models import DrawnBox, Result
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.dataset import Box, Picture, Report
from rubberduck.custom_models.errors import NoSuchProject, UnsuitablePicture
from rubberduck.custom_models.project_datasets import Importer
from rubberduck.custom_models.project_pictures import (
    Duplicate,
    ProjectPicture,
    ProjectPictures,
    Upload,
)
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.video_suggestions import suggest
from rubberduck.db.engine import is_storable
from rubberduck.db.results import Results
from rubberduck.db.tables import READY, corrections, duck_results

MAX_CANDIDATES = 200
NOT_ALLOWED = Sentence("There is no such picture, or its visitor does not allow training with it.")
IS_THERE = Sentence("It is in the project already, as {other}.")
LOOKS_LIKE = Sentence("It looks like {other} of the project, so it is left out.")
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


@dataclass
class TakenIn:
    """What came of visitors' pictures: the number of new ones, and why others were left out."""

    number: int = 0
    refused: dict[str, Sentence] = field(default_factory=dict)  # by the id of the result


@dataclass(frozen=True)
class VisitorsPictures:
    """Visitors' pictures on their way into one project, that of the importer."""

    results: Results
    pictures: ProjectPictures
    importer: Importer

    def take_in(
        self, result_ids: Iterable[str], label_id: str | None = None, *, near_is_fine: bool = False
    ) -> TakenIn:
        """Copy pictures into the project.

        Boxes whose label is one of the project's keep it; the others get the label `label_id`.
        Without one they are left out, and the picture is to be labelled: its other boxes are
        suggested. Raises StorageFailed, ProjectFull, NoSuchProject.
        """
        if label_id:
            self.importer.project.label(label_id)
        taken = TakenIn()
        for id in dict.fromkeys(result_ids):
            if reason := self._take(id, label_id, near_is_fine):
                taken.refused[id] = reason
            else:
                taken.number += 1
        return taken

    def _take(self, id: str, label_id: str | None, near_is_fine: bool) -> Sentence | None:
        """Copy one picture; return why not, if it is left out."""
        project = self.importer.project
        try:
            found, drawn = consented_result(self.results, id)
            data = self.pictures.storage.get(found.picture_key)
        except (NoSuchProject, FileNotFoundError):  # unknown, withdrawn or deleted
            return NOT_ALLOWED
        upload = Upload(
            data,
            name_of(id),
            "result",
            self.importer.operator_id,
            result_id=id,
            owner=found.owner,
            near_is_fine=near_is_fine,
        )
        try:
            outcome = self.pictures.add(project, upload)
        except UnsuitablePicture as error:
            return error.problem.sentence
        if isinstance(outcome, Duplicate):
            reason = IS_THERE if outcome.is_exact else LOOKS_LIKE
            return reason.fill(other=outcome.picture.file_name)
        _keep_boxes(self.importer, outcome.picture, drawn, label_id)
        # The visitor may have withdrawn the picture while it was copied.
        try:
            consented_result(self.results, id)
        except NoSuchProject:
            self.pictures.delete(project.id, [outcome.picture.id])
            return NOT_ALLOWED
        return None


def name_of(result_id: str) -> str:
    """Return the file name of a visitor's picture in a project."""
    return f"visitor-{result_id[:8]}.jpg"


def _keep_boxes(
    importer: Importer, picture: ProjectPicture, drawn: Sequence[DrawnBox], label_id: str | None
) -> None:
    """Label the picture with the visitor's boxes, or suggest those whose labels are known."""
    ids = {each.name.casefold(): each.id for each in importer.project.labels}
    named = [(ids.get(box.label.casefold(), label_id), box) for box in drawn]
    known = [(id, box) for id, box in named if id]
    if len(known) < len(drawn):
        places = [(id, Fractions(**{**asdict(box), "confidence": 100})) for id, box in known]
        suggest(importer.database, importer.project, picture, places)
    elif known:
        names, size = importer.project.label_names, (picture.width, picture.height)
        boxes = tuple(_in_pixels(box, names[id], size) for id, box in known)
        importer.annotate(picture, Picture(picture.file_name, boxes=boxes), Report())


def _in_pixels(box: DrawnBox, label: str, size: tuple[int, int]) -> Box:
    width, height = size
    return Box(
        label,
        round(box.left * width),
        round(box.top * height),
        max(1, round(box.width * width)),
        max(1, round(box.height * height)),
    )
