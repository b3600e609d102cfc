"""What is measured: two sides of a comparison, growth with size, and the parts of a whole."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
from pydantic import TypeAdapter


@dataclass(frozen=True)
class Figures:
    """One side's value in each round, in the comparison's unit; `cpu` is in seconds."""

    name: str
    values: tuple[float, ...]
    cpu: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def median_cpu(self) -> float:
        return median(self.cpu)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the 10th and the 90th percentile."""
        low, high = np.percentile(self.values, (10, 90))
        return float(low), float(high)


@dataclass(frozen=True)
class Aim:
    """The target for the ratio of ours to the other side: at most `must`, ideally at most `goal`.

    `at_least` turns the direction round; `absolute` compares our own median instead of the ratio.
    """

    must: float
    goal: float | None = None
    at_least: bool = False
    absolute: bool = False

    def verdict(self, figure: float) -> str:
        """Return "reached" if the figure also satisfies the goal, else "met" or "not met"."""
        if not self._is_within(figure, self.must):
            return "not met"
        return "met" if self.goal is None or not self._is_within(figure, self.goal) else "reached"

    def _is_within(self, figure: float, limit: float) -> bool:
        return figure >= limit if self.at_least else figure <= limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        goal = f", then {self.goal:g}" if self.goal is not None else ""
        return f"{sign} {self.must:g}{goal}"


@dataclass(frozen=True)
class Comparison:
    """Our figures, and another side's if there is one; `idle` is the idle share of the CPUs."""

    what: str
    unit: str
    ours: Figures
    other: Figures | None = None
    aim: Aim | None = None
    idle: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the median of the rounds' ratios: a slow round slows both sides down."""
        if self.other is None:
            return None
        pairs = zip(self.ours.values, self.other.values, strict=False)
        return median(ours / other for ours, other in pairs)

    @property
    def aimed_at(self) -> float | None:
        """Return the figure that the aim is about."""
        return self.ours.median if self.aim and self.aim.absolute else self.ratio


@dataclass(frozen=True)
class Growth:
    """The cost at several sizes: each side's medians, in the order of the sizes."""

    what: str
    unit: str
    over: str
    sizes: tuple[float, ...]
    sides: Mapping[str, tuple[float, ...]]
    idle: float | None = None

    def exponent(self, side: str) -> float:
        """Return e of cost ~ size^e over the upper half: 0 flat, 1 linear, 2 quadratic."""
        middle, values = len(self.sizes) // 2, self.sides[side]
        growth = values[-1] / values[middle]
        return math.log(growth) / math.log(self.sizes[-1] / self.sizes[middle])


@dataclass(frozen=True)
class Breakdown:
    """The parts of a whole."""

    what: str
    unit: str
    parts: Mapping[str, float]
    idle: float | None = None


Measured = Comparison | Growth | Breakdown
measured: TypeAdapter[Measured] = TypeAdapter(Measured)
