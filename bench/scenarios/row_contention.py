"""Counter rows that every picture updates: how long PostgreSQL makes concurrent writers wait.

A transaction holds the row that it changed until its commit is done, over every network round trip
in between. A local round trip takes no time, so it is added: half before a statement is sent, half
before its answer arrives. The best round counts: how long a row must be held, not how busy the
machine is.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

from sqlalchemy import event

from bench.harness.database import DETECTOR, a_result, an_upload
from bench.harness.measuring import Growth, idle_share
from db_setup import set_up
from rubberduck.billing.budget import Budget
from rubberduck.db.results import Results
from tests.support import postgres

# Each "process" has its own connections; the threads are fewer than its pool keeps.
PROCESSES, THREADS = 3, 4
WRITERS, TURNS = PROCESSES * THREADS, 12
SHARED, OWN = "one shared row", "one row for each writer"
BUDGET, DAILY = (f"Counting {what}, {WRITERS} writers" for what in ("a paid call", "a result"))
MOMENTS = ("before_cursor_execute", "after_cursor_execute", "commit")
ROUND_TRIPS = (0.0, 2.0, 5.0, 10.0, 20.0)  # ms
Work = Callable[[int], object]  # of the writer with this number


def run(
    rounds: int = 3, round_trips: Sequence[float] = ROUND_TRIPS, turns: int = TURNS
) -> Iterator[Growth]:
    if postgres.missing():
        return
    with postgres.running(fsync="on") as server, server.database() as url:
        set_up(url)
        processes = [Results(url) for _ in range(PROCESSES)]
        for what, work in ((BUDGET, count_calls), (DAILY, count_results)):
            idle_share()
            values: dict[str, list[float]] = {SHARED: [], OWN: []}
            for name, trip in product(values, round_trips):
                writer = work(processes, name == OWN)
                with network_delay(processes, trip / 1000):
                    best = min(milliseconds_each(writer, turns) for _ in range(rounds))
                values[name].append(best)
            sides = {name: tuple(each) for name, each in values.items()}
            over = "ms for a round trip to PostgreSQL"
            yield Growth(what, "ms each", over, tuple(round_trips), sides, idle_share())
        for each in processes:
            each.close()


def count_calls(processes: list[Results], own: bool) -> Work:
    """Count paid calls, in the same row of the budget or in one row for each writer."""

    def budget(number: int) -> Budget:
        name = f"detector {number}" if own else DETECTOR
        return Budget(processes[number % PROCESSES].database, name, 0.001, 10**9, 10**9)

    budgets = [budget(number) for number in range(WRITERS)]
    return lambda number: budgets[number].reserve()


def count_results(processes: list[Results], own: bool) -> Work:
    """Save results; a row counts those of one day, question, engine and tenth of the scores."""

    def save(number: int) -> None:
        results, upload = processes[number % PROCESSES], an_upload()
        results.begin(upload, DETECTOR)
        result = replace(a_result(), id=upload.id)
        results.save(replace(result, question=f"{number}?") if own else result)

    return save


def milliseconds_each(work: Work, turns: int) -> float:
    def many(number: int) -> None:
        for _ in range(turns):
            work(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))  # opens a connection for each
        start = time.perf_counter()
        list(pool.map(many, range(WRITERS)))
        return (time.perf_counter() - start) / (WRITERS * turns) * 1000


@contextmanager
def network_delay(processes: list[Results], round_trip: float) -> Iterator[None]:
    """Add `round_trip` seconds to each round trip to the database."""

    def half(*_: object) -> None:
        time.sleep(round_trip / 2)

    engines = [each.database.engine for each in processes]
    for engine, moment in product(engines, MOMENTS):
        event.listen(engine, moment, half)
    yield
    for engine, moment in product(engines, MOMENTS):
        event.remove(engine, moment, half)
