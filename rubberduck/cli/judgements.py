"""`flask judgements`: export what visitors judged and corrected."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP, explain
from rubberduck.core.errors import DuckError
from rubberduck.core.models import Correction, Result
from rubberduck.core.spreadsheets import without_formula
from rubberduck.web.deps import pipeline, settings
from rubberduck.web.formatting import rfc3339

if TYPE_CHECKING:
    from rubberduck.custom_models.dataset import Picture
    from rubberduck.db.judgements import Judgement

COLUMNS = [
    "id",
    "created_at",
    "question",
    "answer",
    "score",
    "judged",
    "corrected_boxes",
    "consent",
    "engine",
    "engine_version",
]


@click.group("judgements", context_settings=HELP)
def judgements() -> None:
    """What visitors said about the answers."""


@judgements.command("export", context_settings=HELP)
@with_appcontext
@click.option("--format", type=click.Choice(["csv", "coco", "manifest"]), required=True)
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also copy the exported pictures into this folder (coco, manifest).",
)
@click.option("--prefix", help="Put before picture names; default: s3://BUCKET/ with a bucket.")
@click.argument("target", metavar="TO", type=click.Path(path_type=Path))
def export(format: str, pictures: Path | None, prefix: str | None, target: Path) -> None:
    """Export judgements and corrections to the file TO; for csv, - is standard output.

    csv has a line for each judged or corrected result, without pictures. coco and manifest (Custom
    Labels) are data sets for training: only corrections whose visitor consented to that, with boxes
    in pixels of the stored picture.

    \b
    Examples:
      flask judgements export --format csv judgements.csv
      flask judgements export --format coco --pictures photos/ corrections.json
    """
    # Imported late: the server needs none of it.
    from rubberduck.custom_models.dataset import InvalidDataset
    from rubberduck.db.judgements import judgements as all_judgements

    found = all_judgements(pipeline().results)
    try:
        if format == "csv":
            _write_csv(found, target)
        else:
            bucket = settings().bucket
            default = f"s3://{bucket}/" if bucket else ""
            _write_dataset(found, target, format, default if prefix is None else prefix, pictures)
    except (DuckError, InvalidDataset, OSError) as error:
        sys.exit(str(error) if isinstance(error, InvalidDataset) else explain(error))


def _write_csv(found: "Iterable[Judgement]", target: Path) -> None:
    with _opened(target) as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        count = 0
        for judgement in found:
            writer.writerow(_row(judgement.result, judgement.correction))
            count += 1
    click.echo(f"{count} judged or corrected results.", err=True)


@contextmanager
def _opened(target: Path) -> Iterator[IO[str]]:
    if str(target) == "-":
        yield sys.stdout
        return
    with target.open("x", encoding="utf-8", newline="") as file:
        yield file


def _row(result: Result, correction: Correction | None) -> dict[str, object]:
    judged = {True: "right", False: "wrong", None: ""}[result.judged_right]
    boxes = [asdict(box) for box in correction.boxes] if correction else None
    return {
        "id": result.id,
        "created_at": rfc3339(result.created_at),
        "question": without_formula(result.question),
        "answer": "yes" if result.verdict.found else "no",
        "score": "" if result.verdict.score is None else round(result.verdict.score, 2),
        "judged": judged,
        "corrected_boxes": "" if boxes is None else json.dumps(boxes, ensure_ascii=False),
        "consent": {True: "yes", False: "no"}[correction.consent] if correction else "",
        "engine": without_formula(result.answer.engine),
        "engine_version": without_formula(result.answer.engine_version or ""),
    }


def _write_dataset(
    found: "Iterable[Judgement]", target: Path, format: str, prefix: str, copy_to: Path | None
) -> None:
    from rubberduck.custom_models.dataset import Dataset
    from rubberduck.custom_models.interchange.formats import write
    from rubberduck.custom_models.interchange.options import WriteOptions
    from rubberduck.db.corrections import find_corrections

    counts = {"exported": 0, "without consent": 0, "missing": 0}

    def pictures() -> "Iterator[Picture]":
        for result in (each.result for each in found if each.correction):
            # Read again: its owner may have withdrawn or deleted it since the batch was read.
            correction = find_corrections(pipeline().results, [result.id]).get(result.id)
            if correction and not correction.consent:
                counts["without consent"] += 1
            elif not correction or (copy_to and not _copy(result.picture_key, copy_to)):
                counts["missing"] += 1
            else:
                counts["exported"] += 1
                yield _picture(result, correction)

    report = write(Dataset(pictures()), target, format, WriteOptions(prefix=prefix))
    for line in report.lines():
        click.echo(line, err=True)
    click.echo(
        f"{counts['exported']} corrections; {counts['without consent']} left out, because their "
        "visitors did not consent to training.",
        err=True,
    )
    if counts["missing"]:
        click.echo(f"{counts['missing']} left out: deleted or withdrawn meanwhile.", err=True)


def _picture(result: Result, correction: Correction) -> "Picture":
    from rubberduck.custom_models.dataset import Box, Picture

    width, height = result.width, result.height
    boxes = (
        Box(b.label, b.left * width, b.top * height, b.width * width, b.height * height).clipped(
            width, height
        )
        for b in correction.boxes
    )
    return Picture(result.picture_key, width, height, tuple(filter(None, boxes)))


def _copy(key: str, folder: Path) -> bool:
    """Copy the picture into the folder. Return False if it is missing."""
    try:
        jpeg = pipeline().storage.get(key)
    except FileNotFoundError:
        return False
    file = folder / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(jpeg)
    return True
