"""`flask which`: name ducks by photos, and ask which one a picture shows."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import (
    HELP,
    as_json,
    command_errors,
    explain,
    files_in,
    printable,
    read,
    with_progress,
)
from rubberduck.core.errors import DuckError
from rubberduck.core.models import percent
from rubberduck.web.deps import pipeline
from rubberduck.web.named_objects import named_objects
from rubberduck.web.operators import audit_terminal

if TYPE_CHECKING:
    from rubberduck.services.named_objects import Answer

COMMAND_LINE = ""  # who did it: nobody who signed in


@click.command("which", context_settings=HELP)
@with_appcontext
@as_json
@click.option("--add", "name", metavar="NAME", help="Add the photos to the duck of this name.")
@click.option("--whole", is_flag=True, help="With --add: photos without a duck count as a whole.")
@click.option("--list", "lists", is_flag=True, help="List the ducks that have names.")
@click.option("--delete", "deleted", metavar="NAME", help="Delete the duck of this name.")
@click.argument("paths", metavar="PICTURE...", nargs=-1)
def which(  # noqa: PLR0913, PLR0917 - one for each option
    paths: tuple[str, ...],
    as_json: bool,
    name: str | None,
    whole: bool,
    lists: bool,
    deleted: str | None,
) -> None:
    """Say which named duck each PICTURE shows; nothing of it is kept.

    PICTURE is a file, a folder, or - for standard input. With --add, photos
    of a duck are stored until it is deleted: five from all sides are enough.

    \b
    Examples:
      flask which --add Quackers front.jpg left.jpg right.jpg back.jpg top.jpg
      flask which kitchen.jpg
      flask which --json holiday/ > names.jsonl
      flask which --list
      flask which --delete Quackers

    Exit status: 1 if any file failed.
    """
    with command_errors():
        if lists:
            _list()
        elif deleted is not None:
            _delete(deleted)
        elif not paths:
            raise click.UsageError("Give at least one PICTURE.")
        elif name is not None:
            sys.exit(_add(name, list(files_in(paths)), whole=whole))
        else:
            sys.exit(_ask(list(files_in(paths)), as_json=as_json))


def _list() -> None:
    for each in named_objects().objects.all():
        photos = "1 photo" if len(each.photos) == 1 else f"{len(each.photos)} photos"
        click.echo(f"{printable(each.name)}: {photos}")


def _delete(name: str) -> None:
    objects = named_objects().objects
    if (found := objects.named(name)) is None:
        raise click.ClickException(f"There is no duck of the name {printable(name)}.")
    objects.delete(found.id, pipeline().storage)
    audit_terminal("object.delete", found.name, id=found.id, photos=len(found.photos))


def _add(name: str, files: list[str], *, whole: bool) -> int:
    """Add photos, and name the duck if nobody has; return the exit status."""
    service = named_objects()
    found = service.objects.named(name)
    if found is None:
        found = service.objects.create(name, COMMAND_LINE)
        audit_terminal("object.create", found.name, id=found.id)
    added = 0
    for file in with_progress(files):
        try:
            service.add_photo(found.id, read(file), COMMAND_LINE, whole=whole)
            added += 1
        except (DuckError, OSError) as error:
            click.echo(f"{printable(file)}: {explain(error)}", err=True)
    audit_terminal("object.photos.add", found.name, id=found.id, photos=added)
    total = len(service.objects.get(found.id).photos)
    click.echo(f"{printable(found.name)}: {added} photos added, {total} in all")
    return 0 if added == len(files) else 1


def _ask(files: list[str], *, as_json: bool) -> int:
    service, failures = named_objects(), 0
    for file in files:
        outcome: dict[str, Any] = {"file": file, "name": None, "candidates": [], "error": None}
        try:
            _, answer = service.ask(read(file))
            outcome |= _fields(answer)
        except (DuckError, OSError) as error:
            outcome["error"] = explain(error)
        failures += outcome["error"] is not None
        is_error = outcome["error"] is not None and not as_json
        click.echo(json.dumps(outcome) if as_json else _text(outcome), err=is_error)
    return 1 if failures else 0


def _fields(answer: "Answer") -> dict[str, Any]:
    candidates = [
        {"name": each.name, "confidence": each.confidence} for each in answer.candidates[:5]
    ]
    return {"name": answer.match.name if answer.match else None, "candidates": candidates}


def _text(outcome: dict[str, Any]) -> str:
    file = printable(outcome["file"])
    if outcome["error"]:
        return f"{file}: {outcome['error']}"
    like = [f" (most like {printable(best['name'])})" for best in outcome["candidates"][:1]]
    if outcome["name"] is None:
        return f"{file}: none that I know{''.join(like)}"
    sure = percent(outcome["candidates"][0]["confidence"])
    return f"{file}: {printable(outcome['name'])}, {sure}"
