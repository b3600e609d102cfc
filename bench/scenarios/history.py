"""How the number of stored results affects the list's first page, one result and a new upload."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.harness.database import DETECTOR, OWNER, an_upload, fill
from bench.harness.measuring import Aim, Measured, compare_times, measure_growth
from db_setup import set_up
from rubberduck.db.results import Results
from tests.support import postgres

ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)
PAGE = 20


class Filled(NamedTuple):
    results: Results
    id: str  # of one result


QUERIES: dict[str, Callable[[Filled], object]] = {
    "First page of the history": lambda filled: filled.results.list_for_owner(OWNER, PAGE),
    "One result": lambda filled: filled.results.get(filled.id),
    "A new upload": lambda filled: filled.results.begin(an_upload(), DETECTOR),
}


def run(rounds: int = 15, rows: tuple[int, ...] = ROWS) -> Iterator[Measured]:
    with TemporaryDirectory() as folder:
        filled = {count: _fill(f"sqlite:///{folder}/{count}.db", count) for count in rows}
        yield from _few_and_many("SQLite", filled, rounds)
        sides = {what: partial(_query, query, filled) for what, query in QUERIES.items()}
        yield measure_growth("SQLite queries", "results", rows, sides, rounds)
    if postgres.missing():
        return
    with postgres.running() as server, ExitStack() as stack:
        ends = (rows[0], rows[-1])
        filled = {n: _fill(stack.enter_context(server.database()), n) for n in ends}
        yield from _few_and_many("PostgreSQL", filled, rounds)
        for each in filled.values():
            each.results.close()


def _few_and_many(name: str, filled: dict[int, Filled], rounds: int) -> Iterator[Measured]:
    few, many = min(filled), max(filled)
    for what, query in QUERIES.items():
        works = {f"{n:,} rows": partial(query, filled[n]) for n in (many, few)}
        yield compare_times(f"{what}, {name}", works, rounds, Aim(1.2))


def _fill(url: str, count: int) -> Filled:
    set_up(url)
    results = Results(url)
    return Filled(results, fill(results, count))


def _query(query: Callable[[Filled], object], filled: dict[int, Filled], rows: float) -> object:
    return query(filled[int(rows)])
