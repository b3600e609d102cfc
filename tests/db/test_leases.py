"""Leases on both databases: one process at a time, and nobody waits for a dead one for ever."""

import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event

import pytest
import time_machine

from rubberduck.db import leases
from rubberduck.db.engine import Database
from rubberduck.db.leases import Lease
from rubberduck.db.results import Results

LASTS, INTERVAL = timedelta(minutes=15), timedelta(days=1)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
spawn = multiprocessing.get_context("spawn")


def lease(database: Database) -> Lease:
    return Lease(database, "a task", LASTS, INTERVAL)


def acquire(url: str) -> bool:
    return lease(Database(url)).acquire()


def acquire_and_die(url: str) -> None:
    lease(Database(url)).acquire()
    os._exit(9)


def hold(url: str, is_held: Event, may_end: Event) -> None:
    lease(Database(url)).acquire()
    is_held.set()
    may_end.wait(60)


def url_of(results: Results) -> str:
    """Return the URL with which another process opens the database."""
    database = results.database
    if database.file:
        return f"sqlite:///{database.file}"
    return database.engine.url.render_as_string(hide_password=False)


def test_one_of_two_processes_gets_it(any_results: Results) -> None:
    with spawn.Pool(2) as pool:
        got = pool.map(acquire, [url_of(any_results)] * 2, chunksize=1)
    assert sorted(got) == [False, True]


def test_it_is_due_again_after_the_interval_or_early_on_request(any_results: Results) -> None:
    task = lease(any_results.database)
    with time_machine.travel(NOW, tick=False) as clock:
        assert task.acquire()
        task.release("done")
        clock.shift(INTERVAL - MINUTE)
        assert not task.acquire()
        assert task.outcome() == "done"
        assert task.acquire(early=True)
        task.release(after=5 * MINUTE)
        clock.shift(5 * MINUTE)
        assert task.acquire()


def test_who_extends_it_keeps_it_and_who_does_not_loses_it(
    any_results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As seen by another machine, which knows nothing of this process but the row."""
    task = lease(any_results.database)
    with time_machine.travel(NOW, tick=False) as clock:
        assert task.acquire()
        clock.shift(LASTS - MINUTE)
        assert task.extend()
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(leases, "own_id", lambda: "of another machine")
            elsewhere.setattr(leases, "has_ended", lambda _: None)
            clock.shift(LASTS - MINUTE)
            assert not task.acquire()
            assert not task.acquire(early=True)
            clock.shift(MINUTE)
            assert task.acquire()
        assert not task.extend()
        task.release("too late")
        assert task.outcome() is None


def test_on_one_machine_a_dead_process_loses_it_at_once_and_a_living_one_does_not(
    any_results: Results,
) -> None:
    url, task = url_of(any_results), lease(any_results.database)
    dead = spawn.Process(target=acquire_and_die, args=(url,))
    dead.start()
    dead.join()
    assert dead.exitcode == 9
    is_held, may_end = spawn.Event(), spawn.Event()
    living = spawn.Process(target=hold, args=(url, is_held, may_end))
    living.start()
    assert is_held.wait(60)
    try:
        assert not task.acquire(early=True)
    finally:
        may_end.set()
        living.join()
    assert task.acquire()


def test_a_clock_that_was_wrong_does_not_block_it_for_years(any_results: Results) -> None:
    task = lease(any_results.database)
    with time_machine.travel(NOW + timedelta(days=9000), tick=False):
        assert task.acquire()
        task.release()
    with time_machine.travel(NOW, tick=False):
        assert task.acquire()
