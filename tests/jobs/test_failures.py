"""What a job cannot save, and what its visitor may read about it, in one process."""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from dbos import DBOS
from sqlalchemy import text

import worker
from rubberduck.core.errors import NoSuchJob, ResultsUnavailable
from rubberduck.core.settings import ROOT
from rubberduck.db.results import Results
from rubberduck.jobs import registry
from rubberduck.jobs.context import Context, StepFailed
from rubberduck.jobs.engine import JobEngine
from rubberduck.jobs.models import Job, Run
from rubberduck.jobs.steps import Steps
from rubberduck.jobs.store import JobStore
from tests.support.example_jobs import not_a_number

RUN = Run("one", 0, "worker-of-the-test")


def begun(results: Results) -> JobStore:
    store = JobStore(results.database)
    store.insert("one", "odd", "ann", {})
    return store


def engine_of(store: JobStore) -> JobEngine:
    steps = Steps(store, [], 0, RUN.executor)
    limits = {"at_once": 1, "at_once_per_owner": 1, "min_free_disk": 0}
    return JobEngine(store.database, "sqlite://", RUN.executor, steps, **limits)


def outcome(
    store: JobStore, function: Callable[[Context], Any], monkeypatch: pytest.MonkeyPatch
) -> Job:
    """Run the job as a worker does, without the engine's own tables."""
    monkeypatch.setattr(registry, "function_of", lambda _: function)
    monkeypatch.setattr(DBOS, "run_step", lambda _, step: step())
    engine_of(store)._run_job("one", 0)
    return store.get("one")


def test_the_visitor_does_not_read_what_is_for_the_operator(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Context) -> None:
        raise ResultsUnavailable("It is away.", cause="password of 10.0.0.7 refused")

    store = begun(results)
    assert outcome(store, refuse, monkeypatch).error == "It is away."
    assert [line.line for _, line in store.log_lines("one")][-1] == "failed: It is away."


@pytest.mark.parametrize("result", [float("nan"), {"a": {1, 2}}])
def test_a_result_that_json_cannot_hold_is_a_failure_in_plain_words(
    results: Results, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    job = outcome(begun(results), lambda _: result, monkeypatch)
    assert (job.state, "cannot be saved" in str(job.error)) == ("failed", True)


def test_so_is_one_of_a_step(results: Results) -> None:
    store = begun(results)
    assert store.begin(RUN)
    steps = Steps(store, [sys.executable, str(ROOT / "worker.py"), worker.STEP], 600, RUN.executor)
    outcome = steps.run(RUN, not_a_number, ())
    assert "a number that is not finite" in outcome["error"]


def test_what_the_database_refuses_is_not_tried_again(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begun(results)

    def wait(_: float) -> None:
        pytest.fail("tried again")

    monkeypatch.setattr(time, "sleep", wait)
    nameless: Any = None
    with pytest.raises(StepFailed):
        engine_of(store)._persist(lambda: store.insert("two", nameless, "ann", {}))


def test_a_wait_goes_on_over_an_outage(
    results: Results, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The database's file is away for a second, while the job waits."""
    store = begun(results)
    file = results.database.file
    assert file

    def wait(context: Context) -> str:
        results.database.close()
        away = file.rename(file.with_name("away.db"))
        back = threading.Timer(0.8, lambda: away.rename(file))
        back.start()
        context.sleep(1.2)
        back.join()
        return "waited"

    job = outcome(store, wait, monkeypatch)
    assert (job.state, job.result) == ("done", "waited")
    assert "job not checked" in caplog.text


def test_text_of_any_characters_is_saved(any_results: Results) -> None:
    """PostgreSQL refuses NUL in texts; neither database takes half a surrogate pair."""
    store = begun(any_results)
    assert store.begin(RUN)
    assert store.report(RUN, 1, "m\0", ["l\0", "\ud800"])
    assert store.get("one").message == "m\ufffd"
    assert store.fail(RUN, "e\0")
    assert store.get("one").error == "e\ufffd"
    lines = [line.line for _, line in store.log_lines("one")]
    assert lines[-3:] == ["l\ufffd", "?", "failed: e\ufffd"]


def test_an_id_that_none_can_have_is_unknown(any_results: Results) -> None:
    store = JobStore(any_results.database)
    for look_up in (store.get, store.cancel, store.retry):
        with pytest.raises(NoSuchJob):
            look_up("\0")


def test_only_what_the_operator_must_change_keeps_a_worker_from_starting(results: Results) -> None:
    store = JobStore(results.database)
    assert worker.status_of("connection refused: is PostgreSQL running?") == 75
    assert worker.status_of('relation "dbos.workflow_status" does not exist') == 78
    with results.database.transaction(writing=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    results.database.close()
    with pytest.raises(ResultsUnavailable) as refused:
        store.count()
    assert worker.status_of(refused.value.operator_message) == 78
