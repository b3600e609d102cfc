"""What the worker does on schedule, once for all machines: the sweep, the daily spending.

Without a worker the site's own processes sweep, under the same lease.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rubberduck.jobs.registry import job

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
DAY = timedelta(days=1)


@job("sweep", cron="7 * * * *")
def sweep(context: "Context") -> Any:
    deleted = context.step("sweep", delete_due)
    return {**deleted, "jobs": context.step("jobs", delete_ended_jobs)}


def delete_due(task: "Task") -> dict[str, int]:
    """Delete what is due, unless another process has just done it; return the numbers."""
    from rubberduck.services.retention import Sweeper

    site: Pipeline = task.site
    sweeper = Sweeper(site.open_results, site.storage, site.observers, site.open_collections)
    swept = sweeper.sweep(only_due=True)
    return {"results": swept.results, "orphans": swept.orphans}


def delete_ended_jobs(task: "Task") -> int:
    """Delete the rows of jobs that ended longer ago than results are kept."""
    from rubberduck.jobs.store import JobStore

    site: Pipeline = task.site
    return JobStore(site.results.database).delete_ended(site.results.keep)


@job("daily-spending", cron="5 0 * * *")
def daily_spending(context: "Context") -> Any:
    return context.step("log", log_spending)


def log_spending(task: "Task") -> float:
    """Log one line for each engine that was called yesterday (UTC); return the US dollars."""
    from rubberduck.billing.spending import spent_on

    site: Pipeline = task.site
    yesterday = datetime.now(UTC) - DAY
    spent = spent_on(site.results.database, yesterday)
    for engine, period in spent.items():
        fields = f"day={period.period} engine={engine!r} calls={period.calls}"
        log.info("daily spending %s dollars=%.3f", fields, period.dollars)
    if not spent:
        log.info("daily spending day=%s calls=0 dollars=0", f"{yesterday:%Y-%m-%d}")
    return sum(period.dollars for period in spent.values())
