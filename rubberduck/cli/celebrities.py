"""`flask celebrities`: have Amazon name the celebrities in a picture."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP, as_json, explain, printable, read, yes_option
from rubberduck.core.errors import DuckError
from rubberduck.core.models import percent
from rubberduck.web.deps import default_pipeline

if TYPE_CHECKING:
    from rubberduck.aws.celebrities import CelebrityAnswer


@click.command("celebrities", context_settings=HELP)
@with_appcontext
@as_json
@yes_option
@click.option(
    "--marked",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the picture with boxes and names to FILE, a JPEG that must not exist.",
)
@click.argument("picture", metavar="PICTURE")
def celebrities(picture: str, as_json: bool, yes: bool, marked: Path | None) -> None:
    """Have Amazon Rekognition name the celebrities in PICTURE.

    Needs DUCK_CELEBRITIES=1. The picture is sent to Amazon, which compares the faces in it with
    those of celebrities; ask the people in it first. Nothing is stored here. PICTURE may be - for
    standard input.

    \b
    Examples:
      flask celebrities gala.jpg
      flask celebrities --json --yes gala.jpg
      flask celebrities --marked named.jpg gala.jpg
    """
    if marked is not None and marked.exists():
        raise click.UsageError(f"{marked} exists already.")
    try:
        site = default_pipeline()
        _confirm(site.celebrities.dollars_a_call, yes)
        given = site.read(read(picture))
        answer = site.celebrities.recognize(given)
    except (DuckError, OSError) as error:
        raise click.ClickException(explain(error)) from None
    if marked is not None:
        from rubberduck.services.celebrities import marked_copy

        marked.write_bytes(marked_copy(given, answer))
    click.echo(json.dumps(asdict(answer)) if as_json else _text(answer))


def _confirm(dollars: float, yes: bool) -> None:
    if yes or not dollars:
        return
    cost = f"Amazon Rekognition will be called once, for about ${dollars:.3f}."
    if not sys.stdin.isatty():
        raise click.UsageError(f"{cost} Add --yes to confirm.")
    click.confirm(f"{cost} Continue?", abort=True, err=True)


def _text(answer: "CelebrityAnswer") -> str:
    lines = [
        f"{printable(each.name)}, {percent(each.confidence)}  {' '.join(each.urls)}".rstrip()
        for each in answer.celebrities
    ]
    return "\n".join([*(lines or ["no celebrity"]), f"unknown faces: {answer.unknown_faces}"])
