"""Measure two sides of a comparison in turns, so that a busy machine slows both of them down."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from statistics import median
from typing import NamedTuple, TypeVar

import psutil

from bench.harness.figures import Aim, Comparison, Figures, Growth


class Sample(NamedTuple):
    """One measured value in the comparison's unit, and the CPU seconds it took."""

    value: float
    cpu: float = 0.0


Work = Callable[[], object]
Measure = Callable[[], Sample]
K = TypeVar("K")


def idle_share() -> float:
    """Return the idle share of all CPUs since the last call; call it once before measuring."""
    return float(psutil.cpu_times_percent().idle) / 100


def cpu_seconds(process: psutil.Process) -> float:
    """Return what the process and its descendants have used so far, also those that ended."""
    seconds = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(OSError, psutil.Error):  # it has ended meanwhile
            ended = each.cpu_times()
            seconds += ended.children_user + ended.children_system
            # Linux's number of that process's clock, see clock_getcpuclockid(3); in nanoseconds,
            # while psutil's times are in hundredths of a second.
            seconds += time.clock_gettime(~each.pid << 3 | 2)
    return seconds


def time_call(work: Work) -> Sample:
    """Return the duration in milliseconds."""
    process = psutil.Process()
    gc.collect()
    cpu, wall = cpu_seconds(process), time.perf_counter()
    work()
    milliseconds = (time.perf_counter() - wall) * 1000
    return Sample(milliseconds, cpu_seconds(process) - cpu)


def compare_times(
    what: str, works: Mapping[str, Work], rounds: int, aim: Aim | None = None, note: str = ""
) -> Comparison:
    """Time one or two sides in milliseconds, ours first."""
    measures = {name: partial(time_call, work) for name, work in works.items()}
    return compare(what, "ms", measures, rounds, aim, note)


def compare(
    what: str,
    unit: str,
    measures: Mapping[str, Measure],
    rounds: int,
    aim: Aim | None = None,
    note: str = "",
) -> Comparison:
    """Measure one or two sides, ours first."""
    samples, idle = _in_turns(measures, rounds)
    ours, *others = (
        Figures(name, tuple(sample.value for sample in each), tuple(sample.cpu for sample in each))
        for name, each in samples.items()
    )
    return Comparison(what, unit, ours, others[0] if others else None, aim, idle, note)


def measure_growth(
    what: str,
    over: str,
    sizes: Sequence[float],
    works: Mapping[str, Callable[[float], object]],
    rounds: int,
) -> Growth:
    """Time each side at each size in milliseconds."""
    measures = {
        (name, size): partial(time_call, partial(work, size))
        for size in sizes
        for name, work in works.items()
    }
    samples, idle = _in_turns(measures, rounds)
    sides = {
        name: tuple(median(sample.value for sample in samples[name, size]) for size in sizes)
        for name in works
    }
    return Growth(what, "ms", over, tuple(sizes), sides, idle)


def _in_turns(measures: Mapping[K, Measure], rounds: int) -> tuple[dict[K, list[Sample]], float]:
    """Return each side's samples, after a round that does not count, and the idle share."""
    samples: dict[K, list[Sample]] = {side: [] for side in measures}
    idle_share()
    for number in range(rounds + 1):
        # The order alternates: whoever is first finds colder caches.
        for side in list(measures)[:: 1 if number % 2 else -1]:
            sample = measures[side]()
            if number:
                samples[side].append(sample)
    return samples, idle_share()
