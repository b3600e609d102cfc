"""Boxes with their labels, drawn by matplotlib on a copy of the picture.

Only what is painted is drawn, small, and kept: a label for the next box that says the same, a
rectangle's corners for every rectangle of the same line. A whole picture's canvas costs six times
as much.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform
from PIL import Image
from PIL.Image import Resampling

from rubberduck.core.models import Box
from rubberduck.core.outlines import Outline, outlines

# A power of two: width / DPI * DPI is then exact, so a drawing has the size that was asked for.
DPI = 64
POINTS = 72 / DPI  # matplotlib measures lines and letters in points
YELLOW, INK = "#ffd43b", "#1b1b1b"
CLEAR_OF_EDGE = 2  # pixels
LEAST_LETTERS = 1.0  # points
KEPT = 256  # drawings of each kind; a label of a large picture is about 60 kB
Area = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


def draw_boxes(image: Image.Image, boxes: Iterable[Box]) -> Image.Image:
    """A copy of an RGB image, of the same size, with the boxes drawn on it."""
    marked = image.copy()
    line = max(2.0, min(image.size) / 250)
    letters = max(11.0, min(image.size) / 26)
    plates: list[Area] = []
    framed = outlines(boxes, image.size)
    for frame in framed:
        _draw_rectangle(marked, frame, line)
    for frame in framed:  # after all rectangles, so that none crosses out a label
        label = _label(frame.text, letters, image.width - 2 * CLEAR_OF_EDGE)
        plates.append(_place(frame, label.size, image.size, line, plates))
        marked.paste(label, plates[-1], label)
    return marked


class Piece(NamedTuple):
    """A part of a small drawing's width or height, and the part of the picture that it covers."""

    source: int
    at: int
    length: int
    stretched: bool = False  # out of one row or column


def _draw_rectangle(marked: Image.Image, frame: Outline, line: float) -> None:
    """From a small one: its corners as they are, its sides stretched."""
    margin = ceil(line) + 1
    # Between its ends, a side that is longer than this looks the same everywhere.
    most = 2 * margin + 1
    width, height = frame.right - frame.left, frame.bottom - frame.top
    small = _rectangle(min(width, most), min(height, most), line, margin)
    columns = _pieces(frame.left, width, most, margin)
    rows = _pieces(frame.top, height, most, margin)
    for column, row in product(columns, rows):
        if column.stretched and row.stretched:
            continue  # nothing is painted in the middle
        from_x, from_y = column.source, row.source
        to_x = from_x + (1 if column.stretched else column.length)
        to_y = from_y + (1 if row.stretched else row.length)
        piece = small.resize(
            (column.length, row.length), Resampling.NEAREST, (from_x, from_y, to_x, to_y)
        )
        marked.paste(piece, (column.at, row.at), piece)


def _pieces(start: int, length: int, most: int, margin: int) -> list[Piece]:
    if length <= most:
        return [Piece(0, start - margin, length + 2 * margin)]
    end = 2 * margin
    return [
        Piece(0, start - margin, end),
        Piece(end, start + margin, length - end, stretched=True),
        Piece(end + 1, start + length - margin, end),
    ]


@lru_cache(KEPT)
def _rectangle(width: int, height: int, line: float, margin: int) -> Image.Image:
    figure = _figure(width + 2 * margin, height + 2 * margin)
    figure.add_artist(
        Rectangle(
            (margin, margin),
            width,
            height,
            fill=False,
            edgecolor=YELLOW,
            linewidth=line * POINTS,
            joinstyle="round",
            # A dark rim on both sides keeps the line visible on yellow and on white.
            path_effects=[Stroke(linewidth=2 * line * POINTS, foreground=INK), Normal()],
            transform=IdentityTransform(),
        )
    )
    return _drawn(figure)


@lru_cache(KEPT)
def _label(text: str, letters: float, widest: int) -> Image.Image:
    """The words on their plate; written smaller if they would be wider than that."""
    figure = _figure(1, 1)
    words = figure.text(
        0,
        0,
        text,
        fontsize=letters * POINTS,
        color=INK,
        parse_math=False,
        verticalalignment="bottom",
        bbox={"boxstyle": "round,pad=0.25", "facecolor": YELLOW, "edgecolor": INK, "linewidth": 1},
        transform=IdentityTransform(),
    )
    plate = _plate(words)
    # Letters do not shrink evenly: try. Below a point matplotlib does not shrink them at all.
    while plate.width > widest - 2 and letters > LEAST_LETTERS:
        letters *= 0.9
        words.set_fontsize(letters * POINTS)
        plate = _plate(words)
    words.set_position((1 - floor(plate.x0), 1 - floor(plate.y0)))
    figure.set_size_inches((ceil(plate.width) + 2) / DPI, (ceil(plate.height) + 2) / DPI)
    return _drawn(figure)


def _plate(words: Text) -> Bbox:
    """The plate's place in pixels, known only once the words are written."""
    figure, plate = words.get_figure(), words.get_bbox_patch()
    assert isinstance(figure, Figure)
    assert plate is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    words.update_bbox_position_size(renderer)
    return plate.get_window_extent(renderer)


def _place(
    frame: Outline, label: tuple[int, int], size: tuple[int, int], line: float, others: list[Area]
) -> Area:
    """Where the label goes: on its box, inside the picture, off the `others` if it can be."""
    width, height = label
    x = _between(frame.left - round(line), CLEAR_OF_EDGE, size[0] - CLEAR_OF_EDGE - width)
    above, below = frame.top - height, frame.bottom
    inside = (frame.top + row * height for row in range(8))
    for wanted in (above, below, *inside):
        y = _between(wanted, CLEAR_OF_EDGE, size[1] - CLEAR_OF_EDGE - height)
        area = (x, y, x + width, y + height)
        if not any(_meet(area, other) for other in others):
            break
    return area


def _between(wanted: int, least: int, most: int) -> int:
    return max(min(wanted, most), least)


def _meet(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _figure(width: int, height: int) -> Figure:
    """A transparent sheet of so many pixels, measured from its lower left corner."""
    return Figure(figsize=(width / DPI, height / DPI), dpi=DPI, frameon=False)


def _drawn(figure: Figure) -> Image.Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba()))
