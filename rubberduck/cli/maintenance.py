"""`flask sweep` and `flask backup`."""

import os
from pathlib import Path

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP
from rubberduck.core.errors import DuckError
from rubberduck.web.deps import pipeline, sweeper


@click.command("sweep", context_settings=HELP)
@with_appcontext
def sweep() -> None:
    """Delete what was kept for DUCK_KEEP_DAYS, and what uploads cut off left behind.

    \b
    Example:
      flask sweep
    """
    try:
        swept = sweeper().sweep()
    except DuckError as error:
        raise click.ClickException(
            f"Stopped half-way; run it again. {error.operator_message}"
        ) from None
    told = _several(swept.results, "result"), _several(swept.orphans, "stray picture")
    done = " and ".join(each for each in told if each)
    click.echo(f"Swept {done}." if done else "Nothing to sweep.")


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


@click.command("backup", context_settings=HELP)
@with_appcontext
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the results database (SQLite) to FILE, whole, also while the site is used.

    \b
    Example:
      flask backup duck-2026-11-20.db

    To put it back, stop the site and copy FILE over the database. Pictures are not in it.
    """
    database = pipeline().results.database
    if database.engine.dialect.name != "sqlite":
        raise click.ClickException("PostgreSQL has a better way of its own: pg_dump.")
    if file.exists():
        raise click.ClickException(f"{file} is there already. Nothing was written over it.")
    if not os.access(file.absolute().parent, os.W_OK):
        raise click.ClickException(f"{file} cannot be written: its folder is missing or closed.")
    try:
        database.back_up(file)
    except DuckError as error:
        file.unlink(missing_ok=True)  # half a copy is none
        raise click.ClickException(error.operator_message) from None
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB.")
