"""Boxes with their labels, drawn by matplotlib on a copy of the picture."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from rubberduck.model import Box, percent

# A power of two: width / DPI * DPI is then exact, so the drawing has the picture's own size.
DPI = 64
POINTS = 72 / DPI  # matplotlib measures lines and letters in points
YELLOW, INK = "#ffd43b", "#1b1b1b"
CLEAR_OF_EDGE = 2  # pixels
LEAST_LETTERS = 1.0  # points
SAME_THING = 0.8  # boxes that overlap more (IoU) are one thing under several names


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
    plates: list[Bbox] = []
    for frame in frames(boxes, image.size):
        _draw_box(axes, frame, image.size)
        plates.append(_draw_label(axes, canvas, frame, plates))
    canvas.draw()
    drawing = Image.frombuffer("RGBA", image.size, canvas.buffer_rgba())
    marked = image.copy()
    marked.paste(drawing, mask=drawing)
    return marked


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


def _line(size: tuple[int, int]) -> float:
    return max(2.0, min(size) / 250)


def _draw_box(axes: Axes, frame: Frame, size: tuple[int, int]) -> None:
    line = _line(size)
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


def _draw_label(axes: Axes, canvas: FigureCanvasAgg, frame: Frame, others: Iterable[Bbox]) -> Bbox:
    """Write the label on its box, inside the picture, off the `others`; gives its place."""
    size = canvas.get_width_height()
    line, letters = _line(size), max(11.0, min(size) / 26) * POINTS
    text = axes.text(
        frame.left,
        frame.top - line,
        frame.text,
        fontsize=letters,
        color=INK,
        parse_math=False,
        verticalalignment="bottom",
        bbox={"boxstyle": "round,pad=0.25", "facecolor": YELLOW, "edgecolor": INK, "linewidth": 1},
    )
    plate = _plate(text, canvas)
    # Letters do not shrink evenly: try. Below a point matplotlib does not shrink them at all.
    while plate.width > size[0] - 2 * CLEAR_OF_EDGE and letters > LEAST_LETTERS:
        letters *= 0.9
        text.set_fontsize(letters)
        plate = _plate(text, canvas)
    here_x, here_y = text.get_position()
    for x, y in _places(frame, plate, size, line):
        text.set_position((x, y))
        moved = plate.translated(x - here_x, here_y - y)  # matplotlib counts pixels upwards
        if not any(moved.overlaps(other) for other in others):
            break
    return moved


def _places(
    frame: Frame, plate: Bbox, size: tuple[int, int], line: float
) -> Iterator[tuple[float, float]]:
    """Where a label may stand: on the box, under it, or lower and lower inside it."""
    width, height = size
    margin = frame.left - plate.x0  # the plate is larger than its letters
    x = min(frame.left, width - CLEAR_OF_EDGE - plate.width + margin)
    x = max(x, CLEAR_OF_EDGE + margin)
    highest, lowest = plate.height + CLEAR_OF_EDGE - margin, height - CLEAR_OF_EDGE - margin
    above, below = frame.top - line, frame.bottom + line + plate.height
    inside = (frame.top + (row + 1) * plate.height for row in range(8))
    for y in (above, below, *inside):
        yield x, min(max(y, highest), lowest)


def _plate(text: Text, canvas: FigureCanvasAgg) -> Bbox:
    """The label's place in pixels, known only once it is written."""
    patch = text.get_bbox_patch()
    assert patch is not None
    text.update_bbox_position_size(canvas.get_renderer())
    return patch.get_window_extent(canvas.get_renderer())
