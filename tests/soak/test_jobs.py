"""Workers killed under 200 jobs, and workers that never return: nothing lost, nothing twice."""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rubberduck.db.engine import Database
from rubberduck.jobs.models import DONE
from rubberduck.jobs.queue import JobQueue
from tests.support.databases import create_database
from tests.support.server import until
from tests.support.workers import Worker, lines, running

pytestmark = pytest.mark.soak
JOBS, KILLS, WORKERS, OWNERS = 200, 20, 3, 10
tell = sys.stdout.write  # figures, which `make soak` shows


@pytest.fixture
def queue(database_url: str) -> Iterator[JobQueue]:
    create_database(database_url, with_jobs=True)
    database = Database(database_url)
    yield JobQueue(database, JOBS)
    database.close()


def test_killed_workers_lose_no_job_and_write_no_result_twice(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    ids = [queue.enqueue("short", f"owner {number % OWNERS}") for number in range(JOBS)]
    numbers = iter(range(1000))

    def start() -> Worker:
        name = f"worker {next(numbers)}"
        return Worker(tmp_path, database_url, name, DUCK_WORKER_JOBS="4")

    def have_ended(number: int) -> bool:
        return queue.store.count()[DONE] >= number

    began = time.monotonic()
    workers = [start() for _ in range(WORKERS)]
    try:
        for kill in range(KILLS):
            # Spread over all of the work: each kill waits for its share of the jobs.
            until(partial(have_ended, JOBS * (kill + 1) // (KILLS + 2)), 900)
            victim = random.randrange(WORKERS)
            workers[victim].kill()
            workers[victim] = start()
        until(partial(have_ended, JOBS), 900)
    finally:
        for worker in workers:
            worker.kill()
    seconds = time.monotonic() - began
    logs = {id: Counter(lines(queue, id)) for id in ids}
    results = [queue.get(id).result == id for id in ids]
    twice = sum(log["done"] > 1 for log in logs.values())
    repeated = sum(log["slept"] > 1 for log in logs.values())
    store = database_url.partition(":")[0]
    tell(
        f"\n{store}: {JOBS} jobs, {KILLS} kills, {seconds:.0f} s: {results.count(False)} lost, "
        f"{twice} results written twice, {repeated} steps run twice\n"
    )
    assert all(results)
    assert all(log["done"] == 1 for log in logs.values())


def test_a_worker_that_wakes_up_writes_nothing(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    """It was stopped until another one had taken its job over, as on a machine that swaps."""
    id = queue.enqueue("count", "ann", to=50, seconds=10.0)
    sleeper = Worker(tmp_path, database_url, "sleeper")
    other = None
    try:
        until(running(queue, id, progress=1), 300)
        first = queue.get(id).executor
        sleeper.process.suspend()
        other = Worker(tmp_path, database_url, "other")
        until(lambda: queue.get(id).executor != first, 300)
        sleeper.process.resume()
        until(lambda: queue.store.count()[DONE] == 1, 300)
        again = queue.enqueue("short", "ann")
        until(lambda: queue.get(again).state == DONE, 300)
    finally:
        for worker in filter(None, [sleeper, other]):
            worker.kill()
    job = queue.get(id)
    assert (job.result, job.executor != first) == (100, True)
    assert lines(queue, id).count("done") == 1


def test_the_jobs_of_workers_that_never_return_go_on_elsewhere(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    ids = [queue.enqueue("count", f"owner {number}", to=50, seconds=20.0) for number in range(6)]
    doomed = [
        Worker(tmp_path, database_url, f"doomed {number}", DUCK_WORKER_JOBS="2")
        for number in range(3)
    ]
    survivor = None
    try:
        for id in ids:
            until(running(queue, id), 300)
        before = {id: queue.get(id).executor for id in ids}
        survivor = Worker(tmp_path, database_url, "survivor", DUCK_WORKER_JOBS="9")
        survivor.until_started()
        for worker in doomed:
            worker.kill()
        began = time.monotonic()
        until(lambda: all(queue.get(id).executor != before[id] for id in ids), 300)
        seconds = time.monotonic() - began
        until(lambda: queue.store.count()[DONE] == len(ids), 600)
    finally:
        for worker in [*doomed, *filter(None, [survivor])]:
            worker.kill()
    store = database_url.partition(":")[0]
    tell(f"\n{store}: 3 workers gone for good: their 6 jobs went on after {seconds:.0f} s\n")
    assert all(Counter(lines(queue, id))["done"] == 1 for id in ids)
    assert "worker dead" in survivor.log
