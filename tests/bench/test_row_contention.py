"""The scenario `row_contention` counts in shared rows or in own rows, on a real PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from bench.scenarios import databases
from rubberduck.db.results import Results
from rubberduck.db.tables import calls, daily_counts
from tests.support import postgres
from tests.support.databases import create_database


@pytest.fixture
def processes(postgres_server: postgres.Server) -> Iterator[list[Results]]:
    with postgres_server.database() as url:
        create_database(url)
        processes = [Results(url) for _ in range(databases.PROCESSES)]
        yield processes
        for each in processes:
            each.close()


@pytest.mark.parametrize(("own", "rows"), [(False, 1), (True, databases.WRITERS)])
def test_calls_are_counted_in_one_row_or_in_many(
    processes: list[Results], own: bool, rows: int
) -> None:
    work = databases.count_calls(processes, own)
    with databases.network_delay(processes, 0.001):
        assert databases.milliseconds_each(work, 2) > 0
    with processes[0].database.transaction() as connection:
        taken = connection.scalars(select(calls.c.taken).order_by(calls.c.period)).all()
    expected = 3 * databases.WRITERS // rows
    assert taken == [expected] * 2 * rows  # of the month and of the day


@pytest.mark.parametrize(("own", "rows"), [(False, 1), (True, databases.WRITERS)])
def test_results_are_counted_in_one_row_or_in_many(
    processes: list[Results], own: bool, rows: int
) -> None:
    work = databases.count_results(processes, own)
    assert databases.milliseconds_each(work, 2) > 0
    with processes[0].database.transaction() as connection:
        counts = connection.scalars(select(daily_counts.c.asked)).all()
    assert counts == [3 * databases.WRITERS // rows] * rows
