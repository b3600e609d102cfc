"""`flask evaluate`: how good are the answers, on pictures whose truth is known?"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from pydantic import TypeAdapter, ValidationError
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
from rubberduck.core.errors import BudgetSpent, DuckError
from rubberduck.evaluation import plots
from rubberduck.evaluation.report import evaluate_picture, table
from rubberduck.scoring.detection import DUCK, NO_DUCK, Corners, Outcome, by_kind, measure
from rubberduck.web.deps import pipeline


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


@click.command("evaluate", context_settings=HELP)
@with_appcontext
@as_json
@yes_option
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
    pictures = list(files_in(str(side) for side in sides))
    if not all(side.is_dir() for side in sides) or not pictures:
        raise click.UsageError(f"{folder} needs the folders duck and no-duck, with pictures.")
    if plot_file and plot_file == sheet_file:
        raise click.UsageError("--plot and --sheet need a file each.")
    boxes = _known_boxes(boxes_file)
    confirm_cost(len(pictures), yes)
    answered = dict(_answers(pictures, folder, boxes))
    for name in boxes:
        click.echo(f"{printable(name)}: its boxes fit no picture here.", err=True)
    if not answered:
        raise click.ClickException("No picture could be read.")
    outcomes = list(answered.values())
    figures, kinds = measure(outcomes), by_kind(outcomes)
    if as_json:
        of_kinds = {kind: asdict(each) for kind, each in kinds.items()}
        click.echo(json.dumps({**asdict(figures), "kinds": of_kinds}))
    else:
        click.echo(table(figures, kinds))
    # Last, so that nothing that goes wrong here can lose the figures.
    if plot_file:
        _write(plot_file, plots.plot(outcomes, pipeline().question.min_confidence))
    if sheet_file:
        _write(sheet_file, _sheet_of_mistakes(folder, answered))


def _answers(
    files: list[str], folder: Path, boxes: dict[str, list[Corners]]
) -> Iterator[tuple[str, Outcome]]:
    """What comes out of each file that can be read; takes the boxes that it needs."""
    measured = replace(
        pipeline(), fallback_detector=None
    )  # whose answers would be figures of another engine
    for file in with_progress(files):
        place = Path(file).relative_to(folder)
        known = boxes.pop(place.as_posix(), None)
        try:
            yield file, evaluate_picture(measured, read(file), place.parent.as_posix(), known)
        except BudgetSpent as error:
            tqdm.write(f"{printable(file)} and what follows: left out. {why(error)}", sys.stderr)
            return
        except (DuckError, OSError) as error:
            tqdm.write(f"{printable(file)}: left out. {why(error)}", file=sys.stderr)


def _sheet_of_mistakes(folder: Path, answered: dict[str, Outcome]) -> bytes:
    mistakes = [each for each in answered.items() if each[1].wrong]
    mistakes.sort(key=lambda each: -each[1].wrongness)
    title = f"Mistakes: {len(mistakes)} of {len(answered)}"
    if len(mistakes) > plots.MAX_EXAMPLES:
        title += f", the {plots.MAX_EXAMPLES} surest"
    shown = mistakes[: plots.MAX_EXAMPLES]
    return plots.sheet([_example(folder, *mistake) for mistake in shown], title)


def _example(folder: Path, file: str, outcome: Outcome) -> plots.Example:
    """With its picture read again: keeping them all would fill the memory."""
    name = printable(Path(file).relative_to(folder).as_posix())
    try:
        picture = pipeline().read(read(file))
    except (DuckError, OSError) as error:
        raise click.ClickException(f"{name} has changed meanwhile. {why(error)}") from None
    return plots.Example(outcome, name, plots.thumbnail(picture.image, outcome.boxes))


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
