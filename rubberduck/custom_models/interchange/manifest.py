"""Amazon Rekognition Custom Labels' manifests: JSON lines as SageMaker Ground Truth writes them.

Boxes are whole pixels of the upright picture. A line with only `source-ref` is a picture that was
not labelled yet; an empty list of annotations is one with nothing in it. Ground Truth's own output
of a job with several labels a picture, which Custom Labels refuses, is read as well.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import Field, TypeAdapter

from rubberduck.custom_models.dataset import (
    Box,
    Coordinate,
    Dataset,
    InvalidDataset,
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
    known_size,
    note_lost,
    open_input,
    to_write,
)

MAX_LINE = 100_000  # characters; the service drops longer lines
SOURCE = "source-ref"
METADATA = "-metadata"
# The service adds these to the lines that it gives back; they must not be sent again.
SERVICE_KEYS = {"cl-metadata", "cl-errors", "errors"}
DETECTION = "groundtruth/object-detection"
CLASSIFICATION = "groundtruth/image-classification"
MULTILABEL = "groundtruth/image-classification-multilabel"
ADVICE = "Correct the line, or remove it; `flask dataset check` lists all faults"


class ImageSize(Strict):
    width: Side
    height: Side


class Annotation(Strict):
    class_id: int
    left: Coordinate
    top: Coordinate
    width: Annotated[Coordinate, Field(gt=0)]
    height: Annotated[Coordinate, Field(gt=0)]


class Detection(Strict):
    # One element; Custom Labels' page about COCO shows an object instead.
    image_size: Annotated[list[ImageSize], Field(min_length=1, max_length=1)] | ImageSize
    annotations: list[Annotation]

    @property
    def size(self) -> ImageSize:
        return self.image_size if isinstance(self.image_size, ImageSize) else self.image_size[0]


class ClassMap(Strict):
    names: Annotated[dict[str, str], Field(alias="class-map")]


class ClassName(Strict):
    name: Annotated[str, Field(alias="class-name")]


DETECTIONS, CLASS_MAPS = TypeAdapter(Detection), TypeAdapter(ClassMap)
CLASS_NAMES, CLASS_IDS = TypeAdapter(ClassName), TypeAdapter(list[int])


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the data set of a manifest. Raises InvalidDataset with the line, while it is read."""
    dataset = Dataset()
    dataset.pictures = _pictures(path, dataset, Finisher(dataset, path, options))
    return dataset


def _pictures(path: Path, dataset: Dataset, finisher: Finisher) -> Iterator[Picture]:
    labels: dict[str, None] = {}
    with open_input(path) as file:
        for number, line in lines(file):
            picture = picture_from_line(path, f"line {number}", line, dataset.report)
            labels |= dict.fromkeys([*(box.label for box in picture.boxes), *picture.labels])
            yield finisher.finish(picture)
    dataset.labels = list(labels)


def lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line's number and bytes; of a longer one than MAX_LINE, its beginning.

    A file in one endless line needs no more memory than any other.
    """
    most = 4 * MAX_LINE + 2  # UTF-8 has up to four bytes a character
    number = 0
    while line := file.readline(most):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(most)
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line. Raises ValueError that says what is wrong with it."""
    try:
        text = line.decode()
        if len(text.rstrip("\r\n")) > MAX_LINE:
            raise ValueError(f"it is longer than {MAX_LINE:,} characters")
        value = json.loads(text, parse_constant=_refuse_constant)
        if r"\ud" in text.lower():  # escapes of half a character, which no file can hold
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        reason = f"it is not JSON: {error.msg} at column {error.colno}"
        raise ValueError("it is empty" if not text.strip() else reason) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no JSON")


def picture_from_line(path: Path, place: str, line: bytes, report: Report) -> Picture:
    """Return the picture of a line. Raises InvalidDataset, which names `path` and `place`."""
    try:
        entry = parse_line(line)
    except ValueError as error:
        raise InvalidDataset(path, place, str(error), ADVICE) from None
    name = entry.get(SOURCE)
    if not isinstance(name, str) or not name:
        raise InvalidDataset(path, place, f"{SOURCE} is missing", ADVICE)
    attributes = [key for key in entry if not key.endswith(METADATA) and key != SOURCE]
    attributes = [key for key in attributes if key not in SERVICE_KEYS]
    read: list[tuple[list[Box], list[str], ImageSize | None]] = []
    for key in attributes:
        if isinstance(entry.get(key + METADATA), dict):
            read.append(_attribute(entry[key], entry[key + METADATA], path, f"{place}, {key}"))
        else:
            report.note(f"the attribute {key!r} has no metadata: it is left out", place)
    size = next((size for _, _, size in read if size), None)
    return Picture(
        name,
        size.width if size else None,
        size.height if size else None,
        tuple(box for boxes, _, _ in read for box in boxes),
        tuple(dict.fromkeys(label for _, labels, _ in read for label in labels)),
        labelled=bool(read),
        place=place,
    )


def _attribute(
    value: Any, metadata: dict[str, Any], path: Path, place: str
) -> tuple[list[Box], list[str], ImageSize | None]:
    """Return the boxes, the labels of the whole picture, and the size in an attribute."""
    kind = metadata.get("type")
    if kind == CLASSIFICATION:
        return [], [parse(CLASS_NAMES, metadata, path, place, ADVICE).name], None
    if kind not in (DETECTION, MULTILABEL):  # a list, unlike a text, has no hash
        raise InvalidDataset(path, place, f"the type {kind!r} is unknown", ADVICE)
    names = parse(CLASS_MAPS, metadata, path, place, ADVICE).names
    try:
        if kind == MULTILABEL:
            numbers = parse(CLASS_IDS, value, path, place, ADVICE)
            return [], [names[str(number)] for number in numbers], None
        found = parse(DETECTIONS, value, path, place, ADVICE)
        return [_box(one, names) for one in found.annotations], [], found.size
    except KeyError as error:
        problem = f"the class {error} is not in its class-map"
        raise InvalidDataset(path, place, problem, ADVICE) from None


def _box(one: Annotation, names: dict[str, str]) -> Box:
    return Box(names[str(one.class_id)], one.left, one.top, one.width, one.height)


def write(dataset: Dataset, target: Path, options: WriteOptions, report: Report) -> None:
    """Write the data set as one manifest. Raises InvalidDataset if a size is not known."""
    if options.stored_pixels:
        problem = "Custom Labels' boxes are always of the upright picture"
        raise InvalidDataset(target, "", problem, "Leave out --stored-pixels")
    numbers: dict[str, int] = {}
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for picture in dataset.pictures:
            note_lost(report, picture, "a manifest", {"labels"})
            line = entry(to_write(picture, options), numbers, target, report)
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    unused = [label for label in dataset.labels if label not in numbers]
    if unused:
        what = "a manifest has no list of labels: one that no picture has is left out"
        report.note(what, unused[0], len(unused))


def entry(
    picture: Picture, numbers: dict[str, int], file: object, report: Report
) -> dict[str, Any]:
    """Return the JSON object of a picture's line; `numbers` gets each label's class id."""
    line: dict[str, Any] = {SOURCE: picture.name}
    for label in (*(box.label for box in picture.boxes), *picture.labels):
        numbers.setdefault(label, len(numbers))
    if picture.is_empty and picture.width is None:
        report.note("nothing in it, but of unknown size: written as not labelled", picture.name)
    elif picture.boxes or picture.is_empty:
        if picture.boxes and picture.labels:
            what = "boxes and labels of whole pictures in one manifest: the service uses one kind"
            report.note(what, picture.name)
        line |= _detection(picture, numbers, file, report)
    for label in picture.labels:
        key = f"label{numbers[label]}"
        details = {"class-name": label, "confidence": 1, "type": CLASSIFICATION}
        line |= {key: 1, key + METADATA: details | _provenance(key)}
    return line


def _detection(
    picture: Picture, numbers: dict[str, int], file: object, report: Report
) -> dict[str, Any]:
    width, height = known_size(picture, file)
    annotations = []
    for box in picture.boxes:
        left, top = round(box.left), round(box.top)
        right, bottom = max(round(box.right), left + 1), max(round(box.bottom), top + 1)
        if (left, top, right, bottom) != (box.left, box.top, box.right, box.bottom):
            what = "a manifest has whole pixels: the box is rounded"
            report.note(what, picture.name)
        sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
        annotations.append({"class_id": numbers[box.label], **sides})
    used = {str(numbers[box.label]): box.label for box in picture.boxes}
    size = {"width": width, "height": height, "depth": 3}
    details = {"objects": [{"confidence": 1}] * len(annotations), "class-map": used}
    details |= {"type": DETECTION} | _provenance("boxes")
    return {"boxes": {"image_size": [size], "annotations": annotations}, "boxes-metadata": details}


def _provenance(key: str) -> dict[str, str]:
    """Return the required fields; a fixed date, so that the same data give the same bytes."""
    return {
        "human-annotated": "yes",
        "creation-date": "2000-01-01T00:00:00.000000",
        "job-name": f"labeling-job/{key}",
    }
