"""A job that runs every other second, for a test of schedules."""

from typing import TYPE_CHECKING

from rubberduck.jobs.registry import job

if TYPE_CHECKING:
    from rubberduck.jobs.context import Context


@job("tick", cron="*/2 * * * * *")
def tick(context: "Context") -> str:
    return context.job.id
