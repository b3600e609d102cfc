"""Comparisons as lines of text, a table for docs/speed.md, a plot."""

from bench.measure import Comparison, Figures


def as_table(each: Comparison) -> str:
    """One comparison, for a terminal."""
    aim = f"  aim {each.aim}" if each.aim else ""
    idle = f"  idle {each.idle:.0%}" if each.idle is not None else ""
    lines = [each.what, *(_side(side, each.unit) for side in (each.ours, each.other))]
    return "\n".join([*lines, f"  ratio {each.ratio:.2f}{aim}{idle}", ""])


def _side(side: Figures, unit: str) -> str:
    spread = f"p10 {side.p10:.1f}, p90 {side.p90:.1f}"
    return f"  {side.name:12} {side.median:10.1f} {unit}  ({spread})"
