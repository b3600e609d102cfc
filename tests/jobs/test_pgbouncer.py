"""Jobs through PgBouncer in transaction mode: no LISTEN, no prepared statement, no session."""

from pathlib import Path

import pytest

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.jobs.queue import JobQueue
from tests.support import pgbouncer
from tests.support.command_line import run_command
from tests.support.databases import create_database
from tests.support.postgres import Server
from tests.support.workers import ended, working


def test_a_worker_and_flask_check_behind_pgbouncer(
    postgres_server: Server, settings: Settings, tmp_path: Path
) -> None:
    if reason := pgbouncer.missing():
        pytest.skip(reason)
    with postgres_server.database() as url, pgbouncer.in_front_of(postgres_server) as pooler:
        pooled = pooler.url(url)
        behind = settings.model_copy(update={"database_url": pooled})
        pipeline = build_pipeline(behind)
        create_database(pooled, with_jobs=True)
        app = create_app(behind, pipeline=pipeline)
        queue = JobQueue(pipeline.results.database, 99)
        assert "warn   jobs, 0 waiting" in run_command(app, "check").output
        ids = [queue.enqueue("count", f"owner {number}", to=2) for number in range(6)]
        with working(tmp_path, pooled, DUCK_WORKER_JOBS="6") as worker:
            assert [job.result for job in ended(queue, *ids)] == [4] * 6
            checked = run_command(app, "check").output
        assert "PostgreSQL through a pooler" in checked
        assert "ok     jobs, number of workers: 1" in checked
        assert "ERROR" not in worker.log
        with pipeline.results.database.transaction(writing=True) as connection:
            connection.exec_driver_sql("DROP SCHEMA dbos CASCADE")
        assert (
            "wrong  jobs: the job engine's tables are missing" in run_command(app, "check").output
        )
        pipeline.close()
