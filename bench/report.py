"""What was measured as text for a terminal, as JSON, and as docs/speed.md with its plots."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from bench import plots
from bench.measure import Comparison, Figures, Growth, Measured, Parts, measured
from rubberduck.core.settings import ROOT

PAGE = ROOT / "docs" / "speed.md"
FOLDER = ROOT / "docs" / "speed"
FIGURES = FOLDER / "figures.jsonl"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
HEAD = """| What | Ours | Beside it | Ratio | Aim | Idle |
|---|---|---|---|---|---|"""


def as_text(each: Measured) -> str:
    """For a terminal."""
    idle = f"idle {each.idle:.0%}" if each.idle is not None else ""
    if isinstance(each, Parts):
        lines = [f"  {name:40} {_short(part)} {each.unit}" for name, part in each.parts.items()]
        return "\n".join([each.what, *lines, f"  {idle}", ""])
    if isinstance(each, Growth):
        lines = [
            f"  {name:32} {_steep(each, name)}: " + ", ".join(f"{value:.3g}" for value in values)
            for name, values in each.sides.items()
        ]
        sizes = f"  {each.over}: " + ", ".join(f"{size:g}" for size in each.sizes)
        return "\n".join([f"{each.what}, {each.unit}", sizes, *lines, f"  {idle}", ""])
    sides = [f"  {side.name:32} {_side(side, each.unit)}" for side in _sides(each)]
    ratio = f"ratio {each.ratio:.2f}" if each.ratio is not None else ""
    last = "  ".join(filter(None, ("", ratio, _aim(each), idle, each.note)))
    return "\n".join([each.what, *sides, last, ""])


def as_json(name: str, each: Measured) -> str:
    """One line, with what follows from the figures."""
    more = {"ratio": each.ratio} if isinstance(each, Comparison) else {}
    plain = measured.dump_python(each, mode="json")
    return json.dumps({"bench": name, **plain, **more}, ensure_ascii=False)


def write(name: str, news: Iterable[Measured]) -> None:
    """Put these in the place of the older figures of that name, and make the page of them all."""
    FOLDER.mkdir(exist_ok=True)
    kept = read(FIGURES)
    kept[name] = list(news)
    lines = [as_json(name, each) for name, group in kept.items() for each in group]
    FIGURES.write_text("\n".join(lines) + "\n")
    everything = [each for group in kept.values() for each in group]
    for each in everything:
        if isinstance(each, Growth):
            plots.grow(each, FOLDER / f"{file_name(each.what)}.svg")
    plots.aims([each for each in everything if isinstance(each, Comparison)], FOLDER / "aims.svg")
    PAGE.write_text(_between(PAGE.read_text(), _tables(kept)))


def read(file: Path) -> dict[str, list[Measured]]:
    kept: dict[str, list[Measured]] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        name = json.loads(line)["bench"]
        kept.setdefault(name, []).append(measured.validate_json(line))
    return kept


def _between(page: str, figures: str) -> str:
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def _tables(kept: dict[str, list[Measured]]) -> str:
    return "\n\n".join(f"### {name}\n\n{table(group)}" for name, group in kept.items())


def table(group: Iterable[Measured]) -> str:
    """A bench in Markdown: its comparisons, then its plots."""
    group = list(group)
    rows = [_row(each) for each in group if isinstance(each, Comparison)]
    shown = [
        f"![{each.what}, over {each.over}](speed/{file_name(each.what)}.svg)\n\n{_growth(each)}"
        for each in group
        if isinstance(each, Growth)
    ]
    made_of = [_made_of(each) for each in group if isinstance(each, Parts)]
    return "\n\n".join(filter(None, ["\n".join([HEAD, *rows]) if rows else "", *shown, *made_of]))


def _made_of(each: Parts) -> str:
    rows = [f"| {name} | {_short(part)} {each.unit} |" for name, part in each.parts.items()]
    return "\n".join([f"| {each.what} | |", "|---|---|", *rows])


def _row(each: Comparison) -> str:
    ratio = f"{each.ratio:.2f}" if each.ratio is not None else ""
    idle = f"{each.idle:.0%}" if each.idle is not None else ""
    what = f"{each.what} ({each.note})" if each.note else each.what
    other = f"{each.other.name}: {_side(each.other, each.unit)}" if each.other else ""
    ours = f"{each.ours.name}: {_side(each.ours, each.unit)}"
    return f"| {what} | {ours} | {other} | {ratio} | {_aim(each)} | {idle} |"


def _sides(each: Comparison) -> list[Figures]:
    return [each.ours, *([each.other] if each.other else [])]


def _side(side: Figures, unit: str) -> str:
    spread = f" ({_short(side.p10)} to {_short(side.p90)})" if len(side.values) > 1 else ""
    cpu = f", processor {sorted(side.cpu)[len(side.cpu) // 2] * 1000:.0f} ms" if side.cpu else ""
    return f"{_short(side.median)} {unit}{spread}{cpu}"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _aim(each: Comparison) -> str:
    if each.aim is None or each.aimed_at is None:
        return ""
    met = "not met" if not each.aim.is_met(each.aimed_at) else "met"
    reached = each.aim.goal is not None and each.aim.is_reached(each.aimed_at)
    unit = f" {each.unit}".rstrip() if each.aim.absolute else ""
    return f"{each.aim}{unit}: {'reached' if reached else met}"


def _growth(each: Growth) -> str:
    steep = ", ".join(f"{name} {_steep(each, name)}" for name in each.sides)
    return f"In the upper half of the sizes it costs: {steep}."


def _steep(growth: Growth, side: str) -> str:
    return f"size^{growth.exponent(side):.2f}"


def file_name(what: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
