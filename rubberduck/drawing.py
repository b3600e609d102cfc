"""Boxes with their labels, drawn by matplotlib on a copy of the picture."""

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from PIL import Image

from rubberduck.model import Box

# A power of two: width / DPI * DPI is then exact, so the drawing has the picture's own size.
DPI = 64
POINTS = 72 / DPI  # matplotlib measures lines and letters in points
YELLOW, INK = "#ffd43b", "#1b1b1b"
CLEAR_OF_EDGE = 2  # pixels


@dataclass(frozen=True)
class Frame:
    """One rectangle to draw, in pixels, with what is written on it."""

    left: int
    top: int
    right: int
    bottom: int
    text: str


def draw_boxes(image: Image.Image, boxes: Iterable[Box]) -> Image.Image:
    """A copy of an RGB image, of the same size, with the boxes drawn on it."""
    width, height = image.size
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, frameon=False)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False, xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for frame in frames(boxes, image.size):
        _draw(axes, canvas, frame, image.size)
    canvas.draw()
    drawing = Image.frombuffer("RGBA", image.size, canvas.buffer_rgba())
    marked = image.copy()
    marked.paste(drawing, mask=drawing)
    return marked


def frames(boxes: Iterable[Box], size: tuple[int, int]) -> list[Frame]:
    """Boxes as pixels. One thing seen as Duck, Bird and Toy at once gets one frame, not three.

    >>> [frame.text for frame in frames([Box(0, 0, 1, 1, "Duck", 98), Box(0, 0, 1, 1, "Toy", 91)],
    ...                                 (100, 100))]
    ['Duck, Toy 98%']
    """
    together: dict[tuple[int, int, int, int], list[Box]] = {}
    for box in sorted(boxes, key=lambda box: -box.confidence):
        corners = box.corners(size)
        if corners[0] < corners[2] and corners[1] < corners[3]:
            together.setdefault(corners, []).append(box)
    return [
        Frame(
            *corners,
            f"{', '.join(dict.fromkeys(box.label for box in same))} {same[0].confidence:.0f}%",
        )
        for corners, same in together.items()
    ]


def _draw(axes: Axes, canvas: FigureCanvasAgg, frame: Frame, size: tuple[int, int]) -> None:
    line = max(2.0, min(size) / 250)
    axes.add_patch(
        Rectangle(
            (frame.left, frame.top),
            frame.right - frame.left,
            frame.bottom - frame.top,
            fill=False,
            edgecolor=YELLOW,
            linewidth=line * POINTS,
            joinstyle="round",
            # A dark rim on both sides keeps the line visible on yellow and on white.
            path_effects=[Stroke(linewidth=2 * line * POINTS, foreground=INK), Normal()],
        )
    )
    letters = max(11.0, min(size) / 36)
    text = axes.text(
        frame.left,
        frame.top - line,
        frame.text,
        fontsize=letters * POINTS,
        color=INK,
        parse_math=False,
        verticalalignment="bottom",
        bbox={"boxstyle": "round,pad=0.25", "facecolor": YELLOW, "edgecolor": INK, "linewidth": 1},
    )
    # The size of the written label is known only now: move it back into the picture.
    patch = text.get_bbox_patch()
    assert patch is not None
    text.update_bbox_position_size(canvas.get_renderer())
    extent = patch.get_window_extent(canvas.get_renderer())
    width, height = size
    right = max(0.0, extent.x1 - (width - CLEAR_OF_EDGE))
    left = max(0.0, CLEAR_OF_EDGE - (extent.x0 - right))
    down = max(0.0, extent.y1 - (height - CLEAR_OF_EDGE))
    text.set_position((frame.left - right + left, frame.top - line + down))
