"""`python -m bench NAME …` measures; without a name, everything."""

import sys
from functools import partial
from importlib import import_module

import click
import pytest

from bench import report
from rubberduck.core.settings import ROOT

NAMES = (
    "floor",
    "draw",
    "start",
    "serve",
    "aws",
    "db",
    "history",
    "memory",
    "camera",
    "detector",
    "peers",
    "profile",
    "burden",
    "hot_rows",
    "scale",
)
CHECK = "check"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice([*NAMES, CHECK]))
@click.option("--json", "as_json", is_flag=True, help="Write JSON, one line for each.")
@click.option("--rounds", type=click.IntRange(1), help="How often each side is measured.")
@click.option(
    "--write",
    is_flag=True,
    help="Put the figures into docs/speed.md; those of scale into docs/scale.md.",
)
def bench(names: tuple[str, ...], as_json: bool, rounds: int | None, write: bool) -> None:
    """Measure the site beside the least that it can cost, and beside its peers.

    `check` looks at no clock: it counts what a request costs, and fails if that became more.

    \b
    Examples:
      python -m bench floor draw
      python -m bench --json > figures.jsonl
      python -m bench --write history
    """
    if CHECK in names:
        sys.exit(pytest.main(["-n", "0", str(ROOT / "tests" / "test_counts.py")]))
    options = {"rounds": rounds} if rounds else {}
    for name in names or NAMES:
        module = import_module(f"bench.{name}")
        # `scale` measures nothing, and has a page of its own.
        write_down = getattr(module, "write", partial(report.write, name))
        measured = []
        for each in module.run(**options):
            click.echo(report.as_json(name, each) if as_json else report.as_text(each))
            measured.append(each)
            if write:  # at once: the next one may take long, and be stopped
                write_down(measured)


if __name__ == "__main__":
    bench()
