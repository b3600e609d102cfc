"""The charts of the statistics page, as SVG."""

from datetime import date, timedelta
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rubberduck.db.daily_stats import BANDS, DailyStats
from rubberduck.evaluation.charts import Scheme, axes_of, svg


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
    return svg(figure)


def plot_scores(stats: DailyStats, scheme: Scheme, labels: ChartLabels) -> bytes:
    """Return an SVG of how many pictures got a yes, by confidence."""
    figure, axes = _axes(scheme)
    axes.bar(range(BANDS), stats.score_histogram, color=scheme.yes, width=0.9)
    axes.set_xticks(
        [band - 0.5 for band in range(BANDS + 1)], [f"{10 * b}" for b in range(BANDS + 1)]
    )
    axes.set_xlabel(labels.percent_sure)
    axes.set_ylabel(labels.pictures)
    return svg(figure)


def _axes(scheme: Scheme) -> tuple[Figure, Axes]:
    figure, axes = axes_of(scheme)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    return figure, axes
