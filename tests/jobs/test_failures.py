"""What a job cannot save, and what its visitor may read about it, in one process."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
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


def engine_of(store: JobStore, min_free_disk: int = 0, folders: Sequence[Path] = ()) -> JobEngine:
    steps = Steps(store, [], 0, RUN.executor)
    return JobEngine(
        store.database,
        "sqlite://",
        RUN.executor,
        steps,
        at_once=1,
        at_once_per_owner=1,
        min_free_disk=min_free_disk,
        folders=folders,
    )


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
    said = "It is away. Please try again in a minute. Your existing results are safe."
    assert outcome(store, refuse, monkeypatch).error == said
    assert [line.line for _, line in store.log_lines("one")][-1] == f"failed: {said}"


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


def test_what_was_handed_over_before_the_disk_filled_waits_for_it(
    any_results: Results, tmp_path: Path
) -> None:
    store = JobStore(any_results.database)
    store.insert("one", "store a lot", "ann", {})
    store.mark_handed_over(store.get("one"))
    engine_of(store, 100, [tmp_path / "not made yet"])._run_job("one", 0)
    job = store.get("one")
    assert (job.state, job.message) == ("queued", "It waits, because little of the disk is free.")
    assert [each.id for each in store.waiting(1)] == ["one"]
    engine_of(store, 100)._run_job("one", 0)  # a worker that dies here begins again
    assert store.get("one").state == "queued"
    engine_of(store, 0, [tmp_path])._run_job("one", 1)
    assert store.get("one").result == "stored"


def test_the_fullest_disk_counts_but_not_for_what_has_begun(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = {"database": 10, "uploads": 95, "temporary": 20}
    for name in used:
        (tmp_path / name).mkdir()

    def usage_of(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=100 - used[folder.name], total=100)

    monkeypatch.setattr(shutil, "disk_usage", usage_of)
    store = JobStore(results.database)
    engine = engine_of(store, 10, [tmp_path / name for name in used])
    for id in ("one", "begun"):
        store.insert(id, "store a lot", "ann", {})
    assert store.begin(Run("begun", 0, RUN.executor))
    for id in ("one", "begun"):
        engine._run_job(id, 0)
    assert (store.get("one").state, store.get("begun").state) == ("queued", "done")


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
