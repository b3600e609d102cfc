"""What the service makes of manifest lines: entries, errors on them, and lines silently dropped.

Written from the developer guide, and apart from `rubberduck.custom_models.checks`, so that the two
check each other.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MAX_LINE = 100_000
SOURCE = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
DETECTION, CLASSIFICATION = "groundtruth/object-detection", "groundtruth/image-classification"
OWN_KEYS = ("cl-metadata", "cl-errors", "errors")


@dataclass
class Entry:
    """One picture. `boxes` and `names` are what can be used of it."""

    source: str
    line: dict[str, Any]
    errors: list[str] = field(default_factory=list)
    boxes: list[tuple[str, dict[str, int]]] = field(default_factory=list)  # label, pixels
    names: list[str] = field(default_factory=list)  # labels of the whole picture
    size: tuple[int, int] | None = None
    is_labeled: bool = False

    @property
    def bucket_and_key(self) -> tuple[str, str]:
        match = SOURCE.fullmatch(self.source)
        assert match
        return match[1], match[2]

    @property
    def labels(self) -> set[str]:
        return {label for label, _ in self.boxes} | set(self.names)

    @property
    def kind(self) -> str | None:
        if self.boxes:
            return "OBJECT_LOCALIZATION"
        return "IMAGE_LEVEL_LABELS" if self.names else None

    def text(self) -> str:
        """Return the line as ListDatasetEntries gives it back."""
        extra: dict[str, Any] = {"cl-metadata": {"is_labeled": self.is_labeled}}
        if self.errors:
            found = [{"code": code, "message": f"{code}, said the fake"} for code in self.errors]
            extra["cl-errors"] = found
        return json.dumps(self.line | extra, ensure_ascii=False)


@dataclass
class Reading:
    """The entries of some lines, and how many lines were bad of how many."""

    entries: list[Entry] = field(default_factory=list)
    total: int = 0
    dropped: int = 0

    @property
    def bad(self) -> int:
        return self.dropped + sum(bool(entry.errors) for entry in self.entries)

    @property
    def is_refused(self) -> bool:
        return self.bad > 0.2 * self.total


def read_lines(data: bytes) -> Reading:
    reading, seen = Reading(), set[str]()
    lines = data.split(b"\n")
    for line in lines[:-1] if lines[-1] == b"" else lines:
        reading.total += 1
        entry = read_line(line)
        if entry is None or entry.source in seen:
            reading.dropped += 1
            continue
        seen.add(entry.source)
        reading.entries.append(entry)
    return reading


def read_line(data: bytes) -> Entry | None:
    """Return the entry, or None for a line that vanishes without a word."""
    try:
        text = data.decode()
        line = json.loads(text)
    except ValueError:
        return None
    if len(text) > MAX_LINE or not isinstance(line, dict):
        return None
    source = line.get("source-ref")
    if not isinstance(source, str) or not SOURCE.fullmatch(source):
        return None
    entry = Entry(source, {k: v for k, v in line.items() if k not in OWN_KEYS})
    names = {name.removesuffix("-metadata") for name in entry.line} - {"source-ref"}
    pairs = [name for name in names if {name, f"{name}-metadata"} <= entry.line.keys()]
    if names and not pairs:
        entry.errors.append("ERROR_NO_LABEL_ATTRIBUTES")
    for name in sorted(pairs):
        _read_attribute(entry, entry.line[name], entry.line[f"{name}-metadata"])
    return entry


def _read_attribute(entry: Entry, value: Any, metadata: Any) -> None:
    try:
        kind = metadata["type"]
        provenance = metadata["human-annotated"], metadata["creation-date"], metadata["job-name"]
        assert all(isinstance(each, str) for each in provenance)
        if kind == CLASSIFICATION:
            assert isinstance(value, int)
            assert 0 <= metadata["confidence"] <= 1
            entry.names.append(metadata["class-name"])
            entry.is_labeled = True
            return
        if kind != DETECTION:
            entry.errors.append("ERROR_UNSUPPORTED_USE_CASE_TYPE")
            return
        (size,) = value["image_size"]
        entry.size = size["width"], size["height"]
        _read_boxes(entry, value["annotations"], metadata["objects"], metadata["class-map"])
    except (AssertionError, KeyError, TypeError, ValueError):
        entry.errors.append("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT")


def _read_boxes(entry: Entry, boxes: Any, objects: Any, names: dict[str, str]) -> None:
    assert entry.size
    if len(boxes) > 50:
        entry.errors.append("ERROR_TOO_MANY_BOUNDING_BOXES")
        return
    if len(objects) < len(boxes):
        entry.errors.append("ERROR_MISSING_BOUNDING_BOX_CONFIDENCE")
    width, height = entry.size
    for box, _ in zip(boxes, objects, strict=False):
        left, top, wide, high = (box[side] for side in ("left", "top", "width", "height"))
        assert all(type(side) is int for side in (left, top, wide, high))
        shrink = min(1, 1280 / max(width, height))
        if str(box["class_id"]) not in names:
            entry.errors.append("ERROR_MISSING_CLASS_MAP_ID")
        elif left < 0 or top < 0 or left + wide > width or top + high > height:
            entry.errors.append("ERROR_INVALID_BOUNDING_BOX")
        elif min(wide, high) * shrink <= 1:
            entry.errors.append("ERROR_BOUNDING_BOX_TOO_SMALL")
        else:
            entry.boxes.append((names[str(box["class_id"])], box))
            entry.is_labeled = True
    if boxes and not entry.boxes:
        entry.errors.append("ERROR_NO_VALID_ANNOTATIONS")


def training_errors(train: list[Entry], test: list[Entry], kind: str) -> list[str]:
    """Return the codes for which a training with these usable entries fails."""
    found = []
    known, tested = _labels(train), _labels(test)
    least = 2 if kind == "IMAGE_LEVEL_LABELS" else 1
    if len(known) < least:
        found.append("ERROR_MANIFEST_TOO_FEW_USABLE_LABELS")
    if len(known) > 250:
        found.append("ERROR_MANIFEST_TOO_MANY_LABELS")
    if known and len(set(known) & set(tested)) < 0.5 * len(known):
        found.append("ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP")
    if len({entry.bucket_and_key[0] for entry in (*train, *test)}) > 1:
        found.append("ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS")
    return found


def _labels(entries: Iterable[Entry]) -> Counter[str]:
    return Counter(label for entry in entries for label in entry.labels)


def use_case(entries: Iterable[Entry]) -> str:
    """Return the kind of labels that the service chooses: that of most lines."""
    kinds = Counter(entry.kind for entry in entries if entry.kind)
    return kinds.most_common(1)[0][0] if kinds else "NOT_DETERMINED"
