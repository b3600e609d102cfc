"""Statistics of the last days, and their charts."""

from datetime import UTC, datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import NoSuchResult
from rubberduck.web.deps import text
from rubberduck.web.responses import as_drawing, with_etag
from rubberduck.web.statistics import DAYS, daily_stats

statistics = Blueprint("statistics", __name__)


@statistics.get("/statistics")
def index() -> ResponseReturnValue:
    return render_template("statistics.html", tally=daily_stats(), days=DAYS)


@statistics.get("/statistics/<chart>-<scheme>.svg")
def chart(chart: str, scheme: str) -> ResponseReturnValue:
    # Imported late: the first pages need not wait for matplotlib.
    from rubberduck.evaluation.charts import SCHEMES
    from rubberduck.evaluation.daily_charts import ChartLabels, plot_days, plot_scores

    if chart not in ("days", "scores") or scheme not in SCHEMES:
        raise NoSuchResult
    stats, scheme_colours = daily_stats(), SCHEMES[scheme]
    today = datetime.now(UTC).date()
    labels = ChartLabels(text("pictures"), text("yes"), text("no"), text("confidence (%)"))
    if chart == "days":
        svg = plot_days(stats, scheme_colours, labels, DAYS, today)
    else:
        svg = plot_scores(stats, scheme_colours, labels)
    return with_etag(as_drawing(svg))
