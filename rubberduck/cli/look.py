"""`flask look`: classify pictures from the command line."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click
from flask.cli import with_appcontext
from tqdm import tqdm

from rubberduck.cli.terminal import (
    HELP,
    as_json,
    confirm_cost,
    files_in,
    printable,
    read,
    why,
    with_progress,
    yes_option,
)
from rubberduck.core.errors import DuckError
from rubberduck.core.models import percent
from rubberduck.web.deps import pipeline


@click.command("look", context_settings=HELP)
@with_appcontext
@as_json
@yes_option
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
def look(paths: tuple[str, ...], as_json: bool, yes: bool) -> None:
    """Ask about pictures: files, folders, or - for standard input. Nothing is kept.

    \b
    Examples:
      flask look duck.jpg
      flask look --json holiday/ > answers.jsonl
      cat duck.jpg | flask look -

    With --json, each picture is a line: {file, duck, score, boxes, error}, also one that
    cannot be read. Without it, errors go to standard error. Exit status: 1 if any picture failed.
    """
    files = list(files_in(paths))
    confirm_cost(len(files), yes)
    failures = 0
    for file in with_progress(files):
        told = _told(file)
        failures += told["error"] is not None
        line = json.dumps(told) if as_json else _in_words(told)
        to_errors = told["error"] is not None and not as_json
        tqdm.write(line, file=sys.stderr if to_errors else sys.stdout)
    sys.exit(1 if failures else 0)


def _told(file: str) -> dict[str, Any]:
    try:
        answer = pipeline().answer(pipeline().read(read(file)))
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
