"""`flask export`: all that is kept of something, as a ZIP."""

from pathlib import Path

import click
from flask.cli import AppGroup

from rubberduck.cli.terminal import HELP, command_errors, printable
from rubberduck.web.deps import default_pipeline

export = AppGroup("export", context_settings=HELP, help="Export all that is kept, as a ZIP.")


@export.command("project", context_settings=HELP)
@click.argument("id")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
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
    try:
        with command_errors():
            found = Projects(site.results.database).get(id)
            with target.open("xb") as opened:
                Export(site.results.database, site.storage, found).write_zip(
                    opened, EVERYTHING, with_pictures=True
                )
    except FileExistsError:
        raise click.ClickException(f"{target} exists already: choose another name.") from None
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror}.") from None
    click.echo(f"{printable(found.name)} is in {printable(str(target))}.")
