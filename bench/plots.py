"""The plots of docs/speed.md, drawn by matplotlib without pyplot."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bench.measure import Comparison, Growth

YELLOW, BLUE, GREEN, RED, GREY = "#b8860b", "#1f6feb", "#1a7f37", "#c93c37", "#8c959f"
COLOURS = (BLUE, YELLOW, GREEN, GREY)
LOG_FROM = 30  # largest over smallest size: then both axes count in powers


def grow(growth: Growth, file: Path) -> None:
    """The cost over the size."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for colour, (name, values) in zip(COLOURS, growth.sides.items(), strict=False):
        axes.plot(growth.sizes, values, "o-", color=colour, label=name)
    if min(growth.sizes) > 0 and max(growth.sizes) / min(growth.sizes) >= LOG_FROM:
        axes.set(xscale="log", yscale="log")
    else:
        axes.set_ylim(bottom=0)
    axes.set(title=growth.what, xlabel=growth.over, ylabel=growth.unit)
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, file)


def aims(comparisons: Sequence[Comparison], file: Path) -> None:
    """Each aim's share that was used: what lies left of 1 is met."""
    rows = [
        (each.what, each.aim.share(each.aimed_at), each.aim.is_met(each.aimed_at))
        for each in comparisons
        if each.aim and each.aimed_at is not None
    ]
    figure = Figure(figsize=(9, 1 + 0.27 * len(rows)), layout="constrained")
    axes = figure.subplots()
    _draw_shares(axes, rows)
    _save(figure, file)


def _draw_shares(axes: Axes, rows: Sequence[tuple[str, float, bool]]) -> None:
    for place, (_, share, is_met) in enumerate(rows):
        axes.plot(max(share, 0.01), place, "o", color=GREEN if is_met else RED)
    axes.axvline(1, color=GREY)
    axes.set_yticks(range(len(rows)), [what for what, _, _ in rows], fontsize=8)
    axes.set(xscale="log", xlabel="used of what is allowed: left of the line is met")
    axes.set_ylim(len(rows), -1)
    axes.grid(alpha=0.3, axis="x")


def _save(figure: Figure, file: Path) -> None:
    # The same figures give the same file.
    with rc_context({"svg.hashsalt": "speed", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(str(file), metadata={"Date": None})
