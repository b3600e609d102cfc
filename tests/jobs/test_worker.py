"""A worker runs jobs in a process of its own: on SQLite, and on PostgreSQL."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from app import create_app
from rubberduck.core.settings import ROOT, Settings
from rubberduck.db.engine import Database
from rubberduck.jobs.queue import JobQueue
from rubberduck.jobs.system_database import system_engine
from tests.support.command_line import run_command
from tests.support.databases import create_database
from tests.support.server import PATIENCE, environment_for, free_port, until
from tests.support.workers import Worker, ended, lines, running, working

SMALL = {"DUCK_WORKER_MEMORY": "600"}  # megabytes


@pytest.fixture
def queue(database_url: str) -> Iterator[JobQueue]:
    create_database(database_url, with_jobs=True)
    with opened(database_url) as queue:
        yield queue


@contextmanager
def opened(database_url: str) -> Iterator[JobQueue]:
    database = Database(database_url)
    yield JobQueue(database, 100)
    database.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def at_work(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[JobQueue, Worker]]:
    """The queue of a worker that several tests use, on each kind of database."""
    folder = tmp_path_factory.mktemp("worker")
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'duck.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgres_server").database())
        create_database(url, with_jobs=True)
        queue = stack.enter_context(opened(url))
        with working(folder, url, DUCK_WORKER_JOBS="5", **SMALL) as worker:
            yield queue, worker
            worker.process.send_signal(signal.SIGINT)  # Ctrl+C
            assert worker.process.wait(PATIENCE) == 0


sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def children(worker: Worker) -> list[psutil.Process]:
    return list(worker.process.children(recursive=True))


def test_jobs_end_with_a_result_or_with_a_reason_in_plain_words(
    at_work: tuple[JobQueue, Worker],
) -> None:
    queue, worker = at_work
    good = queue.enqueue("count", "ann", to=3)
    refused = queue.enqueue("refuse", "bob")
    broken = queue.enqueue("break", "cid")
    hungry = queue.enqueue("eat memory", "dan")
    unknown = queue.enqueue("from the future", "eve")
    jobs = ended(queue, good, refused, broken, hungry, unknown)
    assert [job.state for job in jobs] == ["done", "failed", "failed", "failed", "failed"]
    assert (jobs[0].result, jobs[0].progress) == (6, 100)
    assert lines(queue, good)[1:] == ["counted to 3", "counted to 3", "done"]
    assert str(jobs[1].error).startswith("There are no pictures in mugs. ")  # and what to do
    assert "A fault in the program" in str(jobs[2].error)
    assert "ZeroDivisionError" in worker.log
    assert "DUCK_WORKER_MEMORY" in str(jobs[3].error)
    assert "from the future" in str(jobs[4].error)


def test_a_cancelled_job_ends_even_in_a_loop_of_c(at_work: tuple[JobQueue, Worker]) -> None:
    queue, worker = at_work
    id = queue.enqueue("busy in C", "ann")
    until(running(queue, id, progress=1))
    (child,) = children(worker)
    queue.store.cancel(id)
    until(lambda: not child.is_running())
    assert queue.get(id).state == "cancelled"
    queue.store.retry(id)
    until(running(queue, id, progress=1))
    assert queue.get(id).attempt == 1
    queue.store.cancel(id)
    until(lambda: not children(worker))


def test_a_killed_worker_goes_on_where_it_was(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    id = queue.enqueue("count", "ann", to=20, seconds=2.0)
    with working(tmp_path, database_url) as worker:
        until(lambda: lines(queue, id)[1:] == ["counted to 20"])  # the first step
        until(lambda: 10 <= queue.get(id).progress < 99)  # in the second
        (child,) = children(worker)
        worker.kill()
    until(lambda: not child.is_running())  # no child outlives its worker
    with working(tmp_path, database_url, "next"):
        (job,) = ended(queue, id)
    assert job.result == 40
    told = lines(queue, id)
    # The same worker's name, as its jobs are kept under it; the first step is not done again.
    assert told == [told[0], "counted to 20", told[0], "counted to 20", "done"]


@sqlite_only
def test_a_wait_goes_on_after_sigterm(queue: JobQueue, database_url: str, tmp_path: Path) -> None:
    id = queue.enqueue("wait for a file", "ann", file=str(tmp_path / "awaited"))
    with working(tmp_path, database_url) as worker:
        until(running(queue, id))
        assert queue.has_worker()
        assert worker.terminate() == 0
    assert not queue.has_worker()  # it signed off
    assert queue.get(id).state == "running"
    (tmp_path / "awaited").touch()
    with working(tmp_path, database_url, "next"):
        (job,) = ended(queue, id)
    assert job.result == "waited"


def test_jobs_that_wait_hold_up_nobody_also_after_a_kill(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    waiting = [queue.enqueue("wait", owner, seconds=3600.0) for owner in ("ann", "bob")]
    with working(tmp_path, database_url, DUCK_WORKER_JOBS="1") as worker:
        for id in waiting:
            until(running(queue, id))
        (job,) = ended(queue, queue.enqueue("count", "cid", to=1))
        assert job.state == "done"
        worker.kill()
    with working(tmp_path, database_url, "next", DUCK_WORKER_JOBS="1"):
        for id in waiting:
            until(lambda id=id: lines(queue, id).count(lines(queue, id)[0]) == 2)  # type: ignore[misc]
        (job,) = ended(queue, queue.enqueue("count", "cid", to=1))
    assert job.state == "done"
    assert {queue.get(id).state for id in waiting} == {"running"}


def test_a_wait_that_a_release_before_handed_over_ends(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    """It had one queue for all kinds, where the job is found after the upgrade."""
    id = queue.enqueue("wait", "ann", seconds=1.0)
    with working(tmp_path, database_url) as worker:
        until(running(queue, id))
        worker.kill()
    engine = system_engine(database_url)
    table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    with engine.begin() as connection:
        moved = connection.exec_driver_sql(
            f"UPDATE {table} SET queue_name = 'jobs' WHERE queue_name = 'waiting-jobs'"
        )
        assert moved.rowcount == 1
    engine.dispose()
    with working(tmp_path, database_url, "next"):
        (job,) = ended(queue, id)
    assert (job.result, job.attempt) == ("waited", 0)


@sqlite_only
def test_jobs_that_the_engine_lost_are_queued_again(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    """As after the restore of a backup, which does not hold the engine's own file."""
    id = queue.enqueue("count", "ann", to=1)
    queue.store.mark_handed_over(queue.get(id))
    with working(tmp_path, database_url):
        (job,) = ended(queue, id)
    assert (job.state, job.attempt) == ("done", 1)


@sqlite_only
def test_what_needs_much_disk_waits_for_it(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    large, small = queue.enqueue("store a lot", "ann"), queue.enqueue("wait", "ann", seconds=0)
    with working(tmp_path, database_url, DUCK_MIN_FREE_DISK="100"):
        ended(queue, small)
        job = queue.get(large)
    assert (job.state, job.message) == ("queued", "It waits, because little of the disk is free.")
    with working(tmp_path, database_url, "next", DUCK_MIN_FREE_DISK="0"):
        (job,) = ended(queue, large)
    assert job.result == "stored"


@sqlite_only
def test_workers_on_one_machine_have_ids_of_their_own(
    queue: JobQueue, database_url: str, tmp_path: Path
) -> None:
    with working(tmp_path, database_url, "one"), working(tmp_path, database_url, "two"):
        until(lambda: len(queue.executors.living()) == 2)


def test_a_worker_without_a_database_says_so_and_ends(tmp_path: Path) -> None:
    """With a status that tells its supervisor not to start it again."""
    environment = environment_for(tmp_path, 0)
    command = [sys.executable, "worker.py"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 78
    assert "The worker does not start" in ended.stderr
    assert "python db_setup.py" in ended.stderr


def test_a_damaged_file_of_the_engine_is_told_by_the_worker_and_by_the_check(
    tmp_path: Path, settings: Settings
) -> None:
    folder = settings.uploads.parent
    create_database(settings.database_url)
    (folder / "jobs.db").write_bytes(random.Random(1).randbytes(8192))
    advice = "jobs.db: file is not a database; it is damaged; stop the site and rename it"
    checked = run_command(create_app(settings), "check")
    assert checked.exit_code == 1
    assert advice in checked.output
    environment = environment_for(tmp_path, 0) | {"DUCK_DATABASE_URL": settings.database_url}
    worker = subprocess.run(
        [sys.executable, "worker.py"],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (worker.returncode, advice in worker.stderr) == (78, True), worker.stderr


def test_a_worker_whose_database_does_not_answer_may_be_started_again(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://duck@127.0.0.1:{free_port()}/duck"
    environment = environment_for(tmp_path, 0) | {"DUCK_DATABASE_URL": url}
    command = [sys.executable, "worker.py"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert (ended.returncode, "is PostgreSQL running" in ended.stderr) == (75, True)


def test_a_worker_is_the_first_that_the_kernel_ends_when_memory_runs_out(
    at_work: tuple[JobQueue, Worker],
) -> None:
    _, worker = at_work
    assert int(Path(f"/proc/{worker.process.pid}/oom_score_adj").read_text()) == 500
    assert worker.process.nice() > psutil.Process().nice()
    limit, _ = worker.process.rlimit(psutil.RLIMIT_DATA)
    assert limit == 600_000_000


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="Linux's autogroups")
def test_a_step_yields_to_the_site_also_where_each_session_has_its_share(
    at_work: tuple[JobQueue, Worker],
) -> None:
    """sched(7): with autogroups, niceness counts only within a session. Seen on Linux 6.18."""
    queue, worker = at_work
    id = queue.enqueue("count", "ann", to=50, seconds=60.0)
    until(running(queue, id, progress=1))
    (child,) = worker.process.children()
    assert os.getsid(child.pid) == child.pid
    assert Path(f"/proc/{child.pid}/autogroup").read_text().endswith(f"nice {child.nice()}\n")
    assert child.nice() > psutil.Process().nice()
    queue.store.cancel(id)
