"""Shared by the commands: options, lists of files, a progress bar, text for a terminal."""

import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from flask import g
from tqdm import tqdm

from rubberduck.core.errors import DuckError
from rubberduck.core.file_names import PICTURE_SUFFIXES
from rubberduck.web.deps import answering_models, default_pipeline, pipeline

if TYPE_CHECKING:
    from rubberduck.db.model_activity import AnsweringModel

STDIN = "-"
HELP = {"help_option_names": ["-h", "--help"]}
Item = TypeVar("Item")
yes_option = click.option("--yes", is_flag=True, help="Do not ask to confirm the cost.")
model_option = click.option(
    "--model", metavar="PROJECT", help="Ask the model of this project (a name or an id)."
)
min_confidence_option = click.option(
    "--min-confidence",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="With --model: decide by this, not by the threshold of each label.",
)
question_option = click.option(
    "--question", metavar="KEY", help="Ask another of the site's questions (the name of its file)."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def files_in(paths: Iterable[str], suffixes: Collection[str] = PICTURE_SUFFIXES) -> Iterator[str]:
    """Yield the paths, with each folder replaced by its files of these kinds, at any depth."""
    for path in paths:
        if path == STDIN or not os.path.isdir(path):
            yield path
            continue
        files = sorted(file for file in Path(path).rglob("*") if file.is_file())
        found = [str(file) for file in files if file.suffix.lower() in suffixes]
        if not found:
            click.echo(f"{printable(path)}: no pictures in this folder.", err=True)
        yield from found


def use_question(key: str | None) -> None:
    """Ask another question from now on; None changes nothing."""
    if key is None:
        return
    try:
        g.pipeline = default_pipeline().for_question(key)
    except DuckError as error:
        raise click.ClickException(explain(error)) from None


def use_model(project: str | None, yes: bool, min_confidence: float | None) -> None:
    """Let the model of a project answer from now on; None changes nothing.

    One that starts itself is started; at Amazon that is confirmed first. Raises UsageError for a
    confidence without a model.
    """
    if project is None:
        if min_confidence is not None:
            raise click.UsageError("--min-confidence is for a model: give --model, too.")
        return
    try:
        models = answering_models().refresh()
        named = [each for each in models if project in (each.project_id, each.name)]
        if named and named[0].is_remote and not named[0].is_running and not yes:
            _confirm_start(named[0])
        id = named[0].project_id if named else project
        g.pipeline = answering_models().pipeline_for(
            id, may_start=True, min_confidence=min_confidence
        )
    except DuckError as error:
        raise click.ClickException(explain(error)) from None


def _confirm_start(model: "AnsweringModel") -> None:
    # Imported late: see web/model_hosting.py.
    from rubberduck.web.model_hosting import hosting, view_of

    price = view_of(hosting().lives.get(model.version_id)).per_hour
    _confirm(f"“{model.name}” will be started at Amazon, for {price} an hour until it is stopped.")


def confirm_cost(pictures: int, yes: bool, *, is_most: bool = False) -> None:
    """Ask for confirmation if the detector is billed. Raises UsageError without a terminal.

    `is_most`: it may be called less often.
    """
    price = pictures * pipeline().detector.cost_per_call_usd
    if not price or yes:
        return
    name = pipeline().detector.name
    times = "once" if pictures == 1 else f"{pictures} times"
    times, about = (f"at most {times}", "at most") if is_most else (times, "about")
    _confirm(f"{name} will be called {times}, for {about} ${price:.3f}.")


def _confirm(cost: str) -> None:
    """Ask for confirmation. Raises UsageError without a terminal."""
    if not sys.stdin.isatty():  # a script, or a picture on standard input
        raise click.UsageError(f"{cost} Add --yes to confirm.")
    click.confirm(f"{cost} Continue?", abort=True, err=True)


def with_progress(items: list[Item], unit: str = "picture") -> Iterable[Item]:
    """Yield the items, with a progress bar on standard error if that is a terminal."""
    return progress_bar(items, unit=unit)


def progress_bar(items: Iterable[Item], **options: Any) -> "tqdm[Item]":
    """Return a progress bar on standard error, which is not shown if that is no terminal."""
    shown = sys.stderr.isatty()
    columns, rows = shutil.get_terminal_size()  # has a default for unknown terminals
    return tqdm(items, disable=not shown, leave=False, ncols=columns, nrows=rows, **options)


def read(file: str) -> bytes:
    """Return the file's bytes; of a file that is too large, one byte more than the limit."""
    most = pipeline().max_bytes + 1
    if file == STDIN:
        return sys.stdin.buffer.read(most)
    with open(file, "rb") as opened:
        return opened.read(most)


def printable(name: str) -> str:
    """Return a file name with control characters and undecodable bytes escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


@contextmanager
def command_errors() -> Iterator[None]:
    """End the command with the message for operators if the site raises one of its errors."""
    try:
        yield
    except DuckError as error:
        raise click.ClickException(error.operator_message) from None


def explain(error: DuckError | OSError) -> str:
    """Return what happened, why, the cause that only operators are told, and what to do."""
    if isinstance(error, DuckError):
        problem = error.problem
        cause = [f"Cause: {error.cause.rstrip('.')}."] if error.cause else []
        return " ".join([f"{problem.title}.", problem.why, *cause, problem.hint])
    return f"The file cannot be read: {error.strerror}."
