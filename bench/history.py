"""What the number of results costs: the list's first page, a result, a new upload."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.measure import Aim, Growth, Measured, Work, growing, in_turns
from bench.rows import OWNER, an_upload, fill
from db_setup import set_up
from rubberduck.db.results import Results
from tests.support import postgres

ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)
PAGE = 20


class Filled(NamedTuple):
    results: Results
    id: str  # of one result


def run(rounds: int = 15, rows: tuple[int, ...] = ROWS) -> Iterator[Measured]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        yield from _on("SQLite", [(n, f"sqlite:///{folder / f'{n}.db'}") for n in rows], rounds)
    if postgres.missing():
        return
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running())
        ends = (rows[0], rows[-1])
        urls = [(n, stack.enter_context(server.database())) for n in ends]
        yield from _on("PostgreSQL", urls, rounds)


def _on(name: str, urls: list[tuple[int, str]], rounds: int) -> Iterator[Measured]:
    filled = {count: _filled(url, count) for count, url in urls}
    few, many = min(filled), max(filled)
    for what, work in QUESTIONS.items():
        yield in_turns(
            f"{what}, {name}",
            (f"{many:,} rows", work(filled[many])),
            (f"{few:,} rows", work(filled[few])),
            rounds,
            Aim(1.2),
        )
    if len(filled) > 2:
        yield _growth(name, filled, rounds)
    for each in filled.values():
        each.results.close()


def _filled(url: str, count: int) -> Filled:
    set_up(url)
    results = Results(url)
    return Filled(results, fill(results, count))


def _growth(name: str, filled: dict[int, Filled], rounds: int) -> Growth:
    def at(work: Callable[[Filled], Work]) -> Callable[[float], Work]:
        return lambda size: work(filled[int(size)])

    sides = {what: at(work) for what, work in QUESTIONS.items()}
    return growing(f"Questions to {name}", "results", list(filled), sides, rounds)


def _first_page(filled: Filled) -> Work:
    return lambda: filled.results.list_for_owner(OWNER, PAGE)


def _a_result(filled: Filled) -> Work:
    return lambda: filled.results.get(filled.id)


def _an_upload(filled: Filled) -> Work:
    return lambda: filled.results.begin(an_upload(), "the detector")


QUESTIONS = {
    "First page of the history": _first_page,
    "One result": _a_result,
    "A new upload": _an_upload,
}
