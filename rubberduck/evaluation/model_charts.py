"""The charts of a model's evaluation, as SVG: precision over recall, and calibration."""

from collections.abc import Sequence
from typing import NamedTuple

from rubberduck.custom_models.evaluation import Evaluation, LabelFigures
from rubberduck.evaluation.charts import Scheme, axes_of, svg

SIZE = (4.8, 3.4)  # inches
MAX_CURVES = 6  # with a colour and a name; the others are thin and grey
FEW = 5  # answers of a tenth; its point is drawn hollow


class ModelChartLabels(NamedTuple):
    """The texts of the charts, in the site's language."""

    precision: str
    recall: str
    at_threshold: str
    others: str
    score: str
    right: str
    ideal: str


def plot_precision(evaluation: Evaluation, scheme: Scheme, labels: ModelChartLabels) -> bytes:
    """Return an SVG with a curve for each label, and a dot at its threshold."""
    figure, axes = axes_of(scheme, SIZE)
    axes.grid(color=scheme.ink, alpha=0.15)
    shown = _most_common(evaluation.labels)
    for one in evaluation.labels:
        if one.label in shown or not one.curve:
            continue
        axes.plot(*_steps(one), color=scheme.ink, alpha=0.3, linewidth=0.8)
    for number, name in enumerate(shown):
        one = next(each for each in evaluation.labels if each.label == name)
        colour = scheme.lines[number % len(scheme.lines)]
        dash = ("-", "--", "-.")[number % 3]  # told apart without colours, too
        axes.plot(*_steps(one), color=colour, linestyle=dash, label=_short(name))
        if one.figures.precision is not None and one.figures.recall is not None:
            axes.plot(one.figures.recall, one.figures.precision, "o", color=colour)
    if len(shown) < sum(bool(one.curve) for one in evaluation.labels):
        axes.plot([], [], color=scheme.ink, alpha=0.3, linewidth=0.8, label=labels.others)
    axes.plot([], [], "o", color=scheme.ink, label=labels.at_threshold)
    axes.set(xlabel=labels.recall, ylabel=labels.precision, xlim=(0, 1.03), ylim=(0, 1.05))
    legend = axes.legend(frameon=False, labelcolor=scheme.ink, loc="best", fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return svg(figure)


def plot_calibration(evaluation: Evaluation, scheme: Scheme, labels: ModelChartLabels) -> bytes:
    """Return an SVG of how often answers are right, by their score in percent."""
    figure, axes = axes_of(scheme, SIZE)
    axes.grid(color=scheme.ink, alpha=0.15)
    axes.plot([0, 100], [0, 100], "--", color=scheme.ink, alpha=0.6, label=labels.ideal)
    bins = evaluation.calibration
    scores, right = [100 * one.score for one in bins], [100 * one.right for one in bins]
    axes.plot(scores, right, color=scheme.lines[0])
    for one, x, y in zip(bins, scores, right, strict=True):
        fill = scheme.lines[0] if one.answers >= FEW else "none"
        axes.plot(x, y, "o", markerfacecolor=fill, markeredgecolor=scheme.lines[0])
        axes.annotate(
            str(one.answers),
            (x, y),
            xytext=(0, 8 if y < 90 else -14),
            textcoords="offset points",
            ha="center",
            color=scheme.ink,
            fontsize=9,
        )
    axes.set(xlabel=labels.score, ylabel=labels.right, xlim=(-4, 104), ylim=(-4, 104))
    axes.legend(frameon=False, labelcolor=scheme.ink, loc="upper left", fontsize=9)
    return svg(figure)


def _steps(one: LabelFigures) -> tuple[list[float], list[float]]:
    recall = [0.0, *(point.recall for point in one.curve)]
    precision = [point.precision for point in one.curve]
    return recall, [precision[0], *precision] if precision else [0.0]


def _most_common(labels: Sequence[LabelFigures]) -> list[str]:
    """Return the labels of most test pictures, in the project's order."""
    known = sorted((one for one in labels if one.curve), key=lambda one: -one.figures.pictures)
    kept = {one.label for one in known[:MAX_CURVES]}
    return [one.label for one in labels if one.label in kept]


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"
