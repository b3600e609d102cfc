"""Commands: `flask check`, `look`, `sweep`, `backup`; `evaluate` and `costs` have their files."""

import json
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click
from flask import current_app
from flask.cli import AppGroup
from tqdm import tqdm

from rubberduck.command_line import (
    HELP,
    as_json,
    ask_before_paying,
    files_in,
    paying,
    printable,
    read,
    why,
    with_bar,
)
from rubberduck.costs_command import costs
from rubberduck.door import finder, sweeper
from rubberduck.errors import DuckError
from rubberduck.evaluate_command import evaluate
from rubberduck.limits import check_counting
from rubberduck.model import percent
from rubberduck.settings import Settings, unknown_variables

commands = AppGroup("commands")
commands.add_command(evaluate)
commands.add_command(costs)


@commands.command("look", context_settings=HELP)
@as_json
@paying
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
def look(paths: tuple[str, ...], as_json: bool, yes: bool) -> None:
    """Ask about pictures: files, folders, or - for standard input. Nothing is kept.

    \b
    Examples:
      flask look duck.jpg
      flask look --json holiday/ > answers.jsonl
      cat duck.jpg | flask look -

    With --json, each picture is a line: {file, duck, score, boxes, error}.
    A picture that cannot be read is a line too.
    """
    files = list(files_in(paths))
    ask_before_paying(len(files), yes)
    for file in with_bar(files):
        told = _told(file)
        tqdm.write(json.dumps(told) if as_json else _in_words(told), file=sys.stdout)


def _told(file: str) -> dict[str, Any]:
    try:
        answer = finder().answer(finder().read(read(file)))
    except (DuckError, OSError) as error:
        return {"file": file, "duck": None, "score": None, "boxes": [], "error": why(error)}
    return {
        "file": file,
        "duck": answer.verdict.found,
        "score": answer.verdict.score,
        "boxes": [asdict(box) for box in answer.verdict.boxes],
        "error": None,
    }


def _in_words(told: dict[str, Any]) -> str:
    file = printable(told["file"])
    if told["error"]:
        return f"{file}: {told['error']}"
    return f"{file}: yes, {percent(told['score'])}" if told["duck"] else f"{file}: no"


@commands.command("sweep", context_settings=HELP)
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
            f"Stopped half-way; run it again. {error.for_operator}"
        ) from None
    told = _several(swept.results, "result"), _several(swept.strays, "stray picture")
    done = " and ".join(each for each in told if each)
    click.echo(f"Swept {done}." if done else "Nothing to sweep.")


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


@commands.command("backup", context_settings=HELP)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the results database (SQLite) to FILE, whole, also while the site is used.

    \b
    Example:
      flask backup duck-2026-11-20.db

    To put it back, stop the site and copy FILE over the database. Pictures are not in it.
    """
    database = finder().results.database
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
        raise click.ClickException(error.for_operator) from None
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB.")


@commands.command("check", context_settings=HELP)
def check() -> None:
    """Look at every setting, the database, storage, engine and model; exit 1 if one is wrong.

    \b
    Example:
      flask check
    """
    settings = cast(Settings, current_app.extensions["settings"])
    for name, shown in settings.shown().items():
        click.echo(f"ok     {name}: {shown}")
    wrong = 0
    for name, meant in unknown_variables().items():
        advice = f"did you mean {meant}?" if meant else "remove it."
        click.echo(f"wrong  {name}: there is no such setting; {advice}")
        wrong += 1
    for name, part in _parts().items():
        try:
            part()
        except DuckError as error:
            click.echo(f"wrong  {name}: {error.for_operator}")
            wrong += 1
        else:
            click.echo(f"ok     {name}")
    sys.exit(1 if wrong else 0)


def _parts() -> dict[str, Callable[[], None]]:
    parts = {
        "database": finder().results.check,
        f"storage, {finder().storage.where}": _store_and_forget,
        f"engine, {finder().detector.name}": finder().detector.check,
        "counts of visitors' requests": check_counting,
    }
    if stand_in := finder().stand_in:
        parts[f"stand-in, {stand_in.name}"] = stand_in.check
    return parts


def _store_and_forget() -> None:
    """Every verb of the storage, so that a missing permission shows before a visitor comes."""
    storage, key = finder().storage, f"check-{secrets.token_urlsafe(8)}"
    storage.check()
    storage.put(key, b"a picture, if it were one")
    storage.get(key)
    storage.delete(key)
