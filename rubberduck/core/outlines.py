"""Outlines to draw around boxes: overlapping boxes become one outline with one text."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from rubberduck.core.models import Box, percent

SAME_THING_IOU = 0.8  # boxes that overlap more are one object under several labels

Pixels = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Outline:
    """An outline to draw around one object, in pixels of the picture, and its caption."""

    left: Pixels
    top: Pixels
    right: Pixels
    bottom: Pixels
    text: str

    @property
    def name(self) -> str:
        """Return the caption without its percentage.

        >>> Outline(0, 0, 9, 9, "Rubber duck 98%").name
        'Rubber duck'
        """
        return self.text.rpartition(" ")[0]

    @property
    def percentage(self) -> str:
        """Return the end of the caption.

        >>> Outline(0, 0, 9, 9, "Rubber duck 98%").percentage
        '98%'
        """
        return self.text.rpartition(" ")[2]


def outlines(
    boxes: Iterable[Box], size: tuple[int, int], thing: str | None = None
) -> list[Outline]:
    """Return one outline for each object in a picture of `size` (width, height) pixels.

    An object labelled Duck, Bird and Toy gets the outline of its most confident box, and is called
    `thing`, what the question looks for; without one, by all of its labels.

    >>> boxes = [Box(0, 0, 1, 1, "Duck", 98), Box(0, 0, 1, 1, "Toy", 91)]
    >>> [outline.text for outline in outlines(boxes, (100, 100))]
    ['Duck, Toy 98%']
    >>> [outline.text for outline in outlines(boxes, (100, 100), "Rubber duck")]
    ['Rubber duck 98%']
    """
    captioned = (_outline(box, size) for box in merge_boxes(boxes, thing))
    return [outline for outline in captioned if outline]


def merge_boxes(boxes: Iterable[Box], thing: str | None = None) -> list[Box]:
    """Return one box for each object: overlapping boxes become the most confident one.

    >>> boxes = [Box(0, 0, 1, 1, "Duck", 98), Box(0, 0, 1, 1, "Toy", 91)]
    >>> [(box.label, box.confidence) for box in merge_boxes(boxes, "Rubber duck")]
    [('Rubber duck', 98)]
    """
    objects: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: -box.confidence):
        for same in objects:
            if same[0].overlap(box) >= SAME_THING_IOU:
                same.append(box)
                break
        else:
            objects.append([box])
    return [replace(same[0], label=_name(same, thing)) for same in objects]


def _name(same: list[Box], thing: str | None) -> str:
    names = dict.fromkeys(box.label for box in same)
    return thing if thing and len(names) > 1 else ", ".join(names)


def _outline(box: Box, size: tuple[int, int]) -> Outline | None:
    left, top, right, bottom = box.corners(size)
    if left == right or top == bottom:
        return None
    return Outline(left, top, right, bottom, f"{box.label} {percent(box.confidence)}")
