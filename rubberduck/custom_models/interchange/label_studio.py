"""Label Studio's JSON export: a list of tasks with their annotations.

Boxes are per cents of the picture as browsers show it, so of the upright one. `rotation` turns a
box clockwise about its top left corner, in pixels: turned in per cents, as label-studio-sdk 2.1
does, a box becomes skewed in every picture that is not square. `image_rotation` only says how the
annotator looked at the picture. A task without annotations was not labelled yet; a submitted
annotation without results is a picture with nothing in it; a skipped one counts as not labelled.
Polygons and ellipses are read as the box around them. What paints or marks points has no box: a
picture with nothing else counts as not labelled.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, TypeAdapter

from rubberduck.custom_models.dataset import (
    Box,
    Coordinate,
    Dataset,
    InvalidDataset,
    Picture,
    Report,
    Strict,
    parse,
)
from rubberduck.custom_models.interchange.coco import items
from rubberduck.custom_models.interchange.options import (
    Finisher,
    ReadOptions,
    WriteOptions,
    as_unread,
    known_size,
    note_lost,
    tidy,
    to_write,
)
from rubberduck.custom_models.pictures import SUFFIXES

UPLOADED = re.compile(r"(?:.*/)?data/upload/(?:.*/)?[0-9a-f]{8}-([^/]+)")
ADVICE = "Export the project again as JSON (not JSON-MIN)"
# Not named when they are left out: a shape without a label has its labels in another result.
KNOWN = {"choices", "rectangle", "polygon", "ellipse"}
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]


class Value(Strict):
    x: Coordinate | None = None
    y: Coordinate | None = None
    width: Coordinate | None = None
    height: Coordinate | None = None
    rotation: Coordinate | None = 0
    radiusX: Coordinate | None = None  # noqa: N815, as Label Studio names it
    radiusY: Coordinate | None = None  # noqa: N815
    points: list[Point] = Field(default_factory=list)
    rectanglelabels: list[str] = Field(default_factory=list)
    polygonlabels: list[str] = Field(default_factory=list)
    ellipselabels: list[str] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=list)
    choices: list[str] = Field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return self.rectanglelabels or self.polygonlabels or self.ellipselabels or self.labels

    @property
    def is_polygon(self) -> bool:
        return len(self.points) > 2

    @property
    def is_ellipse(self) -> bool:
        return None not in (self.x, self.y, self.radiusX, self.radiusY)

    @property
    def is_rectangle(self) -> bool:
        return None not in (self.x, self.y, self.width, self.height)


class Result(Strict):
    type: str = ""
    original_width: Annotated[int, Field(le=10**9)] | None = None
    original_height: Annotated[int, Field(le=10**9)] | None = None
    value: Value = Value()


class Annotation(Strict):
    result: list[Result]
    was_cancelled: bool | None = False
    ground_truth: bool | None = False
    updated_at: str | None = None


class Task(Strict):
    data: Annotated[dict[str, Any], Field(min_length=1)]
    annotations: list[Annotation]
    predictions: list[Any] = Field(default_factory=list)


TASKS = TypeAdapter(Task)


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the data set of an export. Raises InvalidDataset with the task, while it is read."""
    dataset = Dataset()
    dataset.pictures = _pictures(path, dataset, Finisher(dataset, path, options))
    return dataset


def _pictures(path: Path, dataset: Dataset, finisher: Finisher) -> Iterator[Picture]:
    labels: dict[str, None] = {}
    for place, item in items(path, "item"):
        task = parse(TASKS, item, path, f"task{place}", ADVICE)
        picture = _picture(task, path, f"task{place}", dataset.report)
        labels |= dict.fromkeys([*(box.label for box in picture.boxes), *picture.labels])
        yield finisher.finish(picture)
    dataset.labels = list(labels)


def _picture(task: Task, path: Path, place: str, report: Report) -> Picture:
    annotation = _choose(task, place, report)
    results = annotation.result if annotation else []
    width, height = _size(task, results)
    boxes: list[Box] = []
    for result in results:
        boxes += _boxes(result, path, place, report)
    group, split = (_text(task.data.get(key)) for key in ("group", "split"))
    name = _name(task, path, place)
    picture = Picture(
        name,
        width,
        height,
        tuple(boxes),
        tuple(dict.fromkeys(choice for r in results for choice in r.value.choices)),
        labelled=annotation is not None,
        group=group,
        split=split,
        place=place,
        other_names=_names_before_upload(name),
    )
    return as_unread(picture, report) if results and picture.is_empty else picture


def _names_before_upload(name: str) -> tuple[str, ...]:
    """Return what an uploaded picture was called: Label Studio adds 8 random digits.

    >>> _names_before_upload("data/upload/1/8f3a2b1c-a%20b.jpg")
    ('a b.jpg',)
    """
    uploaded = UPLOADED.fullmatch(name)
    return (unquote(uploaded[1]),) if uploaded else ()


def _size(task: Task, results: Sequence[Result]) -> tuple[int | None, int | None]:
    """Return what the results say, or else the task: exports of empty pictures have no results."""
    said = [(one.original_width, one.original_height) for one in results]
    for width, height in [*said, (task.data.get("width"), task.data.get("height"))]:
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            return width, height
    return None, None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _choose(task: Task, place: str, report: Report) -> Annotation | None:
    """Return one annotation of the task: the ground truth, or else the newest."""
    done = [one for one in task.annotations if not one.was_cancelled]
    if len(done) > 1:
        what = "several annotators: the ground truth, or else the newest annotation, is kept"
        report.note(what, place)
    if not done and task.predictions:
        report.note("predictions that nobody confirmed are left out", place)
    return max(done, key=lambda one: (bool(one.ground_truth), one.updated_at or ""), default=None)


def _name(task: Task, path: Path, place: str) -> str:
    texts = {key: value for key, value in task.data.items() if isinstance(value, str)}
    address = texts.get("image")
    if address is None:
        named = [text for text in texts.values() if urlsplit(text).path.lower().endswith(SUFFIXES)]
        if len(named) != 1:
            raise InvalidDataset(path, place, "its data name no picture, or several", ADVICE)
        address = named[0]
    parts = urlsplit(address)
    if parts.path == "/data/local-files/":
        return parse_qs(parts.query).get("d", [address])[0]
    if parts.scheme in {"http", "https"}:
        return unquote(parts.path).lstrip("/")
    return address.lstrip("/")


def _boxes(result: Result, path: Path, place: str, report: Report) -> Iterator[Box]:
    value = result.value
    if not value.names or not (value.is_polygon or value.is_ellipse or value.is_rectangle):
        if result.type not in KNOWN:
            report.note(f"a result of type {result.type!r} is left out", place)
        return
    wide, high = result.original_width, result.original_height
    if not wide or not high or wide < 1 or high < 1:
        raise InvalidDataset(path, place, "a box without the picture's size", ADVICE)
    if value.is_polygon or value.is_ellipse:
        report.note("an outline is kept as the box around it", place)
    elif value.rotation:
        report.note("a turned box is kept as the upright box around it", place)
    around = _around(value, wide, high)
    if around[2] <= 0 or around[3] <= 0:
        report.note("a box without area is left out", place)
        return
    for name in value.names:
        yield Box(name, *around)


def _around(value: Value, wide: int, high: int) -> tuple[float, float, float, float]:
    """Return the box around a shape in a picture of that size."""
    if value.is_polygon:
        across = [x * wide / 100 for x, _ in value.points]
        down = [y * high / 100 for _, y in value.points]
        sides = max(across) - min(across), max(down) - min(down)
        return tidy(min(across)), tidy(min(down)), tidy(sides[0]), tidy(sides[1])
    x, y = (value.x or 0) * wide / 100, (value.y or 0) * high / 100
    turn = value.rotation or 0
    if not value.is_ellipse:
        width, height = (value.width or 0) * wide / 100, (value.height or 0) * high / 100
        return bounding_box(x, y, width, height, turn)
    # An ellipse turns about its center.
    radii = (value.radiusX or 0) * wide / 100, (value.radiusY or 0) * high / 100
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    half = math.hypot(radii[0] * cos, radii[1] * sin), math.hypot(radii[0] * sin, radii[1] * cos)
    return tidy(x - half[0]), tidy(y - half[1]), tidy(2 * half[0]), tidy(2 * half[1])


def bounding_box(
    left: float, top: float, width: float, height: float, degrees: float
) -> tuple[float, float, float, float]:
    """Return the box (left, top, width, height) around one turned clockwise about (left, top).

    >>> bounding_box(200, 100, 300, 100, 90)
    (100, 100, 100, 300)
    """
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    across = [x * cos - y * sin for x in (0, width) for y in (0, height)]
    down = [x * sin + y * cos for x in (0, width) for y in (0, height)]
    left, top = left + min(across), top + min(down)
    sides = (max(across) - min(across), max(down) - min(down))
    return tidy(left), tidy(top), tidy(sides[0]), tidy(sides[1])


def write(dataset: Dataset, target: Path, options: WriteOptions, report: Report) -> None:
    """Write the data set as tasks that Label Studio imports. Raises InvalidDataset."""
    if options.stored_pixels:
        problem = "Label Studio's boxes are always of the upright picture"
        raise InvalidDataset(target, "", problem, "Leave out --stored-pixels")
    used: set[str] = set()
    with target.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, picture in enumerate(dataset.pictures, 1):
            note_lost(report, picture, "Label Studio", {"labels", "group", "split"})
            used |= {*(box.label for box in picture.boxes), *picture.labels}
            task = _task(to_write(picture, options), number, target)
            file.write(("" if number == 1 else ",") + "\n" + json.dumps(task, ensure_ascii=False))
        file.write("\n]\n")
    unused = [label for label in dataset.labels if label not in used]
    if unused:
        what = "Label Studio's JSON has no list of labels: one that no picture has is left out"
        report.note(what, unused[0], len(unused))


def _task(picture: Picture, number: int, file: Path) -> dict[str, Any]:
    data = {"image": picture.name, "width": picture.width, "height": picture.height}
    data |= {"group": picture.group, "split": picture.split}
    results: list[dict[str, Any]] = []
    for box in picture.boxes:
        wide, high = known_size(picture, file)
        value: dict[str, Any] = {
            "x": box.left * 100 / wide,
            "y": box.top * 100 / high,
            "width": box.width * 100 / wide,
            "height": box.height * 100 / high,
            "rotation": 0,
            "rectanglelabels": [box.label],
        }
        size = {"original_width": wide, "original_height": high, "image_rotation": 0}
        kind = {"type": "rectanglelabels", "from_name": "label", "to_name": "image"}
        results.append({"id": f"{number}-{len(results)}", **kind, **size, "value": value})
    if picture.labels:
        kind = {"type": "choices", "from_name": "choice", "to_name": "image"}
        choices = {"choices": list(picture.labels)}
        results.append({"id": f"{number}-{len(results)}", **kind, "value": choices})
    annotations = [{"result": results, "was_cancelled": False}] if picture.labelled else []
    kept = {key: value for key, value in data.items() if value is not None}
    return {"id": number, "data": kept, "annotations": annotations}
