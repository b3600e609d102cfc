"""`flask check`: verify settings, database, storage and detector."""

import secrets
import sys
from collections.abc import Callable
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP
from rubberduck.core.errors import DuckError
from rubberduck.core.settings import Settings, unknown_variables
from rubberduck.imaging.decode import start_decoder
from rubberduck.web.deps import pipeline
from rubberduck.web.rate_limits import check_rate_store


@click.command("check", context_settings=HELP)
@with_appcontext
def check() -> None:
    """Look at every setting, the database, storage, engine and model; exit 1 if one is wrong.

    \b
    Example:
      flask check
    """
    settings = cast(Settings, current_app.extensions["settings"])
    for name, shown in settings.describe().items():
        click.echo(f"ok     {name}: {shown}")
    if settings.proxies and not settings.hosts:
        click.echo(
            "warn   DUCK_HOSTS: it is not set, so the site answers to any host name; set it to the "
            "names that visitors use."
        )
    wrong = 0
    for name, meant in unknown_variables().items():
        advice = f"did you mean {meant}?" if meant else "remove it."
        click.echo(f"wrong  {name}: there is no such setting; {advice}")
        wrong += 1
    for name, part in _parts().items():
        try:
            part()
        except DuckError as error:
            click.echo(f"wrong  {name}: {error.operator_message}")
            wrong += 1
        else:
            click.echo(f"ok     {name}")
    wrong += _check_decoder()
    sys.exit(1 if wrong else 0)


def _parts() -> dict[str, Callable[[], None]]:
    parts = {
        "database": _check_database,
        f"storage, {pipeline().storage.where}": _store_and_forget,
        f"engine, {pipeline().detector.name}": pipeline().detector.check,
        "counts of visitors' requests": check_rate_store,
    }
    if fallback_detector := pipeline().fallback_detector:
        parts[f"stand-in, {fallback_detector.name}"] = fallback_detector.check
    return parts


def _check_decoder() -> int:
    """Start a decoding child and print what it cannot reach; return 1 if it does not start.

    A kernel without one of the protections is no fault: limits on memory, time and descriptors
    always hold.
    """
    try:
        protections = start_decoder()
    except DuckError as error:
        click.echo(f"wrong  decoding process: {error.operator_message}")
        return 1
    for name, holds in protections.items():
        click.echo(f"ok     decoding process, {name}" + ("" if holds else ": not on this system"))
    return 0


def _check_database() -> None:
    pipeline().results.check()
    pipeline().results.database.check_integrity()
    if pipeline().results.database.is_pooled():
        click.echo("ok     database: PostgreSQL through a pooler such as PgBouncer")


def _store_and_forget() -> None:
    """Every verb of the storage, so that a missing permission shows before a visitor comes."""
    storage, key = pipeline().storage, f"check-{secrets.token_urlsafe(8)}"
    storage.check()
    storage.put(key, b"a picture, if it were one")
    storage.get(key)
    storage.delete(key)
