"""Draw boxes and their labels on a copy of a picture, with matplotlib.

matplotlib draws small images only, which are cached and pasted: each label, and a small rectangle
whose sides are stretched. A canvas of the picture's size takes six times as long.

Artists are drawn by its Agg renderer, without a Figure: `matplotlib.figure` imports the axes of all
its projections, for which the first picture would wait 80 ms more.
"""

from collections.abc import Iterable
from functools import lru_cache, partial
from itertools import product
from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform
from PIL import Image
from PIL.Image import Resampling

from rubberduck.core.models import Box
from rubberduck.core.outlines import Outline, outlines
from rubberduck.core.tabs import font_size, place_tabs, tab_texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A power of two: width / DPI * DPI is then exact, so that a figure has the requested size.
DPI = 64
POINTS = 72 / DPI  # per pixel: matplotlib measures lines and text in points
YELLOW, INK = "#ffd43b", "#1b1b1b"
LABEL_MARGIN = 6  # pixels of the picture that stay free beside its widest label
MIN_FONT_SIZE = 1.0  # points
CACHE_SIZE = 256  # labels, and as many rectangles; a large label takes about 60 kB


def draw_boxes(image: Image.Image, boxes: Iterable[Box], thing: str | None = None) -> Image.Image:
    """Return a copy of an RGB image, of the same size, with the boxes drawn on it.

    `thing` names an object that several labels box together.
    """
    marked = image.copy()
    draw_on(marked, boxes, thing)
    return marked


def draw_on(image: Image.Image, boxes: Iterable[Box], thing: str | None = None) -> None:
    """Draw the boxes on an RGB image itself, as `draw_boxes` does on a copy."""
    line = line_width(image.size)
    drawn = outlines(boxes, image.size, thing)
    for outline in drawn:
        draw_rectangle(image, outline, line)
    draw_label = partial(label_image, font_size=font_size(image.size), max_width=image.width)
    for texts in tab_texts(drawn):
        labels = [draw_label(text) for text in texts]
        areas, is_covering = place_tabs(drawn, [label.size for label in labels], image.size, line)
        if not is_covering:
            break
    for area, label in zip(areas, labels, strict=True):  # after the rectangles: none covers a label
        image.paste(label, (round(area.left), round(area.top)), label)


def draw_rectangles(image: Image.Image, boxes: Iterable[Box]) -> Image.Image:
    """Return a copy of an RGB image with the boxes drawn on it, without labels."""
    marked = image.copy()
    for outline in outlines(boxes, image.size):
        draw_rectangle(marked, outline, line_width(image.size))
    return marked


class Piece(NamedTuple):
    """A piece of the small rectangle, in one dimension, and where it is pasted; in pixels."""

    source: int
    target: int
    length: int
    stretched: bool = False  # from one row or column


def line_width(size: tuple[int, int]) -> float:
    """Return the width of a box's line in a picture of that size, in pixels."""
    return max(2.0, min(size) / 250)


def draw_rectangle(marked: Image.Image, outline: Outline, line: float) -> None:
    """Paste a rectangle: the corners of a small one unchanged, its sides stretched."""
    margin = ceil(line) + 1
    # A side that is longer than this has identical pixel columns between its ends.
    max_side = 2 * margin + 1
    width, height = outline.right - outline.left, outline.bottom - outline.top
    small = _rectangle(min(width, max_side), min(height, max_side), line, margin)
    columns = _pieces(outline.left, width, max_side, margin)
    rows = _pieces(outline.top, height, max_side, margin)
    for column, row in product(columns, rows):
        if column.stretched and row.stretched:
            continue  # the middle is transparent
        from_x, from_y = column.source, row.source
        to_x = from_x + (1 if column.stretched else column.length)
        to_y = from_y + (1 if row.stretched else row.length)
        piece = small.resize(
            (column.length, row.length), Resampling.NEAREST, (from_x, from_y, to_x, to_y)
        )
        marked.paste(piece, (column.target, row.target), piece)


def _pieces(start: int, length: int, max_side: int, margin: int) -> list[Piece]:
    if length <= max_side:
        return [Piece(0, start - margin, length + 2 * margin)]
    end = 2 * margin
    return [
        Piece(0, start - margin, end),
        Piece(end, start + margin, length - end, stretched=True),
        Piece(end + 1, start + length - margin, end),
    ]


@lru_cache(CACHE_SIZE)
def _rectangle(width: int, height: int, line: float, margin: int) -> Image.Image:
    rectangle = Rectangle(
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
    return _render(rectangle, width + 2 * margin, height + 2 * margin)


@lru_cache(CACHE_SIZE)
def label_image(text: str, *, font_size: float, max_width: int) -> Image.Image:
    """Return the text on its background, in a smaller font if it is wider than `max_width`."""
    artist = Text(
        0,
        0,
        text,
        fontsize=font_size * POINTS,
        fontweight="bold",
        color=INK,
        parse_math=False,
        verticalalignment="bottom",
        bbox={"boxstyle": "round,pad=0.25", "facecolor": YELLOW, "edgecolor": INK, "linewidth": 1},
        transform=IdentityTransform(),
    )
    artist.set_figure(cast("Figure", _Resolution()))
    extent = _background_extent(artist)
    # Text width is not proportional to the font size: try. Fonts have at least one point.
    while extent.width > max_width - LABEL_MARGIN and font_size > MIN_FONT_SIZE:
        font_size *= 0.9
        artist.set_fontsize(font_size * POINTS)
        extent = _background_extent(artist)
    artist.set_position((1 - floor(extent.x0), 1 - floor(extent.y0)))
    return _render(artist, ceil(extent.width) + 2, ceil(extent.height) + 2)


class _Resolution:
    """What a text asks its figure for: the pixels per inch."""

    dpi = DPI

    def get_figure(self, root: bool = False) -> "_Resolution":
        return self


def _background_extent(artist: Text) -> Bbox:
    """Return the extent of the text's background in pixels."""
    background = artist.get_bbox_patch()
    assert background is not None
    renderer = RendererAgg(1, 1, DPI)
    artist.update_bbox_position_size(renderer)
    return background.get_window_extent(renderer)


def _render(artist: Artist, width: int, height: int) -> Image.Image:
    """Return the artist as a transparent RGBA image of that size; its origin is the lower left."""
    renderer = RendererAgg(width, height, DPI)
    artist.draw(renderer)
    return Image.fromarray(np.asarray(renderer.buffer_rgba()))
