"""`flask backup` and `flask restore`."""

import os
import tarfile
from pathlib import Path

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP
from rubberduck.core.errors import DuckError
from rubberduck.services.backup import CannotRestore, Covered, create_backup, restore_backup
from rubberduck.web.deps import pipeline, settings


@click.command("backup", context_settings=HELP)
@with_appcontext
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Back up the database (SQLite), instance/ and the pictures to the tar FILE.

    The site may run meanwhile. Of a bucket, FILE lists the objects and their versions.

    \b
    Example:
      flask backup duck-2026-11-20.tar

    `flask restore` puts it back. Keep it secret: it holds the key that signs the cookies.
    """
    if file.exists():
        raise click.ClickException(f"{file} already exists. Nothing was overwritten.")
    if not os.access(file.absolute().parent, os.W_OK):
        raise click.ClickException(f"{file} cannot be written: its folder is missing or closed.")
    try:
        covered = create_backup(file, settings(), pipeline())
    except DuckError as error:
        raise click.ClickException(error.operator_message) from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    _print(covered)
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB.")


@click.command("restore", context_settings=HELP)
@with_appcontext
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Restore FILE, a backup or a plain copy of the SQLite database. Stop the site first.

    The previous database is kept beside the restored one. Pictures that are there stay; for
    DUCK_KEEP_DAYS, none is deleted because its result is unknown.

    \b
    Example:
      flask restore duck-2026-11-20.tar
    """
    try:
        covered = restore_backup(file, settings(), pipeline().storage)
    except CannotRestore as error:
        raise click.ClickException(str(error)) from None
    except DuckError as error:
        raise click.ClickException(error.operator_message) from None
    except (OSError, tarfile.TarError) as error:
        raise click.ClickException(f"{file} cannot be restored: {error}.") from None
    _print(covered)


def _print(covered: Covered) -> None:
    for part in covered.done:
        click.echo(f"done         {part}")
    for part in covered.left_out:
        click.echo(f"not covered  {part}", err=True)
