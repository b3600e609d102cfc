"""What the site's charts share: colours for light and dark pages, axes, SVG."""

import io
from dataclasses import dataclass

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

SIZE = (4.8, 2.7)  # inches; keeps the text readable on a phone
# Text as <text>, not as paths: small, sharp, in the visitor's font. A fixed salt: the same data
# gives the same file. matplotlib sets both for the process; no other module writes SVG.
rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "charts"})


@dataclass(frozen=True)
class Scheme:
    """The colours of a chart."""

    ink: str
    yes: str
    no: str
    lines: tuple[str, ...]  # told apart also by people who see red and green alike


SCHEMES = {
    "light": Scheme(
        ink="#14242f",
        yes="#f2b705",
        no="#4f86ab",
        lines=("#0072b2", "#b35900", "#007a5a", "#a33c7e", "#5b5b5b", "#8a6d00"),
    ),
    "dark": Scheme(
        ink="#eaf4fb",
        yes="#ffd43b",
        no="#7fa9c6",
        lines=("#56b4e9", "#ff9d42", "#35c79a", "#e39ac4", "#b9c4cc", "#f0e442"),
    ),
}


def axes_of(scheme: Scheme, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(scheme.ink)
    axes.tick_params(colors=scheme.ink)
    axes.xaxis.label.set_color(scheme.ink)
    axes.yaxis.label.set_color(scheme.ink)
    return figure, axes


def svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})
    return file.getvalue()
