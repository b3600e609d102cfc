"""Two sides of one comparison, measured in turns, so that a noisy machine is noisy for both."""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles
from typing import NamedTuple

import psutil
from pydantic import TypeAdapter


class Sample(NamedTuple):
    """What one go gave, in the comparison's unit, and the processor seconds that it took."""

    value: float
    cpu: float = 0.0


Work = Callable[[], object]
Side = tuple[str, Callable[[], Sample]]


@dataclass(frozen=True)
class Figures:
    """One side's value of each round, in the comparison's unit; `cpu` is processor seconds."""

    name: str
    values: tuple[float, ...]
    cpu: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def p10(self) -> float:
        return self._tenth(0)

    @property
    def p90(self) -> float:
        return self._tenth(-1)

    def _tenth(self, which: int) -> float:
        if len(self.values) < 2:
            return self.values[0]
        return quantiles(self.values, n=10, method="inclusive")[which]


@dataclass(frozen=True)
class Aim:
    """How the ratio of ours to the other side has to be: at most `must`, better at most `goal`.

    With `at_least`, the other way round. `absolute`: not the ratio, but ours in its own unit.
    """

    must: float
    goal: float | None = None
    at_least: bool = False
    absolute: bool = False

    def is_met(self, figure: float) -> bool:
        return self._is_within(figure, self.must)

    def is_reached(self, figure: float) -> bool:
        """Also the goal, if there is one."""
        return self._is_within(figure, self.must if self.goal is None else self.goal)

    def share(self, figure: float) -> float:
        """How much of what is allowed was used: met up to 1."""
        if self.at_least:
            return self.must / figure if figure else math.inf
        return figure / self.must

    def _is_within(self, figure: float, limit: float) -> bool:
        return figure >= limit if self.at_least else figure <= limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        goal = f", then {self.goal:g}" if self.goal is not None else ""
        return f"{sign} {self.must:g}{goal}"


@dataclass(frozen=True)
class Comparison:
    """Ours, beside another side if there is one.

    `idle` is the share of the processors that had nothing to do.
    """

    what: str
    unit: str
    ours: Figures
    other: Figures | None = None
    aim: Aim | None = None
    idle: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios: what slows a round down slows both sides."""
        if self.other is None:
            return None
        pairs = zip(self.ours.values, self.other.values, strict=False)
        return median(ours / other for ours, other in pairs)

    @property
    def aimed_at(self) -> float | None:
        """The figure that the aim speaks of."""
        return self.ours.median if self.aim and self.aim.absolute else self.ratio


@dataclass(frozen=True)
class Growth:
    """What something costs at several sizes: the medians of each side, in the sizes' order."""

    what: str
    unit: str
    over: str
    sizes: tuple[float, ...]
    sides: Mapping[str, tuple[float, ...]]
    idle: float | None = None
    note: str = ""

    def exponent(self, side: str) -> float:
        """How the cost follows the size in the upper half: 0 is flat, 1 linear, 2 quadratic."""
        middle, values = len(self.sizes) // 2, self.sides[side]
        growth = values[-1] / values[middle]
        return math.log(growth) / math.log(self.sizes[-1] / self.sizes[middle])


@dataclass(frozen=True)
class Parts:
    """What a whole is made of."""

    what: str
    unit: str
    parts: Mapping[str, float]
    idle: float | None = None


Measured = Comparison | Growth | Parts


@dataclass
class Idle:
    """What share of the processors was idle while this was open."""

    share: float = field(default=0.0)


@contextmanager
def idle() -> Iterator[Idle]:
    idle = Idle()
    psutil.cpu_times_percent()
    yield idle
    idle.share = psutil.cpu_times_percent().idle / 100


def in_turns(
    what: str,
    ours: tuple[str, Work],
    other: tuple[str, Work],
    rounds: int,
    aim: Aim | None = None,
    note: str = "",
) -> Comparison:
    """Times both, in milliseconds, after one round that does not count."""
    sides = [(name, partial(timed, work)) for name, work in (ours, other)]
    return compared(what, "ms", sides, rounds, aim, note)


def compared(
    what: str,
    unit: str,
    sides: Sequence[Side],
    rounds: int,
    aim: Aim | None = None,
    note: str = "",
) -> Comparison:
    """Measures ours, and the other side if there are two, after one round that does not count."""
    samples: dict[str, list[Sample]] = {name: [] for name, _ in sides}
    with idle() as rest:
        for number in range(rounds + 1):
            # Who begins changes each round: the first one finds colder caches.
            for name, measure in sides if number % 2 else sides[::-1]:
                sample = measure()
                if number:
                    samples[name].append(sample)
    figures = [_figures(name, each) for name, each in samples.items()]
    other = figures[1] if len(figures) > 1 else None
    return Comparison(what, unit, figures[0], other, aim, rest.share, note)


def _figures(name: str, samples: list[Sample]) -> Figures:
    cpu = tuple(each.cpu for each in samples)
    return Figures(name, tuple(each.value for each in samples), cpu if any(cpu) else ())


def growing(
    what: str,
    over: str,
    sizes: Sequence[float],
    sides: Mapping[str, Callable[[float], Work]],
    rounds: int,
    note: str = "",
) -> Growth:
    """Times each side at each size, in milliseconds; a side makes its work for a size."""
    works = {(name, size): work(size) for name, work in sides.items() for size in sizes}
    times: dict[tuple[str, float], list[float]] = {key: [] for key in works}
    with idle() as rest:
        for number in range(rounds + 1):
            for key, work in works.items():
                value = timed(work).value
                if number:
                    times[key].append(value)
    medians = {name: tuple(median(times[name, size]) for size in sizes) for name in sides}
    return Growth(what, "ms", over, tuple(sizes), medians, rest.share, note)


def timed(work: Work) -> Sample:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Sample((time.perf_counter() - wall) * 1000, time.process_time() - cpu)


measured: TypeAdapter[Measured] = TypeAdapter(Measured)
