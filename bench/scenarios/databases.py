"""The results database: connections and fsyncs, growth with its rows, contention for one row."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy import event

from bench.harness.database import DETECTOR, OWNER, a_result, an_upload, fill, save_one
from bench.harness.figures import Aim, Comparison, Figures, Growth, Measured
from bench.harness.measuring import Work, compare_times, idle_share, measure_growth
from db_setup import set_up
from rubberduck.billing.budget import Budget
from rubberduck.core.settings import ROOT
from rubberduck.db.results import Results
from tests.support import postgres

# Pictures whose fsyncs are counted; what the process itself costs is in both.
FEW, MANY = 20, 320
COUNTING = ("strace", "-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync")
ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)
PAGE = 20

# Each "process" has its own connections; the threads are fewer than its pool keeps.
PROCESSES, THREADS = 3, 4
WRITERS, TURNS = PROCESSES * THREADS, 12
SHARED, OWN = "one shared row", "one row for each writer"
BUDGET, DAILY = (f"Counting {what}, {WRITERS} writers" for what in ("a paid call", "a result"))
ROUND_TRIPS = (0.0, 2.0, 5.0, 10.0, 20.0)  # ms
Writer = Callable[[int], object]  # does the work of the writer with this number


def db(rounds: int = 15) -> Iterator[Comparison]:
    """A kept connection or a new one for each picture, and the fsyncs of both."""
    with TemporaryDirectory() as folder:
        set_up(url := f"sqlite:///{folder}/duck.db")
        kept = Results(url)
        works: dict[str, Work] = {
            "connection kept": lambda: kept.get(save_one(kept)),
            "a new one each time": lambda: save_pictures(url, 1),
        }
        what = "Inserting an upload, saving its result, and reading it, SQLite"
        yield compare_times(what, works, rounds)
        kept.close()
    if can_count_syncs():
        ours = Figures("connection kept", (syncs_a_picture(kept=True),))
        other = Figures("a new one each time", (syncs_a_picture(kept=False),))
        yield Comparison("fsyncs a picture, SQLite", "", ours, other, Aim(0.1, absolute=True))


def save_pictures(url: str, count: int) -> None:
    """Insert and read `count` results on one connection."""
    results = Results(url)
    for _ in range(count):
        results.get(save_one(results))
    results.close()


def can_count_syncs() -> bool:
    if not shutil.which("strace"):
        return False
    return subprocess.run([*COUNTING, "true"], check=False, capture_output=True).returncode == 0


def syncs_a_picture(*, kept: bool, many: int = MANY) -> float:
    """Return the fsyncs of one picture, on a connection that is kept, or a new one each time."""
    few, more = (_count_syncs(kept, pictures) for pictures in (FEW, many))
    return (more - few) / (many - FEW)


def _count_syncs(kept: bool, pictures: int) -> int:
    times, each = (1, pictures) if kept else (pictures, 1)
    with TemporaryDirectory() as folder:
        set_up(url := f"sqlite:///{folder}/duck.db")
        code = f"from {__name__} import save_pictures as save\nfor _ in range({times}): "
        command = [*COUNTING, sys.executable, "-c", f"{code}save({url!r}, {each})"]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = (line.split() for line in done.stderr.splitlines() if line.endswith("sync"))
    return sum(int(calls) for _share, _seconds, _each, calls, *_ in lines)


class Filled(NamedTuple):
    results: Results
    id: str  # of one result


QUERIES: dict[str, Callable[[Filled], object]] = {
    "First page of the history": lambda filled: filled.results.list_for_owner(OWNER, PAGE),
    "One result": lambda filled: filled.results.get(filled.id),
    "A new upload": lambda filled: filled.results.begin(an_upload(), DETECTOR),
}


def history(rounds: int = 15, rows: Sequence[int] = ROWS) -> Iterator[Measured]:
    """How the number of stored results affects the first page, one result and a new upload."""
    few, many = rows[0], rows[-1]
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        filled = {count: _fill(f"sqlite:///{folder}/{count}.db", count) for count in rows}
        yield from _few_and_many("SQLite", filled, few, many, rounds)
        works = {what: partial(_query, query, filled) for what, query in QUERIES.items()}
        yield measure_growth("SQLite queries", "results", rows, works, rounds)
        if postgres.missing():
            return
        server = stack.enter_context(postgres.running())
        filled = {n: _fill(stack.enter_context(server.database()), n) for n in (few, many)}
        yield from _few_and_many("PostgreSQL", filled, few, many, rounds)
        for each in filled.values():
            each.results.close()


def _few_and_many(
    name: str, filled: dict[int, Filled], few: int, many: int, rounds: int
) -> Iterator[Comparison]:
    for what, query in QUERIES.items():
        works = {f"{n:,} rows": partial(query, filled[n]) for n in (many, few)}
        yield compare_times(f"{what}, {name}", works, rounds, Aim(1.2))


def _fill(url: str, count: int) -> Filled:
    set_up(url)
    results = Results(url)
    return Filled(results, fill(results, count))


def _query(query: Callable[[Filled], object], filled: dict[int, Filled], rows: float) -> object:
    return query(filled[int(rows)])


def row_contention(rounds: int = 3, round_trips: Sequence[float] = ROUND_TRIPS) -> Iterator[Growth]:
    """Counter rows that every picture updates: how long PostgreSQL makes concurrent writers wait.

    A transaction holds the row that it changed until its commit is done, over every network round
    trip in between. A local one takes no time, so it is added: half before a statement is sent,
    half before its answer arrives. The best round counts: how long a row must be held, not how busy
    the machine is.
    """
    if postgres.missing():
        return
    with postgres.running(fsync="on") as server, server.database() as url:
        set_up(url)
        processes = [Results(url) for _ in range(PROCESSES)]
        for what, work in ((BUDGET, count_calls), (DAILY, count_results)):
            idle_share()
            sides: dict[str, tuple[float, ...]] = {}
            for name in (SHARED, OWN):
                writer = work(processes, name == OWN)
                sides[name] = tuple(
                    min(_milliseconds_with(processes, trip, writer) for _ in range(rounds))
                    for trip in round_trips
                )
            over = "ms for a round trip to PostgreSQL"
            yield Growth(what, "ms each", over, tuple(round_trips), sides, idle_share())
        for each in processes:
            each.close()


def _milliseconds_with(processes: list[Results], round_trip: float, writer: Writer) -> float:
    with network_delay(processes, round_trip / 1000):
        return milliseconds_each(writer, TURNS)


def count_calls(processes: list[Results], own: bool) -> Writer:
    """Count paid calls, in the same row of the budget or in one row for each writer."""
    names = [f"detector {number}" if own else DETECTOR for number in range(WRITERS)]
    budgets = [
        Budget(processes[number % PROCESSES].database, name, 0.001, 10**9, 10**9)
        for number, name in enumerate(names)
    ]
    return lambda number: budgets[number].reserve()


def count_results(processes: list[Results], own: bool) -> Writer:
    """Save results; a row counts those of one day, question, engine and tenth of the scores."""

    def save(number: int) -> None:
        results, upload = processes[number % PROCESSES], an_upload()
        results.begin(upload, DETECTOR)
        result = a_result(upload)
        results.save(replace(result, question=f"{number}?") if own else result)

    return save


def milliseconds_each(work: Writer, turns: int) -> float:
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))  # opens a connection for each
        start = time.perf_counter()
        list(pool.map(lambda writer: [work(writer) for _ in range(turns)], range(WRITERS)))
        return (time.perf_counter() - start) / (WRITERS * turns) * 1000


@contextmanager
def network_delay(processes: list[Results], round_trip: float) -> Iterator[None]:
    """Add `round_trip` seconds to each round trip to the database."""

    def half(*_: object) -> None:
        time.sleep(round_trip / 2)

    engines = [each.database.engine for each in processes]
    moments = list(product(engines, ("before_cursor_execute", "after_cursor_execute", "commit")))
    for engine, moment in moments:
        event.listen(engine, moment, half)
    yield
    for engine, moment in moments:
        event.remove(engine, moment, half)
