"""The charts of the statistics page, as SVG."""

import io
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rubberduck.db.daily_stats import BANDS, DailyStats

SIZE = (4.8, 2.7)  # inches; keeps the text readable on a phone
# Text as <text>, not as paths: small, sharp, in the visitor's font. A fixed salt: the same data
# gives the same file. matplotlib sets both for the process; no other module writes SVG.
rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "charts"})


@dataclass(frozen=True)
class Scheme:
    """The colours of a chart."""

    ink: str
    yes: str
    no: str


SCHEMES = {
    "light": Scheme(ink="#14242f", yes="#f2b705", no="#4f86ab"),
    "dark": Scheme(ink="#eaf4fb", yes="#ffd43b", no="#7fa9c6"),
}


class ChartLabels(NamedTuple):
    """The texts of the charts, in the site's language."""

    pictures: str
    yes: str
    no: str
    percent_sure: str


def plot_days(
    stats: DailyStats, scheme: Scheme, labels: ChartLabels, days: int, today: date
) -> bytes:
    """Return an SVG of the pictures of each of the last `days`, split by answer."""
    figure, axes = _axes(scheme)
    shown = [today - timedelta(days=days - 1 - i) for i in range(days)]
    totals = [stats.days.get(day) for day in shown]
    found = [day.found if day else 0 for day in totals]
    others = [day.asked - day.found if day else 0 for day in totals]
    positions = range(days)
    axes.bar(positions, found, color=scheme.yes, label=labels.yes)
    axes.bar(positions, others, bottom=found, color=scheme.no, label=labels.no)
    axes.set_xticks(positions[::7], [f"{day:%m-%d}" for day in shown[::7]])
    axes.set_ylabel(labels.pictures)
    axes.legend(frameon=False, labelcolor=scheme.ink, ncols=2, loc="upper left")
    axes.margins(y=0.25)
    return _svg(figure)


def plot_scores(stats: DailyStats, scheme: Scheme, labels: ChartLabels) -> bytes:
    """Return an SVG of how many pictures got a yes, by confidence."""
    figure, axes = _axes(scheme)
    axes.bar(range(BANDS), stats.score_histogram, color=scheme.yes, width=0.9)
    axes.set_xticks(
        [band - 0.5 for band in range(BANDS + 1)], [f"{10 * b}" for b in range(BANDS + 1)]
    )
    axes.set_xlabel(labels.percent_sure)
    axes.set_ylabel(labels.pictures)
    return _svg(figure)


def _axes(scheme: Scheme) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(scheme.ink)
    axes.tick_params(colors=scheme.ink)
    axes.xaxis.label.set_color(scheme.ink)
    axes.yaxis.label.set_color(scheme.ink)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    return figure, axes


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})
    return file.getvalue()
