"""`flask dataset`: check, convert and split labelled data sets."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rubberduck.cli.terminal import HELP, as_json, printable

if TYPE_CHECKING:
    from rubberduck.custom_models.checks import Check
    from rubberduck.custom_models.split_plan import Plan

# custom_models and its libraries are imported by the commands only, never when the site starts.
FORMATS = ("manifest", "coco", "yolo", "voc", "label-studio")
Command = TypeVar("Command", bound=Callable[..., Any])
source_argument = click.argument(
    "source", metavar="FROM", type=click.Path(exists=True, path_type=Path)
)
target_argument = click.argument("target", metavar="TO", type=click.Path(path_type=Path))
pictures_option = click.option(
    "--pictures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the picture files; names, or keys of s3:// addresses, are paths in it.",
)
from_option = click.option(
    "--from", "from_format", type=click.Choice(FORMATS), help="Format of FROM, if not recognised."
)


@click.group("dataset", context_settings=HELP)
def dataset() -> None:
    """Check, convert and split labelled data sets.

    Formats: Custom Labels manifest, COCO, YOLO, Pascal VOC, Label Studio JSON; also as a ZIP.
    """


@dataset.command("check", context_settings=HELP)
@as_json
@from_option
@pictures_option
@click.option(
    "--test",
    type=click.Path(exists=True, path_type=Path),
    help="The test set: it is checked too, and that it has the same labels.",
)
@click.argument("source", metavar="FILE", type=click.Path(exists=True, path_type=Path))
def check(
    source: Path, pictures: Path | None, test: Path | None, from_format: str | None, as_json: bool
) -> None:
    """Check a data set by the rules of Amazon Rekognition Custom Labels.

    Prints the service's own codes with lines, what would be dropped silently, and what to do.
    Exit status: 1 if something is wrong.

    \b
    Examples:
      flask dataset check train.manifest --test test.manifest
      flask dataset check --json --pictures photos/ export.zip
    """
    from rubberduck.custom_models.checks import check_dataset

    with _explained():
        outcome = check_dataset(source, pictures, test, from_format)
    if as_json:
        click.echo(json.dumps(_as_dict(outcome), ensure_ascii=False))
    else:
        _print(outcome)
    sys.exit(0 if outcome.is_ok else 1)


def _as_dict(outcome: "Check") -> dict[str, Any]:
    """Return the service's own statistics, and each finding with its first places."""
    findings = [
        {
            "code": finding.code,
            "also": finding.rule.also or None,
            "effect": finding.rule.effect,
            "message": finding.rule.means,
            "advice": finding.rule.advice,
            "count": finding.count,
            "examples": [{"place": place, "details": text} for place, text in finding.examples],
        }
        for finding in outcome.findings.values()
    ]
    return {
        "ok": outcome.is_ok,
        "statistics": {
            "use_case": outcome.use_case,
            "total_json_lines": outcome.total,
            "valid_json_lines": outcome.total - outcome.bad - outcome.ignored,
            "invalid_json_lines": outcome.bad,
            "ignored_json_lines": outcome.ignored,
            "silently_dropped_json_lines": outcome.dropped,
        },
        "labels": dict(outcome.pictures_by_label()),
        "findings": findings,
    }


def _print(outcome: "Check") -> None:
    for finding in outcome.findings.values():
        times = "" if finding.count == 1 else f", {finding.count} times"
        click.echo(f"{finding.code} ({finding.rule.effect}{times})")
        if finding.rule.also:
            click.echo(f"  also {finding.rule.also}")
        for place, details in finding.examples:
            click.echo(f"  {printable(': '.join(filter(None, (place, details))))}")
        if finding.count > len(finding.examples) > 1:
            click.echo(f"  and {finding.count - len(finding.examples)} more")
        click.echo(f"  {finding.rule.means} {finding.rule.advice}")
    labels = ", ".join(
        f"{printable(label)} {count}" for label, count in outcome.pictures_by_label().most_common(9)
    )
    click.echo(
        f"{outcome.total} lines: {outcome.total - outcome.bad - outcome.ignored} usable, "
        f"{outcome.bad} wrong ({outcome.dropped} of them silently dropped), "
        f"{outcome.ignored} ignored. {outcome.use_case}: {labels or 'no labels'}"
    )


def _reading_options(command: Command) -> Command:
    """Add the options about how FROM is read and how TO is written."""
    for option in (
        from_option,
        pictures_option,
        click.option("--copy", is_flag=True, help="Copy the pictures beside the labels."),
        click.option(
            "--pixels",
            type=click.Choice(["auto", "upright", "stored"]),
            default="auto",
            show_default=True,
            help="What the boxes of photos with an Exif turn refer to in FROM.",
        ),
        click.option("--strip-prefix", default="", help="Beginning of names to take off."),
        click.option("--prefix", default="", help="Put before names, for instance s3://bucket/in/"),
        click.option("--stored-pixels", is_flag=True, help="Write boxes of pixels as stored."),
    ):
        command = option(command)
    return command


@dataset.command("convert", context_settings=HELP)
@_reading_options
@click.option("--to", "to_format", type=click.Choice(FORMATS), required=True, help="Format of TO.")
@source_argument
@target_argument
def convert(source: Path, target: Path, to_format: str, **options: Any) -> None:
    """Convert a data set to another format.

    Prints what the format cannot carry. TO must not exist.

    \b
    Examples:
      flask dataset convert --to yolo --pictures photos/ --copy coco.json yolo/
      flask dataset convert --to manifest --prefix s3://my-bucket/in/ yolo/ train.manifest
    """
    from rubberduck.custom_models.interchange.formats import opened, write
    from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions

    with _explained():
        reading, writing = _options(ReadOptions, WriteOptions, options)
        with opened(source, options["from_format"], reading) as pictures:
            report = write(pictures, target, to_format, writing)
    for line in report.lines():
        click.echo(f"note: {printable(line)}", err=True)
    click.echo(f"{printable(str(target))} is written.")


@dataset.command("split", context_settings=HELP)
@as_json
@from_option
@pictures_option
@click.option("--copy", is_flag=True, help="Copy the pictures beside the labels.")
@click.option("--prefix", default="", help="Put before names, for instance s3://bucket/in/")
@click.option(
    "--to", "to_format", type=click.Choice(FORMATS), default="manifest", show_default=True
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--shares",
    type=(float, float, float),
    default=(60, 20, 20),
    show_default=True,
    help="Of train, validation and test.",
)
@click.option(
    "--group-by", help="Regular expression: names that agree in its (group) stay together."
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Use this plan.csv, as written by an earlier split and changed.",
)
@source_argument
@target_argument
def split(source: Path, target: Path, as_json: bool, **options: Any) -> None:
    """Split a data set into train, validation and test.

    Stratified by label; groups (videos, bursts) stay together, and with --pictures near duplicates
    do. Writes the parts and plan.csv into TO, and prints the pictures of each label.

    \b
    Examples:
      flask dataset split --pictures photos/ --prefix s3://my-bucket/in/ coco.json parts/
      flask dataset split --group-by '^(.+)_[0-9]+' --to yolo coco.json parts/
      flask dataset split --plan parts/plan.csv coco.json changed/
    """
    from rubberduck.custom_models.interchange.options import WriteOptions
    from rubberduck.custom_models.split_plan import Source, make_plan, read_plan, write_split

    pictures, shares = options["pictures"], options["shares"]
    read = Source(source, options["from_format"], pictures)
    if options["copy"] and pictures is None:
        raise click.UsageError("--copy needs --pictures.")
    if min(shares) < 0 or shares[0] <= 0:
        raise click.UsageError("--shares must not be negative, and train needs a share.")
    with _explained():
        if options["plan_file"]:
            plan = read_plan(options["plan_file"], read)
        else:
            try:
                plan = make_plan(read, options["group_by"], shares, options["seed"])
            except (re.error, ValueError) as error:
                raise click.UsageError(f"--group-by: {error}") from None
        copied = pictures if options["copy"] else None
        writing = WriteOptions(options["prefix"], copied)
        report = write_split(plan, read, target, options["to_format"], writing)
    _print_split(plan, report.lines(), as_json)


def _print_split(plan: "Plan", notes: list[str], as_json: bool) -> None:
    table, groups = plan.table(), len(set(plan.groups))
    if as_json:
        figures = {label: dict(counts) for label, counts in table.items()}
        summary = {"pictures": len(plan.names), "groups": groups, "labels": figures}
        warnings = {"warnings": plan.warnings(), "notes": notes}
        click.echo(json.dumps(summary | warnings, ensure_ascii=False))
        return
    for line in notes:
        click.echo(f"note: {printable(line)}", err=True)
    for line in plan.warnings():
        click.echo(f"warning: {printable(line)}", err=True)
    click.echo(f"{len(plan.names)} pictures in {groups} groups")
    click.echo(f"{'':30.30}{'train':>12}{'validation':>12}{'test':>12}")
    for label, counts in sorted(table.items()):
        shown = printable(label) or "(nothing in it)"
        numbers = "".join(f"{counts[name]:>12}" for name in ("train", "validation", "test"))
        click.echo(f"{shown:30.30}{numbers}")


def _options(reading: Any, writing: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    pictures = options["pictures"]
    if options["copy"] and pictures is None:
        raise click.UsageError("--copy needs --pictures.")
    return (
        reading(pictures, options["strip_prefix"], options["pixels"]),
        writing(options["prefix"], pictures if options["copy"] else None, options["stored_pixels"]),
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what is wrong with a data set into the command's error message."""
    from rubberduck.custom_models.dataset import InvalidDataset

    try:
        yield
    except InvalidDataset as error:
        raise click.ClickException(printable(str(error))) from None
