"""Statistics of the last days, and their charts."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import NoSuchResult
from rubberduck.web.deps import pipeline, text
from rubberduck.web.responses import with_etag
from rubberduck.web.security_headers import drawing_policy

if TYPE_CHECKING:
    from rubberduck.db.daily_stats import DailyStats

statistics = Blueprint("statistics", __name__)

DAYS = 30  # of statistics


@statistics.get("/statistics")
def index() -> ResponseReturnValue:
    return render_template("statistics.html", tally=_daily_stats(), days=DAYS)


@statistics.get("/statistics/<chart>-<scheme>.svg")
def chart(chart: str, scheme: str) -> ResponseReturnValue:
    # Not at the top: pages are shown before matplotlib is loaded.
    from rubberduck.evaluation.daily_charts import SCHEMES, Words, by_day, by_score

    if chart not in ("days", "scores") or scheme not in SCHEMES:
        raise NoSuchResult
    tally, colours = _daily_stats(), SCHEMES[scheme]
    today = datetime.now(UTC).date()
    words = Words(text("pictures"), text("yes"), text("no"), text("confidence (%)"))
    if chart == "days":
        svg = by_day(tally, colours, words, DAYS, today)
    else:
        svg = by_score(tally, colours, words)
    response = make_response(svg)
    response.mimetype = "image/svg+xml"
    response.headers["Content-Security-Policy"] = drawing_policy(svg.decode())
    return with_etag(response)


def _daily_stats() -> "DailyStats":
    since = datetime.now(UTC).date() - timedelta(days=DAYS - 1)
    return pipeline().results.daily_stats(pipeline().question.title, since)
