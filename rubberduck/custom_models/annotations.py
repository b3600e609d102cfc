"""What somebody says a picture of a project shows: boxes and labels, their rules, and agreement.

Boxes are pixels of the upright picture, and their `label` is the id of a label of the project. A
picture with neither boxes nor labels shows nothing of the project.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rubberduck.core.models import Box as Fractions
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.errors import InvalidAnnotation
from rubberduck.custom_models.rules import MAX_BOXES, SHRUNK_SIDE

MATCHING_OVERLAP = 0.5  # intersection over union, as detection benchmarks count a hit


@dataclass(frozen=True)
class Annotation:
    """Boxes, and ids of labels of the whole picture."""

    boxes: tuple[Box, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.boxes and not self.labels

    def to_row(self) -> dict[str, Any]:
        """Return the values of the columns `boxes` and `labels`."""
        return {"boxes": [asdict(box) for box in self.boxes], "labels": list(self.labels)}


@dataclass(frozen=True)
class Suggestion:
    """An annotation to confirm; `scores` are those of its boxes, 0 to 1.

    `version` is the number of the model's version, None for what came with the picture.
    """

    version: int | None
    annotation: Annotation
    scores: tuple[float, ...] = ()


def from_row(row: Mapping[Any, Any]) -> Annotation:
    return Annotation(tuple(Box(**box) for box in row["boxes"]), tuple(row["labels"]))


@dataclass(frozen=True)
class AnnotationRules:
    """What an annotation of one picture may say: the project's kind and labels, its own size."""

    kind: str
    label_ids: Collection[str]
    width: int
    height: int

    def allows(self, annotation: Annotation) -> bool:
        try:
            self.check(annotation)
        except InvalidAnnotation:
            return False
        return True

    def check(self, annotation: Annotation) -> None:
        """Raise InvalidAnnotation, naming the first box or label that breaks a rule."""
        if self.kind == "pictures" and annotation.boxes:
            raise InvalidAnnotation("This project labels whole pictures, so it takes no boxes.")
        if self.kind == "boxes" and annotation.labels:
            raise InvalidAnnotation("This project takes boxes and no labels of whole pictures.")
        if len(annotation.boxes) > MAX_BOXES:
            raise InvalidAnnotation(
                "There are {number} boxes, and a picture takes at most {most}. Remove some, or "
                "crop the picture into several.",
                number=len(annotation.boxes),
                most=MAX_BOXES,
            )
        if len(set(annotation.labels)) < len(annotation.labels):
            raise InvalidAnnotation("A label is given twice.")
        for label in annotation.labels:
            if label not in self.label_ids:
                raise InvalidAnnotation("The project does not have one of the labels any more.")
        for number, box in enumerate(annotation.boxes, 1):
            self._check_box(number, box)

    def _check_box(self, number: int, box: Box) -> None:
        if box.label not in self.label_ids:
            raise InvalidAnnotation(
                "The project does not have the label of box {number} any more. Choose another one "
                "for it, or remove it.",
                number=number,
            )
        is_inside = box.left >= 0 and box.top >= 0
        if not is_inside or box.right > self.width or box.bottom > self.height:
            raise InvalidAnnotation(
                "Box {number} reaches out of the picture, which has {width} x {height} pixels.",
                number=number,
                width=self.width,
                height=self.height,
            )
        shrunk = min(1.0, SHRUNK_SIDE / max(self.width, self.height))
        if min(box.width, box.height) * shrunk <= 1:
            raise InvalidAnnotation(
                "Box {number} is too small: once the picture is shrunk to {side} pixels, it must "
                "be larger than 1 x 1 pixel.",
                number=number,
                side=SHRUNK_SIDE,
            )


def agreement(given: Annotation, truth: Annotation) -> float:
    """Return how far an annotation agrees with the truth: F1 of boxes and labels, 0 to 1.

    A box is right if it overlaps a box of the truth of the same label by half (intersection over
    union), each box of the truth counting once. Two empty annotations agree.

    >>> duck, goose = Box("duck", 0, 0, 10, 10), Box("goose", 50, 0, 10, 10)
    >>> agreement(Annotation((duck,)), Annotation((duck, goose)))
    0.6666666666666666
    >>> agreement(Annotation(), Annotation()), agreement(Annotation(), Annotation((duck,)))
    (1.0, 0.0)
    """
    whole = len(given.boxes) + len(truth.boxes) + len(given.labels) + len(truth.labels)
    if not whole:
        return 1.0
    labels = Counter(given.labels) & Counter(truth.labels)
    return 2 * (_matches(given.boxes, truth.boxes) + labels.total()) / whole


def _matches(given: Sequence[Box], truth: Sequence[Box]) -> int:
    """Return the number of pairs of boxes, the closest pair first."""
    pairs = sorted(
        (
            (_fractions(one).overlap(_fractions(other)), i, j)
            for i, one in enumerate(given)
            for j, other in enumerate(truth)
            if one.label == other.label
        ),
        reverse=True,
    )
    ours, theirs = set[int](), set[int]()
    for overlap, i, j in pairs:
        if overlap >= MATCHING_OVERLAP and i not in ours and j not in theirs:
            ours.add(i)
            theirs.add(j)
    return len(ours)


def _fractions(box: Box) -> Fractions:
    """Return the box for computing overlaps, for which the unit does not matter."""
    return Fractions(box.left, box.top, box.width, box.height, box.label, 0)


def box_in_pixels(place: Fractions, label_id: str, size: tuple[int, int]) -> Box:
    """Return a box in whole pixels of a picture of this size, clipped to it."""
    left, top, right, bottom = place.corners(size)
    return Box(label_id, left, top, right - left, bottom - top)
