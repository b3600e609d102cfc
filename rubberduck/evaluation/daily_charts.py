"""The pictures of the statistics page, as SVG."""

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

SIZE = (4.8, 2.7)  # inches: letters that can be read on a phone too
# Letters stay letters: small, sharp, and in the visitor's own font. No clock: same data, same file.
# For the whole process, as matplotlib has it; nothing else of ours makes SVG.
rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "charts"})


@dataclass(frozen=True)
class Scheme:
    ink: str
    yes: str
    no: str


SCHEMES = {
    "light": Scheme(ink="#14242f", yes="#f2b705", no="#4f86ab"),
    "dark": Scheme(ink="#eaf4fb", yes="#ffd43b", no="#7fa9c6"),
}


class Words(NamedTuple):
    """What stands on the charts, in the site's language."""

    pictures: str
    yes: str
    no: str
    percent_sure: str


def by_day(stats: DailyStats, scheme: Scheme, words: Words, days: int, today: date) -> bytes:
    """How many asked on each of the last days, and how many of them got a yes."""
    figure, axes = _axes(scheme)
    shown = [today - timedelta(days=days - 1 - i) for i in range(days)]
    by_day = stats.days
    sums = [by_day.get(day) for day in shown]
    found = [each.found if each else 0 for each in sums]
    others = [each.asked - each.found if each else 0 for each in sums]
    places = range(days)
    axes.bar(places, found, color=scheme.yes, label=words.yes)
    axes.bar(places, others, bottom=found, color=scheme.no, label=words.no)
    axes.set_xticks(places[::7], [f"{day:%m-%d}" for day in shown[::7]])
    axes.set_ylabel(words.pictures)
    axes.legend(frameon=False, labelcolor=scheme.ink, ncols=2, loc="upper left")
    axes.margins(y=0.25)
    return _svg(figure)


def by_score(stats: DailyStats, scheme: Scheme, words: Words) -> bytes:
    """How sure the answers were that said yes."""
    figure, axes = _axes(scheme)
    axes.bar(range(BANDS), stats.score_histogram, color=scheme.yes, width=0.9)
    axes.set_xticks(
        [band - 0.5 for band in range(BANDS + 1)], [f"{10 * b}" for b in range(BANDS + 1)]
    )
    axes.set_xlabel(words.percent_sure)
    axes.set_ylabel(words.pictures)
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
