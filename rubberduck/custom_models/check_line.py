"""Check one line of a manifest as Custom Labels does: each fault with the service's code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from rubberduck.custom_models import rules
from rubberduck.custom_models.dataset import InvalidDataset, Side, Strict
from rubberduck.custom_models.interchange.manifest import (
    CLASSIFICATION,
    DETECTION,
    MAX_LINE,
    METADATA,
    SERVICE_KEYS,
    SOURCE,
    parse_line,
)
from rubberduck.custom_models.pictures import PictureFile, PictureFolder

ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.{1,1024})", re.DOTALL)
Kind = Literal["boxes", "labels"]
Confidence = Annotated[float, Field(ge=0, le=1)]


class ImageSize(Strict):
    width: Side
    height: Side
    depth: int


class Boxes(Strict):
    image_size: Annotated[list[ImageSize], Field(min_length=1, max_length=1)]
    annotations: list[dict[str, Any]]


class Annotation(Strict):
    class_id: int
    left: int
    top: int
    width: int
    height: int


class Provenance(Strict):
    human: Annotated[Literal["yes", "no"], Field(alias="human-annotated")]
    created: Annotated[str, Field(alias="creation-date", min_length=10)]
    job: Annotated[str, Field(alias="job-name", min_length=1)]


class BoxesMetadata(Provenance):
    objects: list[Any]
    names: Annotated[dict[str, str], Field(alias="class-map")]


class LabelMetadata(Provenance):
    name: Annotated[str, Field(alias="class-name")]
    confidence: Confidence


BOXES, BOXES_METADATA = TypeAdapter(Boxes), TypeAdapter(BoxesMetadata)
LABEL, LABEL_METADATA = TypeAdapter(int, config={"strict": True}), TypeAdapter(LabelMetadata)
ANNOTATION, CONFIDENCE = TypeAdapter(Annotation), TypeAdapter(Confidence)


@dataclass
class Line:
    """What a line holds: `labels` and `usable` by kind, before and after its faults."""

    faults: list[tuple[str, str]] = field(default_factory=list)  # code, details
    source: str | None = None
    bucket: str | None = None
    labels: dict[Kind, set[str]] = field(default_factory=dict)
    usable: dict[Kind, set[str]] = field(default_factory=dict)

    def fault(self, code: str, details: str = "") -> None:
        self.faults.append((code, details))

    @property
    def is_bad(self) -> bool:
        bad = {rules.ERROR, rules.DROPPED}
        return any(rules.RULES[code].effect in bad for code, _ in self.faults)


def check_line(data: bytes, folder: PictureFolder | None = None) -> Line:
    """Return a line's contents and faults; with a folder, its picture file is checked too."""
    line = Line()
    try:
        entry = parse_line(data)
    except ValueError as error:
        too_long = str(MAX_LINE) in str(error).replace(",", "")
        line.fault("LINE_TOO_LONG" if too_long else "ERROR_INVALID_JSON_LINE", str(error))
        return line
    source = entry.get(SOURCE)
    if not source:
        line.fault("ERROR_MISSING_SOURCE_REF")
        return line
    match = ADDRESS.fullmatch(source) if isinstance(source, str) else None
    if match is None:
        line.fault("ERROR_INVALID_SOURCE_REF_FORMAT", str(source)[:200])
        return line
    line.source, line.bucket = source, match[1]
    picture = _check_picture(line, source, folder) if folder else None
    _check_attributes(line, entry, picture)
    if any(code in IMAGE_FAULTS for code, _ in line.faults):
        line.usable = {}
    return line


IMAGE_FAULTS = {"ERROR_INVALID_IMAGE", "ERROR_INVALID_IMAGE_DIMENSION"}


def _check_picture(line: Line, source: str, folder: PictureFolder) -> PictureFile | None:
    try:
        picture = folder.header(source)
    except InvalidDataset as error:
        line.fault("ERROR_INVALID_IMAGE", error.problem)
        return None
    if picture is None:
        line.fault("PICTURE_NOT_FOUND", source)
        return None
    if picture.format not in {"JPEG", "MPO", "PNG"}:
        line.fault("ERROR_INVALID_IMAGE", f"it is {picture.format}")
    elif picture.bytes > rules.MAX_PICTURE_BYTES:
        line.fault("ERROR_INVALID_IMAGE", f"it has {picture.bytes:,} bytes")
    _check_sides(line, picture.width, picture.height)
    return picture


def _check_sides(line: Line, width: int, height: int) -> None:
    short, long = sorted((width, height))
    fits = short >= rules.MIN_SIDE and long <= rules.MAX_SIDE and long < rules.MAX_ASPECT * short
    known = any(code == "ERROR_INVALID_IMAGE_DIMENSION" for code, _ in line.faults)
    if not fits and not known:
        line.fault("ERROR_INVALID_IMAGE_DIMENSION", f"{width} x {height}")


def _check_attributes(line: Line, entry: dict[str, Any], picture: PictureFile | None) -> None:
    names = {key.removesuffix(METADATA) for key in entry} - {SOURCE, *SERVICE_KEYS, "cl"}
    pairs = sorted(name for name in names if name in entry and name + METADATA in entry)
    if not names:
        line.fault("WARNING_UNANNOTATED_RECORD")
        return
    if not pairs:
        line.fault("ERROR_NO_LABEL_ATTRIBUTES", ", ".join(sorted(names))[:200])
        return
    empty, valid = [], 0
    for name in pairs:
        outcome = _check_attribute(line, name, entry[name], entry[name + METADATA], picture)
        valid += outcome is not None
        if outcome == 0:
            empty.append(name)
    if not valid:
        line.fault("ERROR_NO_VALID_LABEL_ATTRIBUTES", ", ".join(pairs)[:200])
    elif empty and len(empty) == len(pairs):
        line.fault("WARNING_NO_ANNOTATIONS")
    elif empty:
        line.fault("WARNING_NO_ATTRIBUTE_ANNOTATIONS", ", ".join(empty)[:200])
    if len(line.labels.get("labels", ())) > rules.MAX_BOXES:
        line.fault("TOO_MANY_LABELS_OF_A_PICTURE", f"{len(line.labels['labels'])} labels")
        line.usable.pop("labels", None)


def _check_attribute(
    line: Line, name: str, value: Any, metadata: Any, picture: PictureFile | None
) -> int | None:
    """Return how many annotations the attribute has, None if it cannot be used."""
    kind = metadata.get("type") if isinstance(metadata, dict) else None
    if kind not in (DETECTION, CLASSIFICATION):  # a list, unlike a text, has no hash
        known = isinstance(metadata, dict) and isinstance(kind, str)
        code = "UNSUPPORTED_USE_CASE_TYPE" if known else "INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"
        line.fault(f"ERROR_{code}", f"{name}: {kind!r}")
        return None
    of_boxes = kind == DETECTION
    problem = _problem(BOXES_METADATA if of_boxes else LABEL_METADATA, metadata)
    if problem:
        line.fault("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", f"{name}: {problem}")
        return None
    problem = _problem(BOXES if of_boxes else LABEL, value)
    if problem:
        line.fault("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", f"{name}: {problem}")
        return None
    labels = set(metadata["class-map"].values()) if of_boxes else {metadata["class-name"]}
    wrong = [label for label in labels if not 1 <= len(label) <= rules.MAX_LABEL_LENGTH]
    for label in wrong:
        line.fault("ERROR_INVALID_LABEL_NAME_LENGTH", f"{name}: {label[:40]!r}")
    if of_boxes:
        return _check_boxes(line, name, value, metadata, picture)
    line.labels.setdefault("labels", set()).update(labels)
    line.usable.setdefault("labels", set()).update(labels - set(wrong))
    return None if wrong else 1


def _problem(adapter: TypeAdapter[Any], value: Any) -> str | None:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return ": ".join([".".join(str(step) for step in first["loc"]), first["msg"]])
    return None


def _check_boxes(
    line: Line, name: str, value: Any, metadata: Any, picture: PictureFile | None
) -> int | None:
    width, height = value["image_size"][0]["width"], value["image_size"][0]["height"]
    if picture and (width, height) != picture.size:
        real = f"{picture.width} x {picture.height}"
        line.fault("IMAGE_SIZE_DIFFERS", f"{name}: {width} x {height}, the picture has {real}")
    _check_sides(line, width, height)
    boxes, names, objects = value["annotations"], metadata["class-map"], metadata["objects"]
    if not boxes:
        return 0
    if len(boxes) > rules.MAX_BOXES:
        line.fault("ERROR_TOO_MANY_BOUNDING_BOXES", f"{name}: {len(boxes)} boxes")
        return None
    seen = line.labels.setdefault("boxes", set())
    usable = set()
    for number, box in enumerate(boxes):
        faults = list(_box_faults(box, names, objects[number : number + 1], (width, height)))
        for code, details in faults:
            line.fault(code, f"{name}, annotation {number}{details and ': '}{details}")
        label = names.get(str(box.get("class_id")))
        if label is not None:
            seen.add(label)
            if not faults and 1 <= len(label) <= rules.MAX_LABEL_LENGTH:
                usable.add(label)
    if not usable:
        line.fault("ERROR_NO_VALID_ANNOTATIONS", name)
        return None
    line.usable.setdefault("boxes", set()).update(usable)
    return len(boxes)


def _box_faults(
    box: dict[str, Any], names: dict[str, str], objects: list[Any], size: tuple[int, int]
) -> Iterator[tuple[str, str]]:
    problem = _problem(ANNOTATION, box)
    if problem:
        yield "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", problem
        return
    confidence = objects[0].get("confidence") if objects and isinstance(objects[0], dict) else None
    if _problem(CONFIDENCE, confidence):
        yield "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", ""
    if str(box["class_id"]) not in names:
        yield "ERROR_MISSING_CLASS_MAP_ID", f"class_id {box['class_id']}"
    left, top, wide, high = (box[side] for side in ("left", "top", "width", "height"))
    width, height = size
    place = f"{wide} x {high} at ({left}, {top})"
    if min(left, top) < 0 or min(wide, high) <= 0 or left + wide > width or top + high > height:
        yield "ERROR_INVALID_BOUNDING_BOX", f"{place} in {width} x {height}"
    elif min(wide, high) * min(1, rules.SHRUNK_SIDE / max(size)) <= 1:
        yield "ERROR_BOUNDING_BOX_TOO_SMALL", f"{place} in {width} x {height}"
