"""`flask faces`: what the faces in pictures look like."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from tqdm import tqdm

from rubberduck.cli.terminal import (
    HELP,
    as_json,
    explain,
    files_in,
    printable,
    read,
    with_progress,
    yes_option,
)
from rubberduck.core.errors import DuckError
from rubberduck.core.faces import FaceAnswer
from rubberduck.web.deps import face_service, pipeline
from rubberduck.web.face_texts import captions, count_text
from rubberduck.web.faces import marked_jpeg


@click.command("faces", context_settings=HELP)
@with_appcontext
@as_json
@yes_option
@click.option(
    "--marked",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each picture with boxes and texts to FOLDER, as NAME-faces.jpg.",
)
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True)
def faces(pictures: tuple[str, ...], as_json: bool, yes: bool, marked: Path | None) -> None:
    """Say what the faces in pictures look like, without storing anything.

    Needs DUCK_FACES=1. It says what faces look like, not what people feel: ask the people in the
    pictures first, and judge nobody by it. PICTURE is a file, a folder, or - for standard input.

    \b
    Examples:
      flask faces party.jpg
      flask faces --json party/ > faces.jsonl
      flask faces --marked with-faces party/

    With --json, prints one line per file: {file, faces, engine, engine_version, fallback_for,
    fallback_reason, error}. Exit status: 1 if any file failed.
    """
    if pipeline().open_faces is None:
        raise click.UsageError("Faces are switched off: set DUCK_FACES=1, and mind what it says.")
    files = list(files_in(pictures))
    _confirm_cost(len(files), yes)
    if marked is not None:
        marked.mkdir(parents=True, exist_ok=True)
    failures = 0
    for file in with_progress(files):
        outcome = _outcome(file, marked)
        failed = isinstance(outcome, str)
        failures += failed
        line = _json(file, outcome) if as_json else f"{printable(file)}: {_text(outcome)}"
        tqdm.write(line, file=sys.stderr if failed and not as_json else sys.stdout)
    sys.exit(1 if failures else 0)


def _confirm_cost(count: int, yes: bool) -> None:
    amazon = face_service().finders.amazon
    if amazon is None or yes:
        return
    dollars = count * amazon.dollars_a_call
    cost = f"{amazon.name} will be called {count} times, for about ${dollars:.3f}."
    if not sys.stdin.isatty():  # a script, or a picture on standard input
        raise click.UsageError(f"{cost} Add --yes to confirm.")
    click.confirm(f"{cost} Continue?", abort=True, err=True)


def _outcome(file: str, marked: Path | None) -> FaceAnswer | str:
    """Return the faces, or what went wrong."""
    target = marked / f"{Path(file).stem}-faces.jpg" if marked else None
    if target and target.exists():  # before a call is paid for
        return f"{target} exists already."
    try:
        picture, answer = face_service().analyze(read(file))
        if target:
            with target.open("xb") as out:
                out.write(marked_jpeg(picture.jpeg, answer))
    except FileExistsError as error:
        return f"{error.filename} exists already."
    except (DuckError, OSError) as error:
        return explain(error)
    return answer


def _json(file: str, outcome: FaceAnswer | str) -> str:
    nothing = FaceAnswer((), engine="")
    answer = nothing if isinstance(outcome, str) else outcome
    body: dict[str, Any] = {"file": file, **asdict(answer)}
    return json.dumps(body | {"error": outcome if isinstance(outcome, str) else None})


def _text(outcome: FaceAnswer | str) -> str:
    if isinstance(outcome, str):
        return outcome
    lines = [f"  {caption}" for caption in captions(outcome.faces)[0]]
    replaced = f" ({outcome.engine}, in place of {outcome.fallback_for})"
    note = replaced if outcome.fallback_for else ""
    return "\n".join([count_text(outcome) + note, *lines])
