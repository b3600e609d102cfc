"""Places for the tabs on which outlines are named: outside their boxes, covering nothing else."""

import math
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from rubberduck.core.outlines import Outline

# What a tab costs for each pixel that it covers, from harmless to unreadable. Heads and faces are
# in the upper half of a box.
LOWER_HALF, OWN_LOWER_HALF, UPPER_HALF, OTHER_TAB = 3, 5, 50, 1000
FONT_SIZE = 1 / 32  # of the picture's longer side
MIN_FONT_SIZE = 11.0  # pixels
HEIGHT, PADDING = 1.4, 0.8  # of a tab, and the sum of both sides' padding, in font sizes
EDGE = 2  # pixels that stay free between a tab and the picture's edge
NARROW, WIDE = 0.62, 1.05  # widths of a bold character, in font sizes


class Area(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float


def font_size(size: tuple[int, int]) -> float:
    """Return the height of the letters in pixels of a picture of that size."""
    return max(MIN_FONT_SIZE, max(size) * FONT_SIZE)


def tab_size(text: str, font: float) -> tuple[float, float]:
    """Estimate the width and height of a tab where its text cannot be measured.

    >>> tab_size("1", 10.0), tab_size("鴨", 10.0)
    ((14.2, 14.0), (18.5, 14.0))
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    width = NARROW * (len(text) - wide) + WIDE * wide + PADDING
    return font * width, font * HEIGHT


def tab_texts(outlines: Sequence[Outline]) -> list[list[str]]:
    """Return the texts of the tabs, in one or two versions; the second is for crowded pictures.

    One object is named on its tab. Several of the same name need it only once, in a list beside
    the picture; their tabs have the percentages.

    >>> ducks = [Outline(0, 0, 9, 9, "Rubber duck 98%"), Outline(9, 0, 19, 9, "Rubber duck 91%")]
    >>> tab_texts(ducks[:1]), tab_texts(ducks)
    ([['Rubber duck 98%']], [['98%', '91%']])
    """
    full = [outline.text for outline in outlines]
    percentages = [outline.percentage for outline in outlines]
    if len(outlines) == 1:
        return [full]
    names = {outline.name for outline in outlines}
    return [percentages] if len(names) == 1 else [full, percentages]


def place_tabs(
    outlines: Sequence[Outline],
    tabs: Sequence[tuple[float, float]],
    size: tuple[int, int],
    gap: float,
) -> tuple[list[Area], bool]:
    """Return the area of each outline's tab, and whether any of them covers a tab or a head.

    `tabs` are their widths and heights, `size` is that of the picture, all in pixels. `gap` keeps
    a tab clear of its box's line.

    >>> place_tabs([Outline(10, 20, 60, 80, "Duck 98%")], [(30, 12)], (100, 100), gap=2)
    ([Area(left=10, top=6, right=40, bottom=18)], False)
    """
    taken: list[Area] = []
    is_covering = False
    for number, tab in enumerate(tabs):
        lowest, best = math.inf, None
        for left, top in _candidates(outlines[number], tab, size, gap):
            place = Area(left, top, left + tab[0], top + tab[1])
            cost = _cost(outlines, number, taken, place)
            if cost < lowest:
                lowest, best = cost, place
            if not cost:
                break  # mostly the first place: no other can be better
        assert best is not None
        taken.append(best)
        is_covering |= lowest > OWN_LOWER_HALF * tab[0] * tab[1]
    return taken, is_covering


def _candidates(
    box: Outline, tab: tuple[float, float], size: tuple[int, int], gap: float
) -> list[tuple[float, float]]:
    """Return left upper corners: above, below and beside the box, then inside it."""
    width, height = tab
    last = [max(whole - side - EDGE, 0) for whole, side in zip(size, tab, strict=True)]
    first = [min(EDGE, end) for end in last]

    def inside(x: float, y: float) -> tuple[float, float]:
        return min(max(x, first[0]), last[0]), min(max(y, first[1]), last[1])

    left, _ = inside(box.left, 0)
    right, _ = inside(box.right - width, 0)
    above, below = box.top - gap - height, box.bottom + gap
    outside = [(left, above), (right, above), (left, below), (right, below)]
    outside += [(box.left - gap - width, y) for y in (box.top, box.bottom - height)]
    outside += [(box.right + gap, y) for y in (box.top, box.bottom - height)]
    corners = [
        inside(x, y)
        for y in (box.bottom - gap - height, box.top + gap)
        for x in (box.left + gap, box.right - gap - width)
    ]
    return [place for place in outside if place == inside(*place)] + corners


def _cost(outlines: Sequence[Outline], own: int, taken: Sequence[Area], tab: Area) -> float:
    cost = OTHER_TAB * sum(_shared(tab, other) for other in taken)
    for number, box in enumerate(outlines):
        if tab.left >= box.right or box.left >= tab.right:
            continue  # early: most boxes are elsewhere
        middle = (box.top + box.bottom) / 2
        upper = _shared(tab, Area(box.left, box.top, box.right, middle))
        lower = _shared(tab, Area(box.left, middle, box.right, box.bottom))
        cost += UPPER_HALF * upper + (OWN_LOWER_HALF if number == own else LOWER_HALF) * lower
    return cost


def _shared(one: Area, other: Area) -> float:
    """Return the area that two rectangles share, in square pixels."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0) * max(height, 0)
