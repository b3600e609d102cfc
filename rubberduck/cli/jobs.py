"""`flask jobs`: list, follow, cancel and retry jobs."""

import sys
import time
from typing import NoReturn

import click
from flask.cli import AppGroup

from rubberduck.cli.terminal import HELP, command_errors, printable, yes_option
from rubberduck.jobs.models import DONE, PROJECT, STATES, Job
from rubberduck.services.training_queue import retry_job
from rubberduck.web.deps import job_queue
from rubberduck.web.jobs import retry_price
from rubberduck.web.operators import audit_terminal

jobs = AppGroup("jobs", context_settings=HELP, help="List, follow, cancel and retry jobs.")
NO_WORKER = "No worker has reported for 20 seconds, so nothing runs; start one: python worker.py"
FOLLOW_SECONDS = 1.0
job_id = click.argument("id")


@jobs.command("list", context_settings=HELP)
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_jobs(state: str | None, limit: int) -> None:
    """List the newest jobs, of all owners.

    \b
    Examples:
      flask jobs list
      flask jobs list --state failed
    """
    with command_errors():
        found = job_queue().store.newest(states=(state,) if state else STATES, limit=limit)
        for job in found:
            click.echo(f"{job.id:24}  {job.created_at:%Y-%m-%d %H:%M}  {_line(job)}")
        if not found:
            click.echo("No jobs.")
        if not job_queue().has_worker():
            click.echo(NO_WORKER, err=True)


@jobs.command("follow", context_settings=HELP)
@job_id
def follow(id: str) -> None:
    """Print the log of a job until it ends. Exit status: 1 unless it is done.

    \b
    Example:
      flask jobs follow 2vFj0gB0d3m9h3cW4yJ1Qw
    """
    with command_errors():
        follow_job(id)


@jobs.command("cancel", context_settings=HELP)
@job_id
def cancel(id: str) -> None:
    """Cancel a job that waits or runs, but no deletion of a project."""
    with command_errors():
        job_queue().store.cancel(id)
        _note("job.cancel", id)
    click.echo("Cancelled.")


@jobs.command("retry", context_settings=HELP)
@yes_option
@job_id
def retry(id: str, yes: bool) -> None:
    """Queue a failed or cancelled job again, from its start.

    A training at Amazon may cost again; the price is shown first.
    """
    with command_errors():
        store = job_queue().store
        job = store.get(id)
        if (price := retry_price(job)) and not yes:
            cost = f"It costs {price} an hour if Amazon trains again."
            click.confirm(f"{cost} Queue it?", abort=True, err=True)
        retry_job(store, job)
        _note("job.retry", id)
    click.echo("Queued again.")


def _note(act: str, id: str) -> None:
    job = job_queue().get(id)
    if job.owner.startswith(PROJECT):  # a training at Amazon costs money again
        audit_terminal(act, job.kind, job=id, project=job.owner.removeprefix(PROJECT))


def follow_job(id: str) -> NoReturn:
    """Print the log of a job until it ends, then exit: with 1 unless it is done."""
    shown, last = "", 0
    while True:
        job = job_queue().get(id)
        for number, line in job_queue().store.log_lines(id, after=last):
            last = number
            click.echo(f"{line.at:%H:%M:%S}  {printable(line.line)}")
        if job.is_active and (now := _line(job)) != shown:
            shown = now
            click.echo(f"          {now}")
        if not job.is_active:
            sys.exit(0 if job.state == DONE else 1)
        time.sleep(FOLLOW_SECONDS)


def _line(job: Job) -> str:
    text = job.error or job.message
    shown = f"{job.progress:3} %" if job.is_active else "     "
    return f"{job.state:9}  {shown}  {job.kind}" + (f": {printable(text)}" if text else "")
