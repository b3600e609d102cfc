"""Plots of `flask evaluate`: precision and recall, calibration, a contact sheet of mistakes."""

import io
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from rubberduck.core.models import Box, percent
from rubberduck.imaging.draw import draw_boxes
from rubberduck.scoring.detection import Outcome

BLUE, GREY, RED = "#1f6feb", "#8c959f", "#c93c37"
BINS = 10  # of the calibration chart
LOW = 15  # percent: the counts of lower points are drawn above them, of others below
COLUMNS = 6  # of the contact sheet
MAX_EXAMPLES = 60
THUMBNAIL = 320  # pixels of the longer side, or more if the shorter side falls below the minimum
MIN_THUMBNAIL_SIDE = 80  # pixels; room for a label
MAX_NAME_LENGTH = 60


@dataclass(frozen=True)
class Example:
    """An answer, and a thumbnail with the boxes of that answer, if any."""

    outcome: Outcome
    name: str
    image: Image.Image


def precision_and_recall(
    outcomes: Sequence[Outcome],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return precision and recall (0 to 1) for each distinct score as threshold, highest first."""
    scores = np.array([outcome.score for outcome in outcomes])
    truths = np.array([outcome.truth for outcome in outcomes])
    order = np.argsort(-scores, kind="stable")
    scores, truths = scores[order], truths[order]
    last = np.append(scores[1:] != scores[:-1], True)  # the last outcome of each score
    hits = np.cumsum(truths)[last]
    called = np.arange(1, len(scores) + 1)[last]
    return hits / called, hits / max(1, truths.sum())


def reliability(outcomes: Sequence[Outcome]) -> list[tuple[float, float, int]]:
    """Return, for each non-empty tenth of the scores: mean score, percent of ducks, count."""
    scores = np.array([outcome.score for outcome in outcomes])
    truths = np.array([outcome.truth for outcome in outcomes])
    rows = []
    for low, high in pairwise(np.linspace(0, 100, BINS + 1)):
        here = (scores >= low) & ((scores < high) | (high == 100))
        if here.any():
            rows.append(
                (float(scores[here].mean()), float(100 * truths[here].mean()), int(here.sum()))
            )
    return rows


def plot(outcomes: Sequence[Outcome], threshold: float) -> bytes:
    """Return a PNG with precision over recall and calibration. `threshold` is in percent."""
    figure = Figure(figsize=(11, 5), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_precision_and_recall(left, outcomes, threshold)
    _draw_reliability(right, outcomes, threshold)
    return _png(figure)


def _draw_precision_and_recall(axes: Axes, outcomes: Sequence[Outcome], threshold: float) -> None:
    ducks = sum(outcome.truth for outcome in outcomes)
    if 0 < ducks < len(outcomes):
        precision, recall = precision_and_recall(outcomes)
        axes.plot(recall, precision, color=BLUE, drawstyle="steps-pre")
    else:
        axes.text(0.5, 0.5, "It takes pictures with and without a duck.", ha="center")
    called = [outcome.truth for outcome in outcomes if outcome.found]
    if called and ducks:
        here = (sum(called) / ducks, sum(called) / len(called))
        axes.plot(*here, "o", color=RED, label=f"as it answers, at {percent(threshold)}")
        axes.legend(loc="lower left")
    axes.set(
        title=f"Pictures with a duck: {ducks}, without: {len(outcomes) - ducks}",
        xlabel="recall: ducks that were found",
        ylabel="precision: answers that were right",
        xlim=(0, 1.02),
        ylim=(0, 1.04),
    )
    axes.grid(alpha=0.3)


def _draw_reliability(axes: Axes, outcomes: Sequence[Outcome], threshold: float) -> None:
    rows = reliability(outcomes)
    axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", label="as it should be")
    axes.axvline(threshold, color=RED, linewidth=1, label=f"threshold, {percent(threshold)}")
    axes.plot([score for score, _, _ in rows], [ducks for _, ducks, _ in rows], "o-", color=BLUE)
    for score, ducks, count in rows:
        offset = (6, 6) if ducks < LOW else (-6 - 6 * len(str(count)), -12)
        axes.annotate(str(count), (score, ducks), xytext=offset, textcoords="offset points")
    axes.legend(loc="lower right")
    axes.set(
        title="Calibration (the numbers count pictures)",
        xlabel="score, percent",
        ylabel="ducks among them, percent",
        xlim=(-6, 106),
        ylim=(-6, 106),
    )
    axes.grid(alpha=0.3)


def sheet(examples: Sequence[Example], title: str) -> bytes:
    """PNG: a contact sheet."""
    columns = min(COLUMNS, max(2, len(examples)))  # room for the title
    rows = max(1, -(-len(examples) // columns))
    figure = Figure(figsize=(2.6 * columns, 0.6 + 2.8 * rows), dpi=100, layout="constrained")
    figure.suptitle(title)
    for number, example in enumerate(examples, 1):
        _draw_example(figure.add_subplot(rows, columns, number), example)
    return _png(figure)


def thumbnail(image: Image.Image, boxes: Iterable[Box]) -> Image.Image:
    """Return a small copy of the image with the boxes drawn on it."""
    scale = min(1.0, max(THUMBNAIL / max(image.size), MIN_THUMBNAIL_SIDE / min(image.size)))
    width, height = (max(1, round(side * scale)) for side in image.size)
    return draw_boxes(image.resize((width, height)), boxes)


def _draw_example(axes: Axes, example: Example) -> None:
    axes.imshow(np.asarray(example.image))
    axes.set_axis_off()
    right = "found" if example.outcome.truth else "no duck"
    wrong = "missed" if example.outcome.truth else "false alarm"
    verdict = wrong if example.outcome.wrong else right
    name = example.name
    if len(name) > MAX_NAME_LENGTH:
        name = "…" + name[1 - MAX_NAME_LENGTH :]
    lines = [f"{verdict}, {percent(example.outcome.score)}", *textwrap.wrap(name, 30)]
    axes.set_title("\n".join(lines), fontsize=9, parse_math=False)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():  # a file name may have characters that the font lacks
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
