"""COCO's JSON: images, annotations and categories, in any order, read and written as streams.

Annotations are kept in a temporary SQLite file while the images are read: grouping them in memory
would need some 400 bytes a box. Fractions of pixels and `iscrowd` are kept. Annotation ids begin
at 1, since pycocotools takes an annotation numbered 0 for no match. COCO cannot tell an image with
nothing in it from one that was not labelled yet. Images have two more fields, where they are set,
which other programs ignore: `group` and `split`.
"""

import codecs
import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePath
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
    as_unread,
    is_left_out,
    known_size,
    note_lost,
    open_input,
    read_head,
    split_named,
    tidy,
    to_write,
)
from rubberduck.custom_models.pictures import PictureFolder, is_safe, wanted_files

ADVICE = "Correct the file, or export it again"
BEGINNING = re.compile(rb'^\{(?s:.*)"(images|annotations|categories)"\s*:\s*\[')
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


@dataclass(frozen=True)
class Part:
    """One file of a data set, the split it is, and the folders that its names may begin at.

    Names are put below `prefix`, so that pictures of one name in two parts differ.
    """

    file: Path
    split: str | None
    folders: tuple[PictureFolder, ...]
    prefix: PurePath


def find_files(folder: Path) -> list[Path]:
    """Return the COCO files below a folder."""
    files = [file for file in wanted_files(folder) if file.suffix.lower() == ".json"]
    return [file for file in files if BEGINNING.search(read_head(file))]


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the data set of a COCO file, or of all below a folder. Raises InvalidDataset."""
    dataset = Dataset()
    files = find_files(path) if path.is_dir() else [path]
    if not files:
        raise InvalidDataset(path, "", "it has no COCO file", "Add the JSON file of the labels")
    # The official set describes the same pictures in captions and key points as well.
    chosen = [file for file in files if file.name.startswith("instances")] or files
    for file in sorted({*files} - {*chosen}):
        dataset.report.note("a file beside instances_….json is left out", file.name)
    parts = _parts(chosen, path if path.is_dir() else path.parent)
    categories = [_categories(part.file) for part in parts]
    dataset.labels = list(dict.fromkeys(name for part in categories for name in part.values()))
    dataset.pictures = chain.from_iterable(
        _pictures(part, names, dataset, options)
        for part, names in zip(parts, categories, strict=True)
    )
    return dataset


def _parts(files: list[Path], top: Path) -> list[Part]:
    splits = {file: split_named(file.stem) or split_named(file.parent.name) for file in files}
    is_split = len({*splits.values()} - {None}) > 1
    are_apart = len({file.parent for file in files}) > 1
    return [
        Part(
            file,
            splits[file] if is_split else None,
            _folders(file, top),
            file.parent.relative_to(top) if are_apart else PurePath(),
        )
        for file in files
    ]


def _folders(file: Path, top: Path) -> tuple[PictureFolder, ...]:
    """Return where the pictures of a file may lie: beside it, or in a folder named like it.

    annotations/instances_train.json describes train/ or images/train/.
    """
    name = file.stem.removeprefix("instances_")
    folders = (file.parent, top / "images" / name, top / name)
    return tuple(PictureFolder(folder) for folder in folders if folder.is_dir())


def _categories(path: Path) -> dict[Id, str]:
    categories: dict[Id, str] = {}
    for place, item in items(path, "categories.item"):
        category = parse(CATEGORIES, item, path, place, ADVICE)
        if category.id in categories:
            problem = f"the id {category.id!r} is used twice"
            raise InvalidDataset(path, place, problem, ADVICE)
        categories[category.id] = category.name
    return categories


def items(path: Path, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of each item. Raises InvalidDataset for broken JSON."""
    name, number = prefix.removesuffix("item").rstrip("."), -1
    with open_input(path) as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        try:
            for number, value in enumerate(ijson.items(file, prefix, use_float=True)):
                yield f"{name}[{number}]", value
        except ijson.JSONError as error:
            problem = f"it is not JSON: {str(error).splitlines()[0].rstrip('.')}"
            raise InvalidDataset(path, f"{name}[{number + 1}]", problem, ADVICE) from None


def _pictures(
    part: Part, categories: dict[Id, str], dataset: Dataset, options: ReadOptions
) -> Iterator[Picture]:
    path, finisher = part.file, Finisher(dataset, part.file, options)
    # An empty name is a temporary file that SQLite deletes on closing.
    with closing(sqlite3.connect("")) as boxes:
        boxes.execute("CREATE TABLE box (image, label, left, top, width, height, crowd)")
        rows = _boxes(path, categories, dataset.report)
        boxes.executemany("INSERT INTO box VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        boxes.execute("CREATE INDEX by_image ON box (image)")
        (unused,) = boxes.execute("SELECT count(label) FROM box").fetchone()
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
            ).fetchall()
            found = tuple(
                Box(a, b, c, d, e, bool(crowd)) for a, b, c, d, e, crowd in own if a is not None
            )
            unused -= len(found)
            picture = Picture(
                image.file_name,
                image.width,
                image.height,
                found,
                group=image.group,
                split=image.split or part.split,
                place=place,
            )
            if own and not found:
                picture = as_unread(picture, dataset.report)
            yield finisher.finish(_located(picture, part, options))
    dataset.report.note(
        "an annotation of an image that is not listed is left out", path.name, unused
    )


def _located(picture: Picture, part: Part, options: ReadOptions) -> Picture:
    """Return the picture with its path, and its file if those are asked for and it lies there."""
    name, file = picture.name, None
    if options.pictures and part.file.is_relative_to(options.pictures):
        file = next(filter(None, (folder.at(name) for folder in part.folders)), None)
    path = (part.prefix / name).as_posix() if is_safe(name) else name
    return replace(picture, name=path, file=file)


def _boxes(path: Path, categories: dict[Id, str], report: Report) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each annotation, without a label for one that is left out."""
    for place, item in items(path, "annotations.item"):
        one = parse(ANNOTATIONS, item, path, place, ADVICE)
        if one.category_id not in categories:
            problem = f"the category {one.category_id!r} is not listed"
            raise InvalidDataset(path, place, problem, ADVICE)
        if one.segmentation or one.keypoints:
            report.note("outlines and key points are left out: only the box is kept", place)
        if one.bbox[2] <= 0 or one.bbox[3] <= 0:
            report.note("a box without area is left out", place)
            yield one.image_id, None, *one.bbox, one.iscrowd
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
