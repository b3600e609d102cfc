"""Commands: `flask check`, `flask look`, `flask evaluate`, `flask sweep`."""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from flask import Blueprint, current_app
from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from rubberduck import charts
from rubberduck.door import finder, sweeper
from rubberduck.errors import DuckError
from rubberduck.evaluation import DUCK, NO_DUCK, Corners, Outcome, ask, by_kind, measure, table
from rubberduck.model import percent
from rubberduck.settings import Settings, unknown_variables

SUFFIXES = set(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .avif .heic .heif .bmp .tif .tiff".split()
)
STDIN = "-"
Each = TypeVar("Each")
HELP = {"help_option_names": ["-h", "--help"]}


class NewPicture(click.ParamType[Path]):
    """A PNG that can be written: better known before the pictures are asked about."""

    name = "file.png"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.suffix.lower() != ".png":
            self.fail(f"{value}: the picture is a PNG, so its name must end in .png.", param, ctx)
        try:
            path.stat()
            free = not path.is_dir() and os.access(path, os.W_OK)
        except FileNotFoundError:  # nothing there yet, or a link to nothing
            free = os.access(path.parent, os.W_OK) and not path.is_symlink()
        except OSError as error:
            self.fail(f"{value}: {error.strerror}.", param, ctx)
        if not free:
            self.fail(
                f"{value} cannot be written: its folder is missing or closed, or "
                "something is there that cannot be overwritten.",
                param,
                ctx,
            )
        return path


commands = Blueprint("commands", __name__, cli_group=None)
paying = click.option("--yes", is_flag=True, help="Do not ask before spending money.")
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


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
        if path == STDIN or not os.path.isdir(path):
            yield path
            continue
        inside = sorted(each for each in Path(path).rglob("*") if each.is_file())
        pictures = [str(each) for each in inside if each.suffix.lower() in SUFFIXES]
        if not pictures:
            click.echo(f"{_printable(path)}: no pictures in this folder.", err=True)
        yield from pictures


def _ask_before_paying(pictures: int, yes: bool) -> None:
    price = pictures * finder().detector.dollars_a_picture
    if not price or yes:
        return
    name = finder().detector.name
    cost = f"{name} will be asked {pictures} times, for about ${price:.3f}."
    if not sys.stdin.isatty():  # nobody to ask, or a picture on its way
        raise click.UsageError(f"{cost} Add --yes to agree.")
    click.confirm(f"{cost} Go on?", abort=True, err=True)


def _with_bar(items: list[Each]) -> Iterable[Each]:
    """A progress bar on standard error, if that is a terminal."""
    shown = sys.stderr.isatty()
    columns, rows = shutil.get_terminal_size()  # also for a terminal that does not tell
    return tqdm(items, unit="picture", disable=not shown, leave=False, ncols=columns, nrows=rows)


def _told(file: str) -> dict[str, Any]:
    try:
        answer = finder().answer(finder().read(_data(file)))
    except (DuckError, OSError) as error:
        return {"file": file, "duck": None, "score": None, "boxes": [], "error": _why(error)}
    return {
        "file": file,
        "duck": answer.verdict.found,
        "score": answer.verdict.score,
        "boxes": [asdict(box) for box in answer.verdict.boxes],
        "error": None,
    }


def _data(file: str) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    enough = finder().max_bytes + 1
    if file == STDIN:
        return sys.stdin.buffer.read(enough)
    with open(file, "rb") as opened:
        return opened.read(enough)


def _printable(name: str) -> str:
    """A file's name without what a terminal would obey or cannot show."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)


def _why(error: DuckError | OSError) -> str:
    if isinstance(error, DuckError):
        problem = error.problem
        return " ".join([f"{problem.happened}.", problem.why, problem.next_step])
    return f"The file cannot be read: {error.strerror}."


def _in_words(told: dict[str, Any]) -> str:
    file = _printable(told["file"])
    if told["error"]:
        return f"{file}: {told['error']}"
    return f"{file}: yes, {percent(told['score'])}" if told["duck"] else f"{file}: no"


@commands.cli.command("evaluate", context_settings=HELP)
@as_json
@paying
@click.option(
    "--boxes",
    "boxes_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: a picture's path in DIR → its boxes [[left, top, right, bottom], …] in pixels.",
)
@click.option("--plot", "plot_file", type=NewPicture(), help="Precision, recall, calibration.")
@click.option("--sheet", "sheet_file", type=NewPicture(), help="The mistakes, as thumbnails.")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
def evaluate(  # noqa: PLR0913, PLR0917 - click gives each option its argument
    folder: Path,
    boxes_file: Path | None,
    plot_file: Path | None,
    sheet_file: Path | None,
    as_json: bool,
    yes: bool,
) -> None:
    """Measure the answers on pictures in DIR/duck and DIR/no-duck, and in folders of these.

    \b
    Examples:
      flask evaluate photos
      flask evaluate --json --boxes photos/boxes.json photos > figures.json
      flask evaluate --plot curves.png --sheet mistakes.png photos
    """
    sides = [folder / DUCK, folder / NO_DUCK]
    pictures = list(_files(str(side) for side in sides))
    if not all(side.is_dir() for side in sides) or not pictures:
        raise click.UsageError(f"{folder} needs the folders duck and no-duck, with pictures.")
    if plot_file and plot_file == sheet_file:
        raise click.UsageError("--plot and --sheet need a file each.")
    boxes = _known_boxes(boxes_file)
    _ask_before_paying(len(pictures), yes)
    answered = dict(_answers(pictures, folder, boxes))
    for name in boxes:
        click.echo(f"{_printable(name)}: its boxes fit no picture here.", err=True)
    if not answered:
        raise click.ClickException("No picture could be read.")
    outcomes = list(answered.values())
    figures, kinds = measure(outcomes), by_kind(outcomes)
    if as_json:
        told = {kind: asdict(each) for kind, each in kinds.items()}
        click.echo(json.dumps({**asdict(figures), "kinds": told}))
    else:
        click.echo(table(figures, kinds))
    # Last, so that nothing that goes wrong here can lose the figures.
    if plot_file:
        _write(plot_file, charts.plot(outcomes, finder().question.min_confidence))
    if sheet_file:
        _write(sheet_file, _sheet_of_mistakes(folder, answered))


def _answers(
    files: list[str], folder: Path, boxes: dict[str, list[Corners]]
) -> Iterator[tuple[str, Outcome]]:
    """What comes out of each file that can be read; takes the boxes that it needs."""
    for file in _with_bar(files):
        place = Path(file).relative_to(folder)
        known = boxes.pop(place.as_posix(), None)
        try:
            yield file, ask(finder(), _data(file), place.parent.as_posix(), known)
        except (DuckError, OSError) as error:
            tqdm.write(f"{_printable(file)}: left out. {_why(error)}", file=sys.stderr)


def _sheet_of_mistakes(folder: Path, answered: dict[str, Outcome]) -> bytes:
    mistakes = [each for each in answered.items() if each[1].wrong]
    mistakes.sort(key=lambda each: -each[1].wrongness)
    title = f"Mistakes: {len(mistakes)} of {len(answered)}"
    if len(mistakes) > charts.MOST_EXAMPLES:
        title += f", the {charts.MOST_EXAMPLES} surest"
    shown = mistakes[: charts.MOST_EXAMPLES]
    return charts.sheet([_example(folder, *mistake) for mistake in shown], title)


def _example(folder: Path, file: str, outcome: Outcome) -> charts.Example:
    """With its picture read again: keeping them all would fill the memory."""
    name = _printable(Path(file).relative_to(folder).as_posix())
    try:
        picture = finder().read(_data(file))
    except (DuckError, OSError) as error:
        raise click.ClickException(f"{name} has changed meanwhile. {_why(error)}") from None
    return charts.Example(outcome, name, charts.thumbnail(picture.image, outcome.boxes))


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from None


def _known_boxes(file: Path | None) -> dict[str, list[Corners]]:
    if file is None:
        return {}
    try:
        boxes = TypeAdapter(dict[str, list[Corners]]).validate_json(file.read_bytes())
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(step) for step in wrong["loc"])
        raise click.BadParameter(f"{file}: {where}: {wrong['msg']}", param_hint="--boxes") from None
    for name, several in boxes.items():
        if any(left >= right or top >= bottom for left, top, right, bottom in several):
            raise click.BadParameter(f"{file}: {name}: no box", param_hint="--boxes")
    return boxes


@commands.cli.command("sweep", context_settings=HELP)
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
