"""What is drawn around the boxes: one frame for each thing, with its words. Paints nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from rubberduck.core.models import Box, percent

SAME_THING = 0.8  # boxes that overlap more (IoU) are one thing under several names


@dataclass(frozen=True)
class Frame:
    """One rectangle to draw, in pixels, with what is written on it."""

    left: int
    top: int
    right: int
    bottom: int
    text: str


def frames(boxes: Iterable[Box], size: tuple[int, int]) -> list[Frame]:
    """Boxes as pixels. One thing seen as Duck, Bird and Toy gets one frame: its surest box's.

    >>> [frame.text for frame in frames([Box(0, 0, 1, 1, "Duck", 98), Box(0, 0, 1, 1, "Toy", 91)],
    ...                                 (100, 100))]
    ['Duck, Toy 98%']
    """
    together: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: -box.confidence):
        for same in together:
            if same[0].overlap(box) >= SAME_THING:
                same.append(box)
                break
        else:
            together.append([box])
    return [frame for same in together if (frame := _frame(same, size))]


def _frame(same: list[Box], size: tuple[int, int]) -> Frame | None:
    left, top, right, bottom = same[0].corners(size)
    if left == right or top == bottom:
        return None
    names = ", ".join(dict.fromkeys(box.label for box in same))
    return Frame(left, top, right, bottom, f"{names} {percent(same[0].confidence)}")
