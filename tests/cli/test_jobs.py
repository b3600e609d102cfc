"""`flask jobs`, and what `flask check` says about jobs."""

import pytest
from flask import Flask

from rubberduck.accounts.audit import AuditLog
from rubberduck.db.results import Results
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from tests.support.command_line import run_command


@pytest.fixture
def queue(results: Results) -> JobQueue:
    return JobQueue(results.database, 9)


def test_jobs_of_all_owners_are_listed(app: Flask, queue: JobQueue) -> None:
    listed = run_command(app, "jobs", "list")
    assert "No jobs." in listed.stdout
    assert "python worker.py" in listed.stderr
    waiting = queue.enqueue("train", "ann")
    failed = queue.enqueue("import", "bob")
    run = Run(failed, 0, "a worker")
    queue.store.begin(run)
    queue.store.fail(run, "The file\nis empty.")
    queue.executors.beat("a worker")
    listed = run_command(app, "jobs", "list")
    assert listed.stderr == ""
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [failed, waiting]
    assert r"import: The file\nis empty." in listed.stdout
    only = run_command(app, "jobs", "list", "--state", "queued")
    assert (waiting in only.stdout, failed in only.stdout) == (True, False)


def test_a_job_is_followed_cancelled_and_tried_again(app: Flask, queue: JobQueue) -> None:
    id = queue.enqueue("train", "project:mugs")
    run = Run(id, 0, "a worker")
    queue.store.begin(run)
    queue.store.report(run, 50, "half", ["a line"])
    assert run_command(app, "jobs", "cancel", id).stdout == "Cancelled.\n"
    followed = run_command(app, "jobs", "follow", id)
    assert followed.exit_code == 1
    assert [line.split("  ")[1] for line in followed.stdout.splitlines()] == [
        "started on worker a worker",
        "a line",
        "cancelled",
    ]
    again = run_command(app, "jobs", "cancel", id)
    assert (again.exit_code, "Only a job that waits or runs" in again.output) == (1, True)
    assert run_command(app, "jobs", "retry", id).stdout == "Queued again.\n"
    run = Run(id, 1, "a worker")
    queue.store.begin(run)
    queue.store.finish(run, None)
    assert run_command(app, "jobs", "follow", id).exit_code == 0
    assert "There is no job" in run_command(app, "jobs", "follow", "none").output
    entries = AuditLog(queue.store.database).page()
    acts = [(each.operator_name, each.act, each.details["project"]) for each in entries]
    assert acts == [("terminal", "job.retry", "mugs"), ("terminal", "job.cancel", "mugs")]


def test_check_says_whether_a_worker_runs(app: Flask, queue: JobQueue) -> None:
    queue.enqueue("train", "ann")
    checked = run_command(app, "check")
    assert "warn   jobs, 1 waiting: No worker has reported for 20 seconds" in checked.output
    queue.executors.beat("a worker")
    assert "ok     jobs, number of workers: 1" in run_command(app, "check").output
    queue.executors.leave("a worker")
    assert "No worker has reported" in run_command(app, "check").output
