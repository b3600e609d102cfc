"""The totals of the last days, for the page and the API."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rubberduck.web.deps import pipeline

if TYPE_CHECKING:
    from rubberduck.db.daily_stats import DailyStats

DAYS = 30  # of statistics


def daily_stats() -> "DailyStats":
    """Return the counts of this request's question. Raises ResultsUnavailable."""
    since = datetime.now(UTC).date() - timedelta(days=DAYS - 1)
    return pipeline().results.daily_stats(pipeline().question.title, since)
