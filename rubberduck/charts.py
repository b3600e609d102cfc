"""What `flask evaluate` draws: how the figures change with the threshold, and the mistakes."""

import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from rubberduck.drawing import draw_boxes
from rubberduck.evaluation import Outcome
from rubberduck.model import Box, percent

BLUE, GREY, RED = "#1f6feb", "#8c959f", "#c93c37"
BINS = 10  # of the calibration chart
COLUMNS = 6  # of the contact sheet
MOST_EXAMPLES = 60
THUMBNAIL = 320  # pixels of the longer side


@dataclass(frozen=True)
class Example:
    """An answer, and a thumbnail with the boxes of that answer, if any."""

    outcome: Outcome
    name: str
    image: Image.Image


def precision_and_recall(
    outcomes: Sequence[Outcome],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Both for each threshold that changes them, from the strictest to the most lenient.

    A score that both a duck and something else have counts for both at once.
    """
    scores = np.array([each.score for each in outcomes])
    truths = np.array([each.truth for each in outcomes])
    order = np.argsort(-scores, kind="stable")
    scores, truths = scores[order], truths[order]
    last = np.append(scores[1:] != scores[:-1], True)  # of those with an equal score
    hits = np.cumsum(truths)[last]
    called = np.arange(1, len(scores) + 1)[last]
    return hits / called, hits / max(1, truths.sum())


def reliability(outcomes: Sequence[Outcome]) -> list[tuple[float, float, int]]:
    """For each tenth of the scores: their mean, the percent of ducks among them, how many."""
    scores = np.array([each.score for each in outcomes])
    truths = np.array([each.truth for each in outcomes])
    rows = []
    for low, high in pairwise(np.linspace(0, 100, BINS + 1)):
        here = (scores >= low) & ((scores < high) | (high == 100))
        if here.any():
            rows.append(
                (float(scores[here].mean()), float(100 * truths[here].mean()), int(here.sum()))
            )
    return rows


def plot(outcomes: Sequence[Outcome], threshold: float) -> bytes:
    """PNG: precision over recall, and the share of ducks over the score. Threshold in percent."""
    figure = Figure(figsize=(11, 5), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_precision_and_recall(left, outcomes, threshold)
    _draw_reliability(right, outcomes, threshold)
    return _png(figure)


def _draw_precision_and_recall(axes: Axes, outcomes: Sequence[Outcome], threshold: float) -> None:
    precision, recall = precision_and_recall(outcomes)
    axes.plot([0, *recall], [1, *precision], color=BLUE, drawstyle="steps-pre")
    called = [each.truth for each in outcomes if each.found]
    ducks = sum(each.truth for each in outcomes)
    if called and ducks:
        here = (sum(called) / ducks, sum(called) / len(called))
        axes.plot(*here, "o", color=RED, label=f"as it answers, at {percent(threshold)}")
        axes.legend(loc="lower left")
    axes.set(
        title=f"{ducks} pictures with a duck, {len(outcomes) - ducks} without",
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
    axes.plot([said for said, _, _ in rows], [true for _, true, _ in rows], "o-", color=BLUE)
    for said, true, count in rows:
        axes.annotate(str(count), (said, true), xytext=(6, -12), textcoords="offset points")
    axes.legend(loc="upper left")
    axes.set(
        title="Calibration (the numbers count pictures)",
        xlabel="score, percent",
        ylabel="ducks among them, percent",
        xlim=(-2, 102),
        ylim=(-4, 104),
    )
    axes.grid(alpha=0.3)


def sheet_of_mistakes(mistakes: Sequence[Example], pictures: int) -> bytes:
    """PNG: the mistakes, the surest first."""
    many = {0: "No mistakes", 1: "1 mistake"}.get(len(mistakes), f"{len(mistakes)} mistakes")
    title = f"{many} in {pictures} pictures"
    if len(mistakes) > MOST_EXAMPLES:
        title += f"; the {MOST_EXAMPLES} surest"
    return sheet(sorted(mistakes, key=_wrongness, reverse=True)[:MOST_EXAMPLES], title)


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
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return draw_boxes(small, boxes)


def _wrongness(example: Example) -> float:
    score = example.outcome.score
    return 100 - score if example.outcome.truth else score


def _draw_example(axes: Axes, example: Example) -> None:
    axes.imshow(np.asarray(example.image))
    axes.set_axis_off()
    right = "found" if example.outcome.truth else "no duck"
    wrong = "missed" if example.outcome.truth else "false alarm"
    what = wrong if example.outcome.wrong else right
    name = textwrap.shorten(example.name, 60, placeholder="…")
    lines = [f"{what}, {percent(example.outcome.score)}", *textwrap.wrap(name, 30)]
    axes.set_title("\n".join(lines), fontsize=9, parse_math=False)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
