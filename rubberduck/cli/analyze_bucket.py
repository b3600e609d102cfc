"""`flask look s3://…`: answer all pictures of a bucket below a prefix, in the worker's jobs."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from rubberduck.aws.labels import quota_of
from rubberduck.cli.terminal import command_errors, printable
from rubberduck.core.errors import NoSuchJob
from rubberduck.core.models import percent
from rubberduck.jobs.models import CANCELLED, FAILED
from rubberduck.web.deps import job_queue, pipeline, settings

if TYPE_CHECKING:
    from rubberduck.db.bucket_runs import BucketAnswer, BucketRuns

POLL_SECONDS = 1.0
ADDRESS = "s3://"


def analyze_bucket(address: str, *, as_json: bool, yes: bool, calls_a_second: float | None) -> None:
    """Count the pictures, tell price and time, start the run, and follow it to its end."""
    from rubberduck.db.bucket_runs import BucketRuns
    from rubberduck.events.bucket_run import start_run
    from rubberduck.events.places import InvalidPlace, Place

    try:
        place = Place.parse(address)
    except InvalidPlace as error:
        raise click.BadParameter(f"{printable(address)!r}: {error}.") from None
    with command_errors():
        pictures = _count(place.bucket, place.prefix)
        if not pictures:
            raise click.ClickException(f"There are no pictures in {printable(address)}.")
        rate = _confirmed_rate(pictures, calls_a_second or quota_of(settings().region), yes)
        queue = job_queue()
        id = start_run(pipeline(), queue.store, place.bucket, place.prefix, rate)
        if not queue.has_worker():
            click.echo("No worker runs: start one (python worker.py), and it begins.", err=True)
        follow(id, pictures, as_json)
        _write(BucketRuns(pipeline().results.database), id, as_json)


def follow(id: str, pictures: int | None, as_json: bool) -> None:
    """Wait for the end of a run, with a progress bar. Raises DuckError, ClickException."""
    from rubberduck.db.bucket_runs import BucketRuns

    runs, shown = BucketRuns(pipeline().results.database), sys.stderr.isatty()
    command = f"flask look --run {id}" + (" --json" if as_json else "")
    click.echo(f"It runs in the worker. To follow it later: {command}", err=True)
    try:
        with tqdm(total=pictures, unit="picture", disable=not shown, leave=False) as bar:
            while True:
                progress = runs.progress(id)
                bar.update(progress.answered - bar.n)
                if progress.is_done:
                    return
                _raise_failure(id, progress.open_pages)
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        click.echo("It goes on in the worker.", err=True)
        sys.exit(130)


def show_run(id: str, as_json: bool) -> None:
    """Follow a run that was started before, and print its answers."""
    from rubberduck.db.bucket_runs import BucketRuns

    with command_errors():
        runs = BucketRuns(pipeline().results.database)
        if not runs.exists(id):
            raise click.ClickException("There is no such run, or its answers have been deleted.")
        follow(id, None, as_json)
        _write(runs, id, as_json)


def _count(bucket: str, prefix: str) -> int:
    from rubberduck.events.bucket_run import is_picture

    if (open_bucket := pipeline().open_bucket) is None:
        raise click.ClickException("This site is not connected to S3.")
    opened, token, count = open_bucket(bucket), None, 0
    with tqdm(unit="key", disable=not sys.stderr.isatty(), leave=False) as bar:
        while True:
            keys, token = opened.list_keys(bucket, prefix, token)
            count += sum(map(is_picture, keys))
            bar.update(len(keys))
            if token is None:
                return count


def _confirmed_rate(pictures: int, calls_a_second: float, yes: bool) -> float | None:
    """Tell price and time, and ask; return the calls a second, None for a free detector."""
    detector = pipeline().detector
    if not detector.cost_per_call_usd:
        click.echo(f"{pictures:,} pictures, at no cost.", err=True)
        return None
    dollars, minutes = pictures * detector.cost_per_call_usd, pictures / calls_a_second / 60
    text = (
        f"{detector.name} will be called {pictures:,} times, for about ${dollars:,.2f}, in at least"
        f" {minutes:,.0f} minutes at {calls_a_second:g} calls a second."
    )
    if yes:
        click.echo(text, err=True)
    elif not sys.stdin.isatty():
        raise click.UsageError(f"{text} Add --yes to confirm.")
    else:
        click.confirm(f"{text} Continue?", abort=True, err=True)
    return calls_a_second


def _raise_failure(id: str, pages: Sequence[int]) -> None:
    """Raise ClickException if the job of one of the pages has ended without its answers."""
    from rubberduck.events.bucket_run import job_id

    for number in pages:
        with suppress(NoSuchJob):
            job = job_queue().get(job_id(id, number))
            if job.state in (FAILED, CANCELLED):
                raise click.ClickException(
                    f"A part of it ended early ({job.state}): {job.error or 'no reason given'} "
                    f"What was answered is kept. To go on: flask jobs retry {job.id}"
                )


def _write(runs: "BucketRuns", id: str, as_json: bool) -> None:
    for answer in runs.answers(id):
        click.echo(json.dumps(asdict(answer)) if as_json else _text(answer))
    counts = runs.counts(id)
    click.echo(
        f"{counts.answered:,} pictures: {counts.found:,} yes, {counts.failed:,} without an answer.",
        err=True,
    )
    sys.exit(1 if counts.failed else 0)


def _text(answer: "BucketAnswer") -> str:
    name = printable(answer.key)
    if answer.error is not None:
        return f"{name}: {answer.error}"
    return f"{name}: yes, {percent(answer.score or 0)}" if answer.found else f"{name}: no"
