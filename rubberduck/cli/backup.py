"""`flask backup` and `flask restore`."""

import os
import tarfile
from pathlib import Path

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP, command_errors
from rubberduck.services.backup import CannotRestore, Covered, create_backup, restore_backup
from rubberduck.web.deps import pipeline, settings


@click.command("backup", context_settings=HELP)
@with_appcontext
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Back up the database, instance/ and the pictures.

    FILE is a new tar file. The site may keep running. For a bucket, FILE lists its objects and
    their versions. PostgreSQL is not included: use pg_dump.

    \b
    Example:
      flask backup duck-2026-11-20.tar

    `flask restore` restores it. Keep FILE secret: it contains the key that signs the cookies.
    """
    if file.exists():
        raise click.ClickException(f"{file} already exists. Nothing was overwritten.")
    if not os.access(file.absolute().parent, os.W_OK):
        raise click.ClickException(
            f"{file} cannot be written: its folder does not exist or is not writable."
        )
    try:
        with command_errors():
            covered = create_backup(file, settings(), pipeline())
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    _print(covered)
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB.")


@click.command("restore", context_settings=HELP)
@with_appcontext
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Restore FILE, a backup or a plain copy of the SQLite database. Stop the site first.

    The previous database is kept beside the restored one, and existing pictures are kept. For
    DUCK_KEEP_DAYS, the sweep does not delete pictures that have no result. API keys that were
    revoked after the backup are valid again.

    \b
    Example:
      flask restore duck-2026-11-20.tar
    """
    try:
        with command_errors():
            covered = restore_backup(file, settings(), pipeline().storage)
    except CannotRestore as error:
        raise click.ClickException(str(error)) from None
    except (OSError, tarfile.TarError) as error:
        raise click.ClickException(f"{file} cannot be restored: {error}.") from None
    _print(covered)
    click.echo("API keys that were revoked after the backup are valid again.", err=True)


@click.command("restored", context_settings=HELP)
@with_appcontext
def restored() -> None:
    """Say that the database was restored by other means than `flask restore`.

    For DUCK_KEEP_DAYS, the sweep then does not delete pictures that have no result. Run it after
    every such restore: pg_restore is usually noticed without it, a disk's snapshot is not.

    \b
    Example:
      flask restored
    """
    with command_errors():
        pipeline().results.mark_restored()
    click.echo(f"Pictures without a result are kept for {settings().keep_days} days from now.")


def _print(covered: Covered) -> None:
    for part in covered.done:
        click.echo(f"done         {part}")
    for part in covered.left_out:
        click.echo(f"not covered  {part}", err=True)
