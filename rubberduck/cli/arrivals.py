"""`flask watch`, `upload` and `link`: pictures that arrive in a folder or a bucket."""

import mimetypes
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext
from tqdm import tqdm

from rubberduck.cli.terminal import (
    HELP,
    command_errors,
    explain,
    files_in,
    printable,
    with_progress,
    yes_option,
)
from rubberduck.core.errors import DuckError, StorageCircuitOpen, Unavailable
from rubberduck.core.models import percent
from rubberduck.storage.s3_errors import S3Unavailable
from rubberduck.web.deps import pipeline

if TYPE_CHECKING:
    from rubberduck.core.settings import Settings
    from rubberduck.events.places import Place
    from rubberduck.events.watched_folder import Outcome, WatchedFolder
    from rubberduck.storage.s3_conditional import ConditionalS3

OUTAGES = (S3Unavailable, StorageCircuitOpen)
LONGEST_LINK = 604_800  # seconds: seven days, the limit of the signature
SCAN_SECONDS, RETRY_SECONDS = 1.0, 10.0
# Before a file is sent again: together longer than the circuit breaker of S3 stays open.
UPLOAD_PAUSES = (2.0, 10.0, 30.0)


@click.command("watch", context_settings=HELP)
@with_appcontext
@yes_option
@click.option("--once", is_flag=True, help="End when no file is left to answer.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def watch(folder: Path, once: bool, yes: bool) -> None:
    """Answer the pictures that are put into FOLDER/in.

    A picture is taken when it has rested for two seconds and nobody writes it any more. It moves to
    FOLDER/out, with its answer (.json) and a copy with boxes (.marked.jpg) beside it, or to
    FOLDER/failed with the reason. Ends with Ctrl+C.

    \b
    Examples:
      flask watch ~/pictures
      flask watch --once /srv/scans
    """
    from rubberduck.events.watched_folder import FolderInUse, WatchedFolder

    if (price := pipeline().detector.cost_per_call_usd) and not yes:
        raise click.UsageError(
            f"{pipeline().detector.name} costs ${price:g} for each picture. Add --yes to confirm."
        )
    try:
        watched = WatchedFolder(pipeline(), folder, time.monotonic)
        with watched.lock():
            click.echo(f"Put pictures into {printable(str(folder / 'in'))}.", err=True)
            _watch(watched, once)
    except FolderInUse:
        raise click.ClickException("Another process watches this folder.") from None
    except OSError as error:
        raise click.ClickException(f"The folder cannot be used: {error.strerror}.") from None
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _watch(watched: "WatchedFolder", once: bool) -> None:
    while True:
        pause = SCAN_SECONDS
        try:
            for outcome in watched.scan():
                _report(outcome)
        except Unavailable as error:
            pause = RETRY_SECONDS
            click.echo(f"{explain(error)} The picture is tried again.", err=True)
        if once and watched.is_idle:
            return
        time.sleep(pause)


def _report(outcome: "Outcome") -> None:
    name = printable(outcome.name)
    if outcome.error is not None:
        click.echo(f"{name}: {explain(outcome.error)}", err=True)
    elif outcome.found:
        click.echo(f"{name}: yes, {percent(outcome.score or 0)}")
    else:
        click.echo(f"{name}: no")


@click.command("upload", context_settings=HELP)
@with_appcontext
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.argument("address", metavar="s3://BUCKET/PREFIX")
def upload(paths: tuple[str, ...], address: str) -> None:
    """Send pictures to a bucket, such as that of DUCK_EVENTS_INPUT.

    PATH is a file or a folder, whose pictures keep their names below PREFIX. While S3 does not
    answer, a file is sent again, for most of a minute. Exit status: 1 if any file was not sent.

    \b
    Examples:
      flask upload duck.jpg s3://my-bucket/in/
      flask upload holiday/ s3://my-bucket/in/holiday/
    """
    place = _place(address)
    bucket = _bucket(place)
    failures = 0
    for file, name in with_progress(list(_named(paths))):
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        try:
            _send(bucket, place.prefix + name, Path(file), kind)
        except OUTAGES as error:
            raise click.ClickException(
                f"{_cause(error)}. {printable(file)} and what follows it were not sent."
            ) from None
        except (DuckError, OSError) as error:
            failures += 1
            cause = error.operator_message if isinstance(error, DuckError) else explain(error)
            tqdm.write(f"{printable(file)}: not sent: {cause}", file=sys.stderr)
        else:
            tqdm.write(f"s3://{place.bucket}/{printable(place.prefix + name)}")
    sys.exit(1 if failures else 0)


def _send(bucket: "ConditionalS3", key: str, file: Path, kind: str) -> None:
    """Send a file, again after an outage. Raises DuckError, OSError."""
    for pause in UPLOAD_PAUSES:
        try:
            return bucket.put_file(key, file, kind)
        except OUTAGES as error:
            text = f"{_cause(error)}. Trying again in {pause:.0f} seconds."
            tqdm.write(text, file=sys.stderr)
            time.sleep(pause)
    return bucket.put_file(key, file, kind)


def _cause(error: DuckError) -> str:
    return error.operator_message.rstrip(".")


def _named(paths: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield each file with its name: its path inside the folder that was given."""
    for path in paths:
        for file in files_in([path]):
            yield file, Path(file).name if file == path else Path(file).relative_to(path).as_posix()


@click.command("link", context_settings=HELP)
@with_appcontext
@click.option(
    "--seconds",
    type=click.IntRange(60, LONGEST_LINK),
    help="Lifetime of the link; default: DUCK_LINK_SECONDS.",
)
@click.argument("key")
def link(key: str, seconds: int | None) -> None:
    """Print a link to the marked picture of KEY, which anybody can open until it expires.

    KEY is that of a picture in DUCK_EVENTS_INPUT, or the address s3://BUCKET/KEY of any object.

    \b
    Examples:
      flask link in/duck.jpg
      flask link --seconds 3600 s3://my-bucket/out/duck.jpg.json
    """
    place = _place(key) if key.startswith("s3://") else _marked(key)
    with command_errors():
        bucket = _bucket(place)
        if not bucket.exists(place.prefix):
            raise click.ClickException(
                f"There is no object {printable(str(place))}. Has the picture been answered?"
            )
        click.echo(bucket.url(place.prefix, seconds=seconds))


def _marked(key: str) -> "Place":
    from rubberduck.events.places import Place, Places

    found: Settings = current_app.extensions["settings"]
    if found.events_input is None or found.events_output is None:
        raise click.UsageError(
            "DUCK_EVENTS_INPUT and DUCK_EVENTS_OUTPUT are not set. Give an address s3://BUCKET/KEY."
        )
    places = Places(Place.parse(found.events_input), Place.parse(found.events_output))
    return Place(places.output.bucket, places.marked_key(key))


def _bucket(place: "Place") -> "ConditionalS3":
    if (open_bucket := pipeline().open_bucket) is None:
        raise click.ClickException("This site is not connected to S3.")
    return open_bucket(place.bucket)


def _place(address: str) -> "Place":
    from rubberduck.events.places import InvalidPlace, Place

    try:
        return Place.parse(address)
    except InvalidPlace as error:
        raise click.BadParameter(f"{printable(address)!r}: {error}.") from None
