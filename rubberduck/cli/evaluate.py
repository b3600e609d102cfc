"""`flask evaluate`: measure the detector on labelled pictures."""

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
    explain,
    files_in,
    min_confidence_option,
    model_option,
    printable,
    read,
    use_model,
    with_progress,
    yes_option,
)
from rubberduck.core.errors import BudgetSpent, DuckError
from rubberduck.evaluation import plots
from rubberduck.evaluation.report import evaluate_picture, table
from rubberduck.scoring.detection import DUCK, NO_DUCK, Corners, Outcome, by_kind, measure
from rubberduck.web.deps import pipeline


class NewPicture(click.ParamType[Path]):
    """The path of a PNG to write, checked before the detector is called."""

    name = "file.png"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.suffix.lower() != ".png":
            self.fail(f"{value}: the name must end in .png.", param, ctx)
        try:
            path.stat()
            writable = not path.is_dir() and os.access(path, os.W_OK)
        except FileNotFoundError:  # a new file, or a dangling link
            writable = os.access(path.parent, os.W_OK) and not path.is_symlink()
        except OSError as error:
            self.fail(f"{value}: {error.strerror}.", param, ctx)
        if not writable:
            self.fail(
                f"{value} cannot be written: its folder does not exist or is not writable, or "
                "it exists and cannot be overwritten.",
                param,
                ctx,
            )
        return path


@click.command("evaluate", context_settings=HELP)
@with_appcontext
@as_json
@yes_option
@model_option
@min_confidence_option
@click.option(
    "--boxes",
    "boxes_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file: a picture's path in DIR → [[left, top, right, bottom], …] in pixels.",
)
@click.option(
    "--plot", "plot_file", type=NewPicture(), help="Plot precision, recall and calibration."
)
@click.option("--sheet", "sheet_file", type=NewPicture(), help="Save thumbnails of the mistakes.")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
def evaluate(  # noqa: PLR0913, PLR0917 - click gives each option its argument
    folder: Path,
    boxes_file: Path | None,
    plot_file: Path | None,
    sheet_file: Path | None,
    as_json: bool,
    yes: bool,
    model: str | None,
    min_confidence: float | None,
) -> None:
    """Measure the detector on labelled pictures.

    DIR has the folders duck and no-duck with pictures, also in sub-folders. Prints precision,
    recall and more, with 95 % intervals, and the same for each sub-folder.

    \b
    Examples:
      flask evaluate photos
      flask evaluate --json --boxes photos/boxes.json photos > figures.json
      flask evaluate --model "our mugs" photos
      flask evaluate --plot curves.png --sheet mistakes.png photos
    """
    sides = [folder / DUCK, folder / NO_DUCK]
    pictures = list(files_in(str(side) for side in sides))
    if not all(side.is_dir() for side in sides) or not pictures:
        raise click.UsageError(f"{folder} needs the folders duck and no-duck, with pictures.")
    if plot_file and plot_file == sheet_file:
        raise click.UsageError("--plot and --sheet must be different files.")
    boxes = _known_boxes(boxes_file)
    use_model(model, yes, min_confidence)
    _check_embedded_detector()
    confirm_cost(len(pictures), yes)
    answered = dict(_answers(pictures, folder, boxes))
    for name in boxes:
        click.echo(
            f"{printable(name)}: has boxes in --boxes, but there is no such picture.", err=True
        )
    if not answered:
        raise click.ClickException("No picture could be read.")
    outcomes = list(answered.values())
    figures, kinds = measure(outcomes), by_kind(outcomes)
    if as_json:
        by_name = {kind: asdict(of_kind) for kind, of_kind in kinds.items()}
        click.echo(json.dumps({**asdict(figures), "kinds": by_name}))
    else:
        click.echo(table(figures, kinds))
    # Last: an error here must not lose the figures.
    if plot_file:
        _write(plot_file, plots.plot(outcomes, pipeline().question.min_confidence))
    if sheet_file:
        _write(sheet_file, _sheet_of_mistakes(folder, answered))


def _check_embedded_detector() -> None:
    """End the command where the detector cannot be loaded: each picture would be skipped."""
    detector = pipeline().detector
    if detector.cost_per_call_usd:
        return  # an outage of Amazon may end
    try:
        detector.check()
    except DuckError as error:
        raise click.ClickException(explain(error)) from None


def _answers(
    files: list[str], folder: Path, boxes: dict[str, list[Corners]]
) -> Iterator[tuple[str, Outcome]]:
    """Yield each file that can be read with its outcome; remove its boxes from `boxes`."""
    # Answers of the fallback would be figures of another detector.
    measured = replace(pipeline(), fallback_detector=None)
    for file in with_progress(files):
        path = Path(file).relative_to(folder)
        known = boxes.pop(path.as_posix(), None)
        try:
            yield file, evaluate_picture(measured, read(file), path.parent.as_posix(), known)
        except BudgetSpent as error:
            tqdm.write(f"{printable(file)} and all after it: skipped. {explain(error)}", sys.stderr)
            return
        except (DuckError, OSError) as error:
            tqdm.write(f"{printable(file)}: skipped. {explain(error)}", file=sys.stderr)


def _sheet_of_mistakes(folder: Path, answered: dict[str, Outcome]) -> bytes:
    mistakes = [(file, outcome) for file, outcome in answered.items() if outcome.wrong]
    mistakes.sort(key=lambda mistake: -mistake[1].wrongness)
    title = f"Mistakes: {len(mistakes)} of {len(answered)}"
    if len(mistakes) > plots.MAX_EXAMPLES:
        title += f", the {plots.MAX_EXAMPLES} most confident"
    shown = mistakes[: plots.MAX_EXAMPLES]
    return plots.sheet([_example(folder, *mistake) for mistake in shown], title)


def _example(folder: Path, file: str, outcome: Outcome) -> plots.Example:
    """Read the picture again: keeping all of them would need too much memory."""
    name = printable(Path(file).relative_to(folder).as_posix())
    try:
        picture = pipeline().read(read(file))
    except (DuckError, OSError) as error:
        raise click.ClickException(f"{name} can no longer be read. {explain(error)}") from None
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
        first = error.errors()[0]
        path = ".".join(str(step) for step in first["loc"])
        raise click.BadParameter(f"{file}: {path}: {first['msg']}", param_hint="--boxes") from None
    for name, corners in boxes.items():
        if any(left >= right or top >= bottom for left, top, right, bottom in corners):
            message = f"{file}: {name}: a box must have left < right and top < bottom"
            raise click.BadParameter(message, param_hint="--boxes")
    return boxes
