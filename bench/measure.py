"""Two sides of one comparison, measured in turns, so that a noisy machine is noisy for both."""

import gc
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

import psutil

Work = Callable[[], object]


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

    With `at_least`, the other way round.
    """

    must: float
    goal: float | None = None
    at_least: bool = False

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.must if self.at_least else ratio <= self.must

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        goal = f", then {self.goal:g}" if self.goal is not None else ""
        return f"{sign} {self.must:g}{goal}"


@dataclass(frozen=True)
class Comparison:
    """Ours beside another side; `idle` is the share of the processors that had nothing to do."""

    what: str
    unit: str
    ours: Figures
    other: Figures
    aim: Aim | None = None
    idle: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: what slows a round down slows both sides."""
        pairs = zip(self.ours.values, self.other.values, strict=False)
        return median(ours / other for ours, other in pairs if other)


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
    what: str, ours: tuple[str, Work], other: tuple[str, Work], rounds: int, aim: Aim | None = None
) -> Comparison:
    """Times both, in milliseconds, after one round that does not count."""
    sides = (ours, other)
    walls: dict[str, list[float]] = {name: [] for name, _ in sides}
    cpus: dict[str, list[float]] = {name: [] for name, _ in sides}
    with idle() as rest:
        for number in range(rounds + 1):
            # Who begins changes each round: the first one finds colder caches.
            for name, work in sides if number % 2 else sides[::-1]:
                wall, cpu = _timed(work)
                if number:
                    walls[name].append(wall * 1000)
                    cpus[name].append(cpu)
    figures = [Figures(name, tuple(walls[name]), tuple(cpus[name])) for name, _ in sides]
    return Comparison(what, "ms", *figures, aim, rest.share)


def _timed(work: Work) -> tuple[float, float]:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def peak_megabytes() -> float:
    """The most that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
