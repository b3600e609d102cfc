"""Projects as data sets: pictures and labels in the model that all formats share, and back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import and_

from rubberduck.custom_models.dataset import Box, Dataset, Picture, Report
from rubberduck.custom_models.interchange.options import inside
from rubberduck.custom_models.project_pictures import PictureBox, ProjectPicture
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.rules import MAX_BOXES
from rubberduck.custom_models.tables import annotations, project_pictures
from rubberduck.custom_models.turns import as_upright, scaled, turned_size
from rubberduck.db.engine import Database, to_naive_utc

Names = Literal["files", "keys"]
row = project_pictures.c


def as_picture(project: Project, picture: ProjectPicture, name: str) -> Picture:
    """Return a project's picture, with the names of labels, under `name` in a data set."""
    names = project.label_names
    boxes = tuple(
        Box(names[box.label], box.left, box.top, box.width, box.height, box.crowd)
        for box in picture.boxes
        if box.label in names
    )
    return Picture(
        name=name,
        width=picture.width,
        height=picture.height,
        boxes=boxes,
        labels=tuple(names[label] for label in picture.labels if label in names),
        labelled=picture.is_labelled,
        turn=picture.turn,
        group=picture.group_name,
        split=picture.split,
        place=picture.file_name,
    )


def as_dataset(project: Project, pictures: Iterable[ProjectPicture], names: Names) -> Dataset:
    """Return a project as a stream; `names` are those of the files, or keys of the storage."""
    file_names = FileNames()
    return Dataset(
        (
            as_picture(project, each, each.key if names == "keys" else file_names.of(each))
            for each in pictures
        ),
        [label.name for label in project.labels],
    )


def fitted(given: Picture, stored: ProjectPicture) -> Picture | None:
    """Return an entry with boxes in pixels of the project's picture; None if it is of another one.

    The size that the entry gives may be that of the stored pixels. Only if its file is here is it
    known that another size means that this site has shrunk the picture: it has the same bytes.
    """
    upright = (stored.width, stored.height)
    if given.width is None or given.height is None or (given.width, given.height) == upright:
        return given
    if (given.width, given.height) == turned_size(*upright, stored.turn):
        return as_upright(given, stored.turn)
    if given.file is None:
        return None
    return scaled(given, upright)


class FileNames:
    """Names of pictures as files of one folder: as they came, and different from each other."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, picture: ProjectPicture) -> str:
        """Return the picture's file name, with its id where another one has the same."""
        suffix = "png" if picture.format == "PNG" else "jpg"
        stem = picture.file_name.rpartition(".")[0] or picture.file_name
        stem = "".join("_" if char in '/\\:*?"<>|' else char for char in stem).strip(". ")
        if not stem or stem.casefold() in self._taken:
            stem = f"{stem}-{picture.id}" if stem else picture.id
        self._taken.add(stem.casefold())
        return f"{stem}.{suffix}"


class Importer:
    """Give pictures of a project the boxes and labels of a data set."""

    def __init__(self, database: Database, project: Project, operator_id: str) -> None:
        self.database, self.project, self.operator_id = database, project, operator_id
        self.ids: Mapping[str, str] = {label.name: label.id for label in project.labels}

    def label_id(self, name: str) -> str | None:
        """Return the id of a label; projects store names with single spaces."""
        return self.ids.get(" ".join(name.split()))

    def labels_in(self, pictures: Iterable[Picture]) -> Iterator[str]:
        """Yield the names of labels that the data set's annotations use."""
        for picture in pictures:
            yield from (box.label for box in picture.boxes)
            yield from picture.labels

    def annotate(self, stored: ProjectPicture, given: Picture, report: Report) -> bool:
        """Store what the data set says of a picture; return whether it was stored.

        A picture that was labelled here keeps its labels.
        """
        if not given.labelled:
            return False
        if stored.is_labelled:
            report.note("it is labelled already: its labels are kept", stored.file_name)
            return False
        boxes, labels = self._fitting(stored, given, report)
        if not boxes and not labels and not given.is_empty:
            return False
        values = {
            "boxes": [asdict(box) for box in boxes],
            "labels": labels,
            "labelled_at": to_naive_utc(datetime.now(UTC)),
            "labelled_by": self.operator_id,
            "revision": 1,
        }
        unlabelled = and_(row.id == stored.id, row.revision == 0)
        with self.database.transaction(writing=True) as connection:
            statement = project_pictures.update().where(unlabelled).values(values)
            if not connection.execute(statement).rowcount:
                return False
            annotation = {"picture_id": stored.id, "project_id": self.project.id, **values}
            connection.execute(annotations.insert(), annotation)
        return True

    def _fitting(
        self, stored: ProjectPicture, given: Picture, report: Report
    ) -> tuple[list[PictureBox], list[str]]:
        """Return the boxes and labels that the project can have, with ids of labels."""
        boxes = []
        if self.project.kind == "boxes":
            fitting = inside(given, (stored.width, stored.height), report)
            boxes = [_stored(box, id) for box in fitting if (id := self.label_id(box.label))]
        else:
            what = "this project has no boxes: their labels are kept"
            report.note(what, given.name, len(given.boxes))
        if len(boxes) > MAX_BOXES:
            report.note(f"only the first {MAX_BOXES} boxes are kept", given.name)
        labels = dict.fromkeys([*given.labels, *(box.label for box in given.boxes)])
        if self.project.kind == "boxes":
            if given.labels:
                report.note("this project has boxes: labels of whole pictures", given.name)
            labels = {}
        ids = dict.fromkeys(id for name in labels if (id := self.label_id(name)))
        return boxes[:MAX_BOXES], list(ids)


def _stored(box: Box, label_id: str) -> PictureBox:
    return PictureBox(label_id, box.left, box.top, box.width, box.height, box.crowd)
