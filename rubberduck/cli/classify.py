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
    explain,
    files_in,
    model_option,
    printable,
    read,
    use_model,
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
@model_option
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
def classify(paths: tuple[str, ...], as_json: bool, yes: bool, model: str | None) -> None:
    """Classify pictures without storing them.

    PATH is a file, a folder, or - for standard input.

    \b
    Examples:
      flask look duck.jpg
      flask look --json holiday/ > answers.jsonl
      cat duck.jpg | flask look -
      flask look --model "our mugs" kitchen.jpg

    With --json, prints one line per picture: {file, duck, score, boxes,
    is_truncated, error}. Without it,
    errors go to standard error. Exit status: 1 if any picture failed.
    """
    use_model(model)
    files = list(files_in(paths))
    confirm_cost(len(files), yes)
    failures = 0
    for file in with_progress(files):
        outcome = _classify(file)
        failed = outcome["error"] is not None
        failures += failed
        line = json.dumps(outcome) if as_json else _text(outcome)
        tqdm.write(line, file=sys.stderr if failed and not as_json else sys.stdout)
    sys.exit(1 if failures else 0)


def _classify(file: str) -> dict[str, Any]:
    """Return the fields of one line of JSON; `error` is None or says what went wrong."""
    try:
        picture = pipeline().read(read(file))
        answer = pipeline().answer(picture)
    except (DuckError, OSError) as error:
        nothing: dict[str, Any] = {"duck": None, "score": None, "boxes": [], "is_truncated": None}
        return {"file": file, **nothing, "error": explain(error)}
    return {
        "file": file,
        "duck": answer.verdict.found,
        "score": answer.verdict.score,
        "boxes": [asdict(box) for box in answer.verdict.boxes],
        "is_truncated": picture.is_truncated,
        "error": None,
    }


def _text(outcome: dict[str, Any]) -> str:
    file = printable(outcome["file"])
    if outcome["error"]:
        return f"{file}: {outcome['error']}"
    answer = f"yes, {percent(outcome['score'])}" if outcome["duck"] else "no"
    note = " (the end of the file is missing)" if outcome["is_truncated"] else ""
    return f"{file}: {answer}{note}"
