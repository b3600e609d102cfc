"""`python -m bench NAME …` measures; without a name, everything."""

import json
from dataclasses import asdict
from importlib import import_module

import click

from bench.report import as_table

NAMES = ("floor", "draw")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--json", "as_json", is_flag=True, help="Write JSON, a comparison a line.")
@click.option("--rounds", type=click.IntRange(1), help="How often each side is measured.")
def bench(names: tuple[str, ...], as_json: bool, rounds: int | None) -> None:
    """Measure the site beside the least that it can cost, and beside its peers.

    \b
    Examples:
      python -m bench floor draw
      python -m bench --json > figures.jsonl
    """
    options = {"rounds": rounds} if rounds else {}
    for name in names or NAMES:
        for comparison in import_module(f"bench.{name}").run(**options):
            click.echo(
                json.dumps({"bench": name, **asdict(comparison), "ratio": comparison.ratio})
                if as_json
                else as_table(comparison)
            )


if __name__ == "__main__":
    bench()
