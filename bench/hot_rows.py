"""Rows that every picture counts in: how many a second PostgreSQL lets through, one by one.

Whoever changed such a row holds it until the commit is done, over each way to the database and
back in between. A way takes no time here, so it is made: half of it before a statement goes out,
half before its answer is there. What counts is the best round: how long a row has to be held, not
how busy the machine is.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

from sqlalchemy import event

from bench.measure import Growth, idle
from bench.rows import a_result, an_upload
from db_setup import set_up
from rubberduck.billing.budget import Budget
from rubberduck.db.results import Results
from tests.support import postgres

PROCESSES, THREADS = 3, 4  # each process with connections of its own; less than its pool keeps
AT_ONCE, TURNS = PROCESSES * THREADS, 12
SAME, OWN = "the same rows", "rows of their own"
MOMENTS = ("before_cursor_execute", "after_cursor_execute", "commit")
ROUND_TRIPS = (0.0, 2.0, 5.0, 10.0, 20.0)  # ms
Work = Callable[[int], object]  # for one of those who work at once


def run(
    rounds: int = 3, round_trips: Sequence[float] = ROUND_TRIPS, turns: int = TURNS
) -> Iterator[Growth]:
    if postgres.missing():
        return
    with postgres.running(fsync="on") as server, server.database() as url:
        set_up(url)
        processes = [Results(url) for _ in range(PROCESSES)]
        works = {"a call of the budget": takes, "an answer of the tally": saves}
        for what, work in works.items():
            sides = {SAME: work(processes, False), OWN: work(processes, True)}
            yield _growth(what, processes, sides, rounds, round_trips, turns)
        for each in processes:
            each.close()


def _growth(
    what: str,
    processes: list[Results],
    sides: dict[str, Work],
    rounds: int,
    round_trips: Sequence[float],
    turns: int,
) -> Growth:
    def at(work: Work, trip: float) -> float:
        with far_away(processes, trip / 1000):
            return min(milliseconds_each(work, turns) for _ in range(rounds))

    with idle() as rest:
        values = {
            name: tuple(at(each, trip) for trip in round_trips) for name, each in sides.items()
        }
    title, over = f"Counting {what}, {AT_ONCE} at once", "ms to PostgreSQL and back"
    return Growth(title, "ms each", over, tuple(round_trips), values, rest.share)


def takes(processes: list[Results], own: bool) -> Work:
    def budget(number: int) -> Budget:
        name = f"detector {number}" if own else "the detector"
        return Budget(processes[number % PROCESSES].database, name, 0.001, 10**9, 10**9)

    budgets = [budget(number) for number in range(AT_ONCE)]
    return lambda number: budgets[number].take()


def saves(processes: list[Results], own: bool) -> Work:
    """A row of the tally is one day's, question's, engine's and tenth of the scores'."""

    def save(number: int) -> None:
        results, upload = processes[number % PROCESSES], an_upload()
        results.begin(upload, "the detector")
        result = replace(a_result(), id=upload.id)
        results.save(replace(result, question=f"{number}?") if own else result)

    return save


def milliseconds_each(work: Work, turns: int) -> float:
    def many(number: int) -> None:
        for _ in range(turns):
            work(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(AT_ONCE)))  # each on a connection of its own from now on
        start = time.perf_counter()
        list(pool.map(many, range(AT_ONCE)))
        return (time.perf_counter() - start) / (AT_ONCE * turns) * 1000


@contextmanager
def far_away(processes: list[Results], seconds: float) -> Iterator[None]:
    def half_a_way(*_: object) -> None:
        time.sleep(seconds / 2)

    engines = [each.database.engine for each in processes]
    for engine, moment in product(engines, MOMENTS):
        event.listen(engine, moment, half_a_way)
    yield
    for engine, moment in product(engines, MOMENTS):
        event.remove(engine, moment, half_a_way)
