"""`flask sweep`."""

import click
from flask.cli import with_appcontext

from rubberduck.cli.terminal import HELP
from rubberduck.core.errors import DuckError
from rubberduck.web.deps import sweeper


@click.command("sweep", context_settings=HELP)
@with_appcontext
def sweep() -> None:
    """Delete what was kept for DUCK_KEEP_DAYS, and what uploads cut off left behind.

    \b
    Example:
      flask sweep
    """
    try:
        swept = sweeper().sweep()
    except DuckError as error:
        raise click.ClickException(
            f"Stopped half-way; run it again. {error.operator_message}"
        ) from None
    told = _several(swept.results, "result"), _several(swept.orphans, "stray picture")
    done = " and ".join(each for each in told if each)
    click.echo(f"Swept {done}." if done else "Nothing to sweep.")


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
