"""Measure two sides of a comparison in turns, so that a busy machine slows both of them down."""

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles
from typing import NamedTuple

import psutil
from pydantic import TypeAdapter


class Sample(NamedTuple):
    """One measured value in the comparison's unit, and the CPU seconds it took."""

    value: float
    cpu: float = 0.0


Work = Callable[[], object]
Side = tuple[str, Callable[[], Sample]]


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
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        deciles = quantiles(self.values, n=10, method="inclusive")
        return deciles[0], deciles[-1]


@dataclass(frozen=True)
class Aim:
    """The target for the ratio of ours to the other side: at most `must`, ideally at most `goal`.

    `at_least` turns the direction round; `absolute` compares our own median instead of the ratio.
    """

    must: float
    goal: float | None = None
    at_least: bool = False
    absolute: bool = False

    def is_met(self, figure: float) -> bool:
        return self._is_within(figure, self.must)

    def is_reached(self, figure: float) -> bool:
        """Return whether the figure also satisfies the goal, if there is one."""
        return self._is_within(figure, self.must if self.goal is None else self.goal)

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


def idle_share() -> float:
    """Return the idle share of all CPUs since the last call; call it once before measuring."""
    return float(psutil.cpu_times_percent().idle) / 100


def time_call(work: Work) -> Sample:
    """Return the duration in milliseconds."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Sample((time.perf_counter() - wall) * 1000, time.process_time() - cpu)


def compare_times(
    what: str, works: Mapping[str, Work], rounds: int, aim: Aim | None = None, note: str = ""
) -> Comparison:
    """Time one or two sides in milliseconds, ours first, after one round that does not count."""
    sides = [(name, partial(time_call, work)) for name, work in works.items()]
    return compare(what, "ms", sides, rounds, aim, note)


def compare(
    what: str, unit: str, sides: Sequence[Side], rounds: int, aim: Aim | None = None, note: str = ""
) -> Comparison:
    """Measure one or two sides, ours first, after one round that does not count."""
    samples: dict[str, list[Sample]] = {name: [] for name, _ in sides}
    idle_share()
    for number in range(rounds + 1):
        # The order alternates: whoever is first finds colder caches.
        for name, measure in sides if number % 2 else sides[::-1]:
            sample = measure()
            if number:
                samples[name].append(sample)
    idle = idle_share()
    figures = [_figures(name, each) for name, each in samples.items()]
    other = figures[1] if len(figures) > 1 else None
    return Comparison(what, unit, figures[0], other, aim, idle, note)


def _figures(name: str, samples: list[Sample]) -> Figures:
    cpu = tuple(sample.cpu for sample in samples)
    return Figures(name, tuple(sample.value for sample in samples), cpu if any(cpu) else ())


def measure_growth(
    what: str,
    over: str,
    sizes: Sequence[float],
    sides: Mapping[str, Callable[[float], object]],
    rounds: int,
) -> Growth:
    """Time each side at each size in milliseconds, after one round that does not count."""
    times: dict[tuple[str, float], list[float]] = {}
    idle_share()
    for number in range(rounds + 1):
        for size in sizes:
            for name, work in sides.items():
                value = time_call(partial(work, size)).value
                if number:
                    times.setdefault((name, size), []).append(value)
    medians = {name: tuple(median(times[name, size]) for size in sizes) for name in sides}
    return Growth(what, "ms", over, tuple(sizes), medians, idle_share())
