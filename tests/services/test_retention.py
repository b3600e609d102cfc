"""What the sweep takes: all that is due, nothing that lives, in each storage, however often."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Semaphore
from typing import Any

import pytest
import time_machine
from flask import Flask

from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.ids import random_id
from rubberduck.core.models import Upload
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.core.settings import Settings
from rubberduck.custom_models.projects import Projects
from rubberduck.db.leases import Lease
from rubberduck.db.results import Results
from rubberduck.db.row_mapping import to_pending_row
from rubberduck.db.tables import duck_results, jobs
from rubberduck.jobs.models import Job
from rubberduck.jobs.store import JobStore
from rubberduck.services.observation import Swept
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import DAILY, KEY_BATCH_SIZE, LEASE, Sweeper
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import MAX_DELETIONS, S3Storage
from tests.support.analysed_videos import begin_video
from tests.support.aws import BUCKET
from tests.support.pictures import encoded
from tests.support.retention import FAR, check_sweep, put_at, write_down
from tests.support.server import until

HOUR = timedelta(hours=1)
TEN = {"MaxKeys": 10}


def test_all_that_is_due_goes_and_nothing_else(storage: Storage, any_results: Results) -> None:
    check_sweep(storage, any_results, 150)


def test_a_thousand_things_in_a_folder(settings: Settings, results: Results) -> None:
    check_sweep(FolderStorage(settings.uploads), results, 1000)


def test_what_arrives_meanwhile_stays(
    storage: Storage, any_results: Results, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if nothing were too young to be swept: a row is there before its picture."""
    monkeypatch.setattr("rubberduck.services.retention.PENDING_UPLOAD_TTL", timedelta(0))
    monkeypatch.setattr("rubberduck.services.retention.LEFTOVER_KEY_RE", re.compile("nothing"))
    busy = replace(pipeline, storage=storage, open_results=lambda: any_results)
    sweeper, over = Sweeper(lambda: any_results, storage), threading.Event()

    def keep_sweeping() -> None:
        while not over.wait(0.01):
            sweeper.sweep()

    with ThreadPoolExecutor(5) as pool:
        sweeping = pool.submit(keep_sweeping)
        sent = (encoded(comment=str(number)) for number in range(24))
        try:
            results = [result.id for result in pool.map(busy.process_upload, sent)]
        finally:
            over.set()
        sweeping.result()
    keys = {key for id in results for key in (f"uploads/{id}.jpg", f"marked/{id}.jpg")}
    assert set(storage.keys_older_than(FAR)) == keys
    assert len(keys) == 48


def test_a_database_that_knows_few_of_the_pictures_may_be_the_wrong_one(
    storage: Storage, any_results: Results
) -> None:
    now = datetime.now(UTC)
    known, young, other, old = (random_id() for _ in range(4))
    write_down(any_results, known, now - 2 * HOUR, ready=True)
    for id, hours in {known: 2, young: 29 * 24, other: 2, old: 31 * 24}.items():
        put_at(storage, f"uploads/{id}.jpg", now - hours * HOUR)
    assert Sweeper(lambda: any_results, storage).sweep() == Swept(orphans=1)  # the expired one
    left = {f"uploads/{id}.jpg" for id in (known, young, other)}
    assert set(storage.keys_older_than(FAR)) == left


def test_without_its_database_nothing_is_swept(storage: Storage, settings: Settings) -> None:
    key = f"uploads/{random_id()}.jpg"
    put_at(storage, key, datetime.now(UTC) - timedelta(days=99))
    with pytest.raises(ResultsUnavailable):
        Sweeper(lambda: Results("sqlite:////nowhere/duck.db"), storage).sweep()
    assert set(storage.keys_older_than(FAR)) == {key}


@pytest.mark.parametrize("many", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_results_expire_with_a_crash_in_the_middle(
    settings: Settings, any_results: Results, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    folder = FolderStorage(settings.uploads)
    then = datetime.now(UTC) - timedelta(days=31)
    for _ in range(many):
        id = random_id()
        write_down(any_results, id, then, ready=True)
        put_at(folder, f"uploads/{id}.jpg", then)
    deletions = iter(range(many))  # of the two that each result may need

    def delete(key: str) -> None:
        if next(deletions, None) is None:
            raise KeyboardInterrupt
        FolderStorage.delete(folder, key)

    with monkeypatch.context() as crash:
        crash.setattr(folder, "delete", delete)
        with pytest.raises(KeyboardInterrupt):
            Sweeper(lambda: any_results, folder).sweep()
    # A row goes after the pictures of its batch, so every result is still there to be deleted.
    assert Sweeper(lambda: any_results, folder).sweep().results == many
    assert Sweeper(lambda: any_results, folder).sweep() == Swept()
    assert list(folder.keys_older_than(FAR)) == []
    assert any_results.daily_stats(RUBBER_DUCK.title, then.date()).totals.asked == many


def test_the_command_tells_of_strays(app: Flask, pipeline: Pipeline) -> None:
    two_hours_ago = datetime.now(UTC) - 2 * HOUR
    for number in range(2):
        put_at(pipeline.storage, f"uploads/tmp{number}.part", two_hours_ago)
    run = app.test_cli_runner().invoke
    assert run(args=["sweep"]).output == "Deleted 2 orphaned pictures.\n"
    assert run(args=["sweep"]).output == "Nothing to delete.\n"


def test_the_command_tells_of_videos(app: Flask, pipeline: Pipeline) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=400)
    begin_video(pipeline.results.database, [], created_at=long_ago)
    run = app.test_cli_runner().invoke
    assert run(args=["sweep"]).output == "Deleted 1 video.\n"
    assert run(args=["sweep"]).output == "Nothing to delete.\n"


def test_all_processes_together_list_the_storage_once_a_day(
    settings: Settings, any_results: Results
) -> None:
    """Each sweeper stands for a worker that asks every hour."""
    listed: list[datetime] = []

    class Counted(FolderStorage):
        def keys_older_than(self, *args: Any) -> Iterator[str]:
            listed.append(datetime.now(UTC))
            return super().keys_older_than(*args)

    workers = [Sweeper(lambda: any_results, Counted(settings.uploads)) for _ in range(3)]
    id, start = random_id(), datetime.now(UTC)
    write_down(any_results, id, start - timedelta(days=30) + 5 * HOUR, ready=True)
    deleted = []
    with time_machine.travel(start, tick=False) as clock:
        for _ in range(26):
            deleted.append(sum(worker.sweep(only_due=True).results for worker in workers))
            clock.shift(HOUR)
    assert sorted(set(listed)) == [start, start + 24 * HOUR]
    assert deleted.index(1) == 6  # within an hour of its end
    assert sum(deleted) == 1


def test_the_requests_of_a_sweep_of_a_bucket(
    settings: Settings, results: Results, composed: Callable[[Settings], Pipeline], s3: Any
) -> None:
    """Each prefix is listed once, and orphans go together; here ten keys a request, not 1,000."""
    storage = composed(settings.model_copy(update={"bucket": BUCKET})).storage
    assert isinstance(storage, S3Storage)
    # In the order of their names, so that no batch looks like one of a foreign database.
    known = [f"A{random_id()[1:]}" for _ in range(14)]
    lost = [f"B{random_id()[1:]}" for _ in range(12)]
    now = datetime.now(UTC)
    uploads = [Upload(id, now, "", f"uploads/{id}.jpg", sha256=id) for id in known]
    with results.database.transaction(writing=True) as connection:
        connection.execute(duck_results.insert(), [to_pending_row(upload) for upload in uploads])
    for id in known + lost:
        s3.put_object(Bucket=BUCKET, Key=f"uploads/{id}.jpg", Body=b"")
    assert KEY_BATCH_SIZE == MAX_DELETIONS == 1000
    sent: list[str] = []
    events = storage.client.meta.events
    events.register("before-call.s3", lambda model, **_: sent.append(model.name))
    events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: params | TEN)
    with time_machine.travel(now + 1.1 * HOUR), pytest.MonkeyPatch.context() as patched:
        patched.setattr(results, "mark_expired_deleting", lambda *_: [])  # the pending rows stay
        patched.setattr("rubberduck.services.retention.KEY_BATCH_SIZE", 10)
        assert Sweeper(lambda: results, storage).sweep().orphans == 12
    # Besides, two prefixes of files that imports and exports leave, and that of videos.
    assert Counter(sent) == {"ListObjectsV2": 3 + 3 + 2 + 1, "DeleteObjects": 2}


def test_a_sweep_beside_another_one_says_so(
    app: Flask, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_at(pipeline.storage, "uploads/tmp1.part", datetime.now(UTC) - 2 * HOUR)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("rubberduck.db.leases.own_id", lambda: "of another machine")
        assert Lease(pipeline.results.database, "orphans", LEASE, DAILY).acquire()
    done = app.test_cli_runner().invoke(args=["sweep"])
    assert "Another process is sweeping" in done.output
    with time_machine.travel(datetime.now(UTC) + LEASE):  # it died there
        assert (
            app.test_cli_runner().invoke(args=["sweep"]).output == "Deleted 1 orphaned picture.\n"
        )


def test_a_worker_never_sweeps_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large bucket takes longer than the pause between two sweeps."""
    monkeypatch.setattr("rubberduck.services.retention.FIRST_SWEEP_DELAY", 0.0)
    monkeypatch.setattr("rubberduck.services.retention.SWEEP_INTERVAL", 0.0)
    begun, may_end = Semaphore(0), Event()

    class Slow(Sweeper):
        def sweep(self, *, only_due: bool = False) -> Swept:
            begun.release()
            assert may_end.wait(60)
            return Swept()

    sweeper = Slow(None, None)  # type: ignore[arg-type]
    for _ in range(20):
        sweeper.maybe_sweep()
    assert begun.acquire(timeout=60)
    assert not begun.acquire(blocking=False)
    may_end.set()
    until(lambda: _is_due_again(sweeper, begun))


def _is_due_again(sweeper: Sweeper, begun: Semaphore) -> bool:
    sweeper.maybe_sweep()
    return begun.acquire(blocking=False)


def test_what_is_stored_for_a_project_after_its_deletion_goes(
    settings: Settings, results: Results
) -> None:
    """A killed upload may leave it. What no deletion here accounts for stays: see restores."""
    storage, store = FolderStorage(settings.uploads), JobStore(results.database)
    for id in ("deleted", "unknown"):
        storage.put(f"projects/{id}/picture.jpg", b"late")
    store.insert("job", "delete-project", "project:deleted", {"project_id": "deleted"})
    Sweeper(lambda: results, storage).sweep()
    assert storage.get("projects/deleted/picture.jpg")  # its deletion has not ended
    with results.database.transaction(writing=True) as connection:
        connection.execute(jobs.update().values(state="done"))
    Sweeper(lambda: results, storage).sweep()
    assert storage.get("projects/unknown/picture.jpg")
    with pytest.raises(FileNotFoundError):
        storage.get("projects/deleted/picture.jpg")


def test_a_deletion_that_stopped_goes_on(storage: Storage, any_results: Results) -> None:
    """Until it ends, its project is hidden and its pictures stay."""
    database = any_results.database
    projects, store = Projects(database), JobStore(database)
    states = ("gone", "cancelled", "failed", "queued")
    ids = {state: projects.create(state, "boxes", ["cup"], "somebody").id for state in states}
    kept = projects.create("Kept", "boxes", ["cup"], "somebody").id
    for state, id in ids.items():
        projects.mark_deleting(id)
        if state != "gone":
            store.insert(state, "delete-project", f"project:{id}", {"project_id": id})
    store.insert("other", "train-model", f"project:{ids['failed']}", {})
    with database.transaction(writing=True) as connection:
        for state in states[1:3]:
            connection.execute(jobs.update().where(jobs.c.id == state).values(state=state))
    for _ in range(2):  # the second sweep finds that they wait
        Sweeper(lambda: any_results, storage).sweep()
        assert [
            [(job.kind, job.state, job.arguments["project_id"]) for job in deletions(store, id)]
            for id in ids.values()
        ] == [[("delete-project", "queued", id)] for id in ids.values()]
    assert [store.get(state).attempt for state in states[1:]] == [1, 1, 0]
    assert deletions(store, kept) == []


def deletions(store: JobStore, project_id: str) -> list[Job]:
    jobs = store.newest(f"project:{project_id}")
    return [job for job in jobs if job.kind == "delete-project"]
