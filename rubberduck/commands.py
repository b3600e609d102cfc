"""Commands: `flask check`, `flask look`, `flask evaluate`."""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import click
from flask import Blueprint, current_app
from tqdm import tqdm

from rubberduck.errors import DuckError
from rubberduck.evaluation import DUCK, NO_DUCK, Corners, ask, by_kind, measure, table
from rubberduck.finder import Finder
from rubberduck.pictures import Picture
from rubberduck.settings import Settings, unknown_variables

SUFFIXES = set(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .avif .heic .heif .bmp .tif .tiff".split()
)
STDIN = "-"
Each = TypeVar("Each")
HELP = {"help_option_names": ["-h", "--help"]}


class Checked(Protocol):
    def check(self) -> None:
        """DuckError, with the cause for the operator, unless it is ready."""


commands = Blueprint("commands", __name__, cli_group=None)
paying = click.option("--yes", is_flag=True, help="Do not ask before spending money.")
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


def finder() -> Finder:
    return cast(Finder, current_app.extensions["finder"])


@commands.cli.command("look", context_settings=HELP)
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
    files = list(_files(paths))
    _ask_before_paying(len(files), yes)
    for file in _with_bar(files):
        told = _told(file)
        tqdm.write(json.dumps(told) if as_json else _in_words(told), file=sys.stdout)


def _files(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if path != STDIN and Path(path).is_dir():
            inside = sorted(each for each in Path(path).rglob("*") if each.is_file())
            yield from (str(each) for each in inside if each.suffix.lower() in SUFFIXES)
        else:
            yield path


def _ask_before_paying(pictures: int, yes: bool) -> None:
    price = pictures * finder().detector.dollars_a_picture
    if price and not yes:
        name = finder().detector.name
        question = f"{name} will be asked {pictures} times, for about ${price:.3f}. Go on?"
        click.confirm(question, abort=True, err=True)


def _with_bar(items: list[Each]) -> Iterable[Each]:
    """A progress bar on standard error, if that is a terminal."""
    shown = sys.stderr.isatty()
    columns, rows = shutil.get_terminal_size()  # also for a terminal that does not tell
    return tqdm(items, unit="picture", disable=not shown, leave=False, ncols=columns, nrows=rows)


def _told(file: str) -> dict[str, Any]:
    try:
        answer = finder().answer(_read(file))
    except (DuckError, OSError) as error:
        return {"file": file, "duck": None, "score": None, "boxes": [], "error": _why(error)}
    return {
        "file": file,
        "duck": answer.verdict.found,
        "score": answer.verdict.score,
        "boxes": [asdict(box) for box in answer.verdict.boxes],
        "error": None,
    }


def _read(file: str | Path) -> Picture:
    data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    return finder().read(data)


def _why(error: DuckError | OSError) -> str:
    if isinstance(error, DuckError):
        problem = error.problem
        return " ".join([f"{problem.happened}.", problem.why, problem.next_step])
    return f"The file cannot be read: {error.strerror}."


def _in_words(told: dict[str, Any]) -> str:
    if told["error"]:
        return f"{told['file']}: {told['error']}"
    if not told["duck"]:
        return f"{told['file']}: no"
    return f"{told['file']}: yes, {told['score']:.0f}%"


@commands.cli.command("evaluate", context_settings=HELP)
@as_json
@paying
@click.option(
    "--boxes",
    "boxes_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: a picture's path in DIR → its boxes [[left, top, right, bottom], …] in pixels.",
)
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
def evaluate(folder: Path, boxes_file: Path | None, as_json: bool, yes: bool) -> None:
    """Measure the answers on pictures in DIR/duck and DIR/no-duck, and in folders of these.

    \b
    Examples:
      flask evaluate photos
      flask evaluate --json --boxes photos/boxes.json photos > figures.json
    """
    sides = [folder / DUCK, folder / NO_DUCK]
    pictures = list(_files(str(side) for side in sides))
    if not all(side.is_dir() for side in sides) or not pictures:
        raise click.UsageError(f"{folder} needs the folders duck and no-duck, with pictures.")
    boxes = _known_boxes(boxes_file)
    _ask_before_paying(len(pictures), yes)
    outcomes = []
    for file in _with_bar(pictures):
        place = Path(file).relative_to(folder)
        try:
            data = Path(file).read_bytes()
            known = boxes.get(place.as_posix())
            outcomes.append(ask(finder(), data, place.parent.as_posix(), known))
        except (DuckError, OSError) as error:
            tqdm.write(f"{file}: left out. {_why(error)}", file=sys.stderr)
    figures, kinds = measure(outcomes), by_kind(outcomes)
    if as_json:
        told = {kind: asdict(each) for kind, each in kinds.items()}
        click.echo(json.dumps({**asdict(figures), "kinds": told}))
    else:
        click.echo(table(figures, kinds))


def _known_boxes(file: Path | None) -> dict[str, list[Corners]]:
    if file is None:
        return {}
    try:
        boxes = json.loads(file.read_text())
        for corners in (each for several in boxes.values() for each in several):
            left, top, right, bottom = corners
            if not (left < right and top < bottom):
                raise ValueError(f"{corners} is no box")
    except (ValueError, AttributeError, TypeError) as error:
        raise click.BadParameter(f"{file}: {error}", param_hint="--boxes") from None
    return cast(dict[str, list[Corners]], boxes)


@commands.cli.command("check", context_settings=HELP)
def check() -> None:
    """Look at every setting, the database, storage, engine and model; exit 1 if one is wrong.

    \b
    Example:
      flask check
    """
    settings = cast(Settings, current_app.extensions["settings"])
    for name, shown in settings.shown().items():
        click.echo(f"ok     {name}: {shown}")
    troubles: list[str | None] = [
        _unknown(name, meant) for name, meant in unknown_variables().items()
    ]
    parts: dict[str, Checked] = {
        "database": finder().results,
        f"storage, {finder().storage.where}": finder().storage,
        f"engine, {finder().detector.name}": finder().detector,
    }
    if stand_in := finder().stand_in:
        parts[f"stand-in, {stand_in.name}"] = stand_in
    for name, part in parts.items():
        trouble = _trouble(part)
        click.echo(f"ok     {name}" if trouble is None else f"wrong  {name}: {trouble}")
        troubles.append(trouble)
    sys.exit(1 if any(troubles) else 0)


def _unknown(name: str, meant: str | None) -> str:
    advice = f"did you mean {meant}?" if meant else "remove it."
    click.echo(f"wrong  {name}: there is no such setting; {advice}")
    return name


def _trouble(part: Checked) -> str | None:
    try:
        part.check()
    except DuckError as error:
        return error.cause or error.why
    return None
