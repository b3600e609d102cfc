"""COCO's JSON: images, annotations and categories, in any order, read and written as streams.

Annotations are kept in a temporary SQLite file while the images are read: grouping them in memory
would need some 400 bytes a box. Fractions of pixels and `iscrowd` are kept. Annotation ids begin
at 1, since pycocotools takes an annotation numbered 0 for no match. COCO cannot tell an image with
nothing in it from one that was not labelled yet. Images have two more fields, where they are set,
which other programs ignore: `group` and `split`.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import ijson
from pydantic import Field, TypeAdapter

from rubberduck.custom_models.dataset import (
    Box,
    Coordinate,
    Dataset,
    InvalidDataset,
    LabelNumbers,
    Picture,
    Report,
    Side,
    Strict,
    parse,
)
from rubberduck.custom_models.interchange.options import (
    Finisher,
    ReadOptions,
    WriteOptions,
    is_left_out,
    known_size,
    note_lost,
    open_input,
    tidy,
    to_write,
)

ADVICE = "Correct the file, or export it again"
Id = Annotated[int, Field(ge=-(2**63), lt=2**63)] | str  # as SQLite holds it


class Category(Strict):
    id: Id
    name: str


class Image(Strict):
    id: Id
    file_name: Annotated[str, Field(min_length=1)]
    width: Side
    height: Side
    group: str | None = None
    split: str | None = None


class Annotation(Strict):
    image_id: Id
    category_id: Id
    bbox: Annotated[list[Coordinate], Field(min_length=4, max_length=4)]
    iscrowd: Annotated[int, Field(ge=0, le=1)] = 0
    segmentation: Any = None
    keypoints: Any = None


CATEGORIES, IMAGES = TypeAdapter(Category), TypeAdapter(Image)
ANNOTATIONS = TypeAdapter(Annotation)


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the data set of a COCO file. Raises InvalidDataset with the place in it."""
    categories: dict[Id, str] = {}
    for place, item in items(path, "categories.item"):
        category = parse(CATEGORIES, item, path, place, ADVICE)
        if category.id in categories:
            problem = f"the id {category.id!r} is used twice"
            raise InvalidDataset(path, place, problem, ADVICE)
        categories[category.id] = category.name
    dataset = Dataset(labels=list(dict.fromkeys(categories.values())))
    dataset.pictures = _pictures(path, categories, dataset, Finisher(dataset, path, options))
    return dataset


def items(path: Path, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of each item. Raises InvalidDataset for broken JSON."""
    name, number = prefix.removesuffix("item").rstrip("."), -1
    with open_input(path) as file:
        try:
            for number, value in enumerate(ijson.items(file, prefix, use_float=True)):
                yield f"{name}[{number}]", value
        except ijson.JSONError as error:
            problem = f"it is not JSON: {str(error).splitlines()[0]}"
            raise InvalidDataset(path, f"{name}[{number + 1}]", problem, ADVICE) from None


def _pictures(
    path: Path, categories: dict[Id, str], dataset: Dataset, finisher: Finisher
) -> Iterator[Picture]:
    # An empty name is a temporary file that SQLite deletes on closing.
    with closing(sqlite3.connect("")) as boxes:
        boxes.execute("CREATE TABLE box (image, label, left, top, width, height, crowd)")
        rows = _boxes(path, categories, dataset.report)
        boxes.executemany("INSERT INTO box VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        boxes.execute("CREATE INDEX by_image ON box (image)")
        (unused,) = boxes.execute("SELECT count(*) FROM box").fetchone()
        boxes.execute("CREATE TABLE seen (image PRIMARY KEY) WITHOUT ROWID")
        for place, item in items(path, "images.item"):
            image = parse(IMAGES, item, path, place, ADVICE)
            try:
                boxes.execute("INSERT INTO seen VALUES (?)", (image.id,))
            except sqlite3.IntegrityError:
                problem = f"the id {image.id!r} is used twice"
                raise InvalidDataset(path, place, problem, ADVICE) from None
            own = boxes.execute(
                "SELECT label, left, top, width, height, crowd FROM box WHERE image = ?"
                " ORDER BY rowid",
                (image.id,),
            )
            found = tuple(Box(a, b, c, d, e, bool(crowd)) for a, b, c, d, e, crowd in own)
            unused -= len(found)
            picture = Picture(
                image.file_name,
                image.width,
                image.height,
                found,
                group=image.group,
                split=image.split,
                place=place,
            )
            yield finisher.finish(picture)
    dataset.report.note(
        "an annotation of an image that is not listed is left out", path.name, unused
    )


def _boxes(path: Path, categories: dict[Id, str], report: Report) -> Iterator[tuple[Any, ...]]:
    for place, item in items(path, "annotations.item"):
        one = parse(ANNOTATIONS, item, path, place, ADVICE)
        if one.category_id not in categories:
            problem = f"the category {one.category_id!r} is not listed"
            raise InvalidDataset(path, place, problem, ADVICE)
        if one.segmentation or one.keypoints:
            report.note("outlines and key points are left out: only the box is kept", place)
        if one.bbox[2] <= 0 or one.bbox[3] <= 0:
            report.note("a box without area is left out", place)
            continue
        yield one.image_id, categories[one.category_id], *one.bbox, one.iscrowd


def write(dataset: Dataset, target: Path, options: WriteOptions, report: Report) -> None:
    """Write the data set as one file. Raises InvalidDataset if a size is not known."""
    numbers = LabelNumbers(dataset.labels, first=1)
    count = boxes = 0
    with (
        target.open("w", encoding="utf-8") as file,
        tempfile.TemporaryFile("w+", encoding="utf-8") as annotations,
    ):
        file.write('{"images": [')
        for picture in dataset.pictures:
            if is_left_out(report, picture, "COCO"):
                continue
            note_lost(report, picture, "COCO", {"crowd", "group", "split"})
            count += 1
            written = to_write(picture, options)
            file.write(_item(count, _image(written, count, target)))
            for box in written.boxes:
                boxes += 1
                annotations.write(_item(boxes, _annotation(box, boxes, count, numbers)))
        file.write('\n], "annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, file)
        numbers.add(dataset.labels)
        categories = [{"id": numbers[label], "name": label} for label in numbers]
        file.write(f'\n], "categories": {json.dumps(categories, ensure_ascii=False)}}}\n')


def _item(number: int, value: dict[str, Any]) -> str:
    return ("" if number == 1 else ",") + "\n" + json.dumps(value, ensure_ascii=False)


def _image(picture: Picture, number: int, file: Path) -> dict[str, Any]:
    width, height = known_size(picture, file)
    image = {"id": number, "file_name": picture.name, "width": width, "height": height}
    extras = {"group": picture.group, "split": picture.split}
    return image | {key: value for key, value in extras.items() if value}


def _annotation(box: Box, number: int, image: int, numbers: LabelNumbers) -> dict[str, Any]:
    sides = [tidy(side) for side in (box.left, box.top, box.width, box.height)]
    return {
        "id": number,
        "image_id": image,
        "category_id": numbers[box.label],
        "bbox": sides,
        "area": tidy(sides[2] * sides[3]),
        "iscrowd": int(box.crowd),
        "segmentation": [],
    }
