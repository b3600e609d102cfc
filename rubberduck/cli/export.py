"""`flask export`: all that is kept of a project, a visitor or an operator, as a ZIP."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from flask.cli import AppGroup

from rubberduck.cli.terminal import HELP, command_errors, printable
from rubberduck.web.deps import default_pipeline
from rubberduck.web.operators import audit_terminal, operators

export = AppGroup("export", context_settings=HELP, help="Export all that is kept, as a ZIP.")
file_argument = click.argument(
    "file", type=click.Path(dir_okay=False, path_type=Path), required=False
)


@export.command("project", context_settings=HELP)
@click.argument("id")
@file_argument
def project(id: str, file: Path | None) -> None:
    """Export a project: its pictures, labels, history, versions and model files.

    ID is the last part of the address of its page. FILE must not exist; default: project-ID.zip.

    \b
    Examples:
      flask export project 2vFj0gB0d3m9h3cW
      flask export project 2vFj0gB0d3m9h3cW mugs.zip
    """
    # Imported late: other commands and the site need none of it.
    from rubberduck.custom_models.project_export import EVERYTHING, Export
    from rubberduck.custom_models.projects import Projects

    target, site = file or Path(f"project-{id}.zip"), default_pipeline()
    with _new_file(target) as opened:
        found = Projects(site.results.database).get(id)
        Export(site.results.database, site.storage, found).write_zip(
            opened, EVERYTHING, with_pictures=True
        )
    click.echo(f"{printable(found.name)} is in {printable(str(target))}.")


@export.command("visitor", context_settings=HELP)
@click.argument("address")
@file_argument
def visitor(address: str, file: Path | None) -> None:
    """Export a visitor: results, corrections, videos, jobs, keys, and all pictures.

    Visitors have no names. ADDRESS is that of any of the visitor's results or videos, or the id
    in it. FILE must not exist; default: visitor-ID.zip.

    \b
    Examples:
      flask export visitor https://duck.example.org/result/6Zr0NfQ6yLkP5mM0Tt9Q1A
      flask export visitor 6Zr0NfQ6yLkP5mM0Tt9Q1A visitor.zip
    """
    from rubberduck.services.personal_export import visitor_at

    with command_errors():
        person = visitor_at(default_pipeline().results.database, address)
    _export(person, file or Path(f"visitor-{person}.zip"), "the visitor")
    with command_errors():
        audit_terminal("visitor.export", address)


@export.command("operator", context_settings=HELP)
@click.argument("name")
@file_argument
def operator(name: str, file: Path | None) -> None:
    """Export an operator or labeller: sessions, keys, the audit list, labels, jobs.

    Also one who was removed. The pictures of a project are in the project's export. FILE must not
    exist; default: operator-ID.zip.

    \b
    Examples:
      flask export operator Ada
      flask export operator "Ada Lovelace" ada.zip
    """
    with command_errors():
        person = operators().ever_named(name)
    _export(person.id, file or Path(f"operator-{person.id}.zip"), person.name)
    with command_errors():
        audit_terminal("operator.export", person.name)


def _export(person: str, target: Path, name: str) -> None:
    from rubberduck.services.personal_export import export_person

    site = default_pipeline()
    with _new_file(target) as opened:
        done = export_person(opened, site.results.database, site.storage, person)
    click.echo(
        f"All that is kept of {printable(name)} is in {printable(str(target))}: "
        f"{done.rows} rows, {done.files} files."
    )


@contextmanager
def _new_file(target: Path) -> Iterator[IO[bytes]]:
    """Create the file; after an error, end the command with its reason and leave no part of it."""
    try:
        opened = target.open("xb")
    except FileExistsError:
        raise click.ClickException(f"{target} exists already: choose another name.") from None
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror}.") from None
    is_done = False
    try:
        with opened, command_errors():
            yield opened
        is_done = True
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror}.") from None
    finally:
        if not is_done:
            target.unlink(missing_ok=True)
