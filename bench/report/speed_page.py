"""Measured figures in Markdown, as JSON lines, and as docs/speed.md."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.harness.figures import Breakdown, Comparison, Figures, Growth, Measured, measured
from rubberduck.core.settings import ROOT

PAGE = ROOT / "docs" / "speed.md"
FIGURES = ROOT / "docs" / "speed" / "figures.jsonl"
HEAD = ("What", "Ours", "Compared with", "Ratio", "Aim", "Idle")


def as_markdown(figures: Sequence[Measured]) -> str:
    """Return a table of the comparisons, then one of each growth and each breakdown."""
    rows = [_row(figure) for figure in figures if isinstance(figure, Comparison)]
    parts = [table(HEAD, rows)] if rows else []
    for figure in figures:
        if isinstance(figure, Growth):
            head = (f"{figure.what}, {figure.unit}, by {figure.over}", *map(_short, figure.sizes))
            values = [
                (name, *map(_short, values), f"size^{figure.exponent(name):.2f}")
                for name, values in figure.sides.items()
            ]
            parts.append(table((*head, "growth, upper half"), values))
        elif isinstance(figure, Breakdown):
            cells = [(name, f"{_short(part)} {figure.unit}") for name, part in figure.parts.items()]
            parts.append(table((figure.what, ""), cells))
    return "\n\n".join(parts) + "\n"


def as_json(scenario: str, figure: Measured) -> str:
    """Return one line, with the ratio that follows from the figures."""
    more = {"ratio": figure.ratio} if isinstance(figure, Comparison) else {}
    plain = measured.dump_python(figure, mode="json")
    return json.dumps({"bench": scenario, **plain, **more}, ensure_ascii=False)


def write(scenario: str, figures: Iterable[Measured]) -> None:
    """Replace the scenario's older figures, and render the page again."""
    kept = read(FIGURES)
    kept[scenario] = list(figures)
    lines = [as_json(name, figure) for name, group in kept.items() for figure in group]
    FIGURES.write_text("\n".join(lines) + "\n")
    sections = [f"### {name}\n\n{as_markdown(group)}" for name, group in kept.items()]
    PAGE.write_text(put(PAGE.read_text(), "figures", "\n".join(sections)))


def read(file: Path) -> dict[str, list[Measured]]:
    """Return the figures of each scenario."""
    kept: dict[str, list[Measured]] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        scenario = json.loads(line)["bench"]
        kept.setdefault(scenario, []).append(measured.validate_json(line))
    return kept


def put(page: str, name: str, block: str) -> str:
    """Return the page with `block` between its marks of this name; ValueError if it has none."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    if not found or end not in rest:
        raise ValueError(f"the page has no lines {begin} and {end}: put them back")
    return f"{before}{begin}\n{block.rstrip()}\n{end}{rest.partition(end)[2]}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    first, *others = (f"| {' | '.join(cells)} |" for cells in (head, *rows))
    return "\n".join([first, f"|{'---|' * len(head)}", *others])


def _row(figure: Comparison) -> Sequence[str]:
    return (
        f"{figure.what} ({figure.note})" if figure.note else figure.what,
        f"{figure.ours.name}: {_side(figure.ours, figure.unit)}",
        f"{figure.other.name}: {_side(figure.other, figure.unit)}" if figure.other else "",
        f"{figure.ratio:.2f}" if figure.ratio is not None else "",
        _aim(figure),
        f"{figure.idle:.0%}" if figure.idle is not None else "",
    )


def _side(side: Figures, unit: str) -> str:
    low, high = map(_short, side.spread)
    spread = f" ({low} to {high})" if len(side.values) > 1 else ""
    cpu = f", CPU {side.median_cpu * 1000:.0f} ms" if any(side.cpu) else ""
    return f"{_short(side.median)} {unit}".rstrip() + spread + cpu


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _aim(figure: Comparison) -> str:
    if figure.aim is None or figure.aimed_at is None:
        return ""
    unit = f" {figure.unit}".rstrip() if figure.aim.absolute else ""
    return f"{figure.aim}{unit}: {figure.aim.verdict(figure.aimed_at)}"
