"""`flask sweep`: delete what is expired, and orphaned pictures."""

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP
from rubberduck.core.errors import DuckError
from rubberduck.web.deps import sweeper


@click.command("sweep", context_settings=HELP)
@with_appcontext
def sweep() -> None:
    """Delete expired results, videos, pictures of projects and faces, and orphaned pictures.

    Expired results are older than DUCK_KEEP_DAYS, pictures of a project older than its settings
    say; orphaned pictures are left behind by interrupted uploads. The site does this itself: one of
    its processes deletes what is expired each hour and lists the storage for orphans once a day.

    \b
    Example:
      flask sweep
    """
    try:
        swept = sweeper().sweep()
    except DuckError as error:
        raise click.ClickException(
            f"The sweep is incomplete; run it again. {error.operator_message}"
        ) from None
    if swept.is_partial:
        click.echo("Another process is sweeping, and deletes the rest.", err=True)
    people = "person" if swept.people == 1 else "people"
    counts = (
        _count(swept.results, "result"),
        _count(swept.orphans, "orphaned picture"),
        _count(swept.project_pictures, "picture", " of projects"),
        _count(swept.videos, "video"),
        f"{swept.people} {people} from face collections" if swept.people else "",
    )
    deleted = " and ".join(filter(None, counts))
    click.echo(f"Deleted {deleted}." if deleted else "Nothing to delete.")


def _count(number: int, noun: str, more: str = "") -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}{more}" if number else ""
