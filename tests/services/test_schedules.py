"""What the worker does on schedule."""

import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine

from rubberduck.billing.budget import Budget
from rubberduck.db.results import Results
from rubberduck.jobs.child import Task
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.jobs.registry import schedules
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.schedules import delete_due, delete_ended_jobs, log_spending
from tests.support.pictures import encoded
from tests.support.server import until
from tests.support.workers import Worker, lines

NOW = datetime(2026, 11, 29, 0, 5, tzinfo=UTC)


@pytest.fixture
def task(pipeline: Pipeline) -> Task:
    return Task("a job", lambda: pipeline, StringIO())


def test_what_is_scheduled() -> None:
    assert {"sweep": "7 * * * *", "daily-spending": "5 0 * * *"}.items() <= schedules().items()


def test_the_scheduled_sweep_deletes_what_is_due_once(task: Task, pipeline: Pipeline) -> None:
    with time_machine.travel(NOW):
        pipeline.process_upload(encoded(), "ann")
    with time_machine.travel(NOW + timedelta(days=31)):
        assert delete_due(task) == {"results": 1, "orphans": 0}
        assert delete_due(task) == {"results": 0, "orphans": 0}


def test_rows_of_jobs_go_when_results_would(task: Task, results: Results) -> None:
    queue = JobQueue(results.database, 9)
    with time_machine.travel(NOW):
        old, waiting = queue.enqueue("train", "ann"), queue.enqueue("train", "ann")
        run = Run(old, 0, "a worker")
        queue.store.begin(run)
        queue.store.finish(run, None)
    with time_machine.travel(NOW + timedelta(days=29)):
        assert delete_ended_jobs(task) == 0
    with time_machine.travel(NOW + timedelta(days=31)):
        assert delete_ended_jobs(task) == 1
    assert [job.id for job in queue.store.newest()] == [waiting]
    assert lines(queue, old) == []


def test_yesterdays_spending_is_logged(
    task: Task, results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    budget = Budget(results.database, "Amazon Rekognition", 0.001, 100, 100)
    with time_machine.travel(NOW - timedelta(hours=3)):
        for _ in range(7):
            budget.reserve()
    with time_machine.travel(NOW):
        budget.reserve()
        assert log_spending(task) == pytest.approx(0.007)
    expected = "day=2026-11-28 engine='Amazon Rekognition' calls=7 dollars=0.007"
    assert f"daily spending {expected}" in caplog.text
    with time_machine.travel(NOW - timedelta(days=9)):
        assert log_spending(task) == 0
    assert "daily spending day=2026-11-19 calls=0" in caplog.text


def test_two_workers_run_a_schedule_once(results: Results, tmp_path: Path) -> None:
    queue = JobQueue(results.database, 9)
    url = f"sqlite:///{results.database.file}"
    workers = [Worker(tmp_path, url, name, jobs="ticking_jobs") for name in ("one", "two")]
    try:
        for worker in workers:
            worker.until_started()
        until(lambda: queue.store.count()["done"] >= 2)
    finally:
        for worker in workers:
            worker.kill()
    done = queue.store.newest(states=("done",))
    assert all(job.id == job.result for job in done)
    assert all(lines(queue, job.id).count("done") == 1 for job in done)
