"""`python -m bench NAME …` runs scenarios; without a name, all of them."""

import sys
from pathlib import Path
from typing import Any

import click
import pytest

from bench.capacity.scale_page import scale, update_scale_page
from bench.peers.comparison import peers
from bench.report import speed_page
from bench.scenarios.amazon import aws, cost_per_picture, profile
from bench.scenarios.answer_parts import answer_parts
from bench.scenarios.arrivals import arrivals
from bench.scenarios.builds import builds
from bench.scenarios.custom_models import custom_answer, entries, training
from bench.scenarios.databases import db, history, row_contention
from bench.scenarios.emulator import emulator
from bench.scenarios.jobs import while_training
from bench.scenarios.pictures import detector, draw, lower_bound
from bench.scenarios.sites import camera, memory, serve, start
from bench.scenarios.videos import videos
from rubberduck.core.settings import ROOT

RUNS = (
    *(lower_bound, draw, start, serve, aws, db, history, memory, camera, detector, videos, peers),
    *(arrivals, while_training, entries, custom_answer, training, emulator, builds, profile),
    *(answer_parts, cost_per_picture, row_contention, scale),
)
SCENARIOS = {run.__name__: run for run in RUNS}
OLD_NAMES = {"floor": "lower_bound", "burden": "cost_per_picture", "hot_rows": "row_contention"}
CHECK = "check"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "names", nargs=-1, metavar="[NAME]...", type=click.Choice([*SCENARIOS, *OLD_NAMES, CHECK])
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, one line for each figure.")
@click.option("--rounds", type=click.IntRange(1), help="How often each side is measured.")
@click.option(
    "--older",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="For builds: a checkout of an older build, with what it needs in its .venv.",
)
@click.option("--write", is_flag=True, help="Update docs/speed.md; for scale, docs/scale.md.")
def bench(
    names: tuple[str, ...], as_json: bool, rounds: int | None, older: Path | None, write: bool
) -> None:
    """Compare the site with a lower bound and with other implementations.

    NAME is lower_bound, draw, start, serve, aws, db, history, memory, camera, detector, videos,
    peers, arrivals, while_training, entries, custom_answer, training, emulator, builds, profile,
    answer_parts, cost_per_picture, row_contention or scale. `check` measures no time: it runs the
    tests that count what a request costs.

    \b
    Examples:
      python -m bench lower_bound draw
      python -m bench --json > figures.jsonl
      python -m bench --write history
      python -m bench --older ../older-checkout builds
    """
    if CHECK in names:
        (counts,) = (ROOT / "tests").rglob("test_counts.py")
        sys.exit(pytest.main(["-n", "0", str(counts)]))
    given: dict[str, Any] = {"rounds": rounds} if rounds else {}
    for name in [OLD_NAMES.get(name, name) for name in names or SCENARIOS]:
        figures = []
        options = given | ({"older": older} if name == builds.__name__ else {})
        for figure in SCENARIOS[name](**options):
            json = speed_page.as_json(name, figure)
            click.echo(json if as_json else speed_page.as_markdown([figure]))
            figures.append(figure)
            if write and name != scale.__name__:  # after each figure: the next may be interrupted
                speed_page.write(name, figures)
        if write and name == scale.__name__:
            update_scale_page()


if __name__ == "__main__":
    bench()
