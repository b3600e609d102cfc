"""What the sweep takes: all that is due, nothing that lives, in each place, however often."""

import os
import random
import re
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Semaphore

import pytest
import time_machine
from flask import Flask

from composition import build_pipeline
from db_setup import set_up
from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.models import Upload
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.services.pipeline import ID_BYTES, Pipeline
from rubberduck.services.retention import Sweeper, Swept
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from tests.support.pictures import encoded
from tests.support.server import until
from tests.support.stored_results import sample_result

HOUR = timedelta(hours=1)
FAR = datetime(9999, 1, 1, tzinfo=UTC)
JPEG = encoded()


@pytest.fixture
def book(database_url: str, open_results: Callable[[str], Results]) -> Results:
    set_up(database_url)
    book = open_results(database_url)
    book.keep = timedelta(days=30)
    return book


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, settings: Settings) -> Storage:
    if request.param == "folder":
        return FolderStorage(settings.uploads)
    request.getfixturevalue("s3")
    return build_pipeline(request.getfixturevalue("aws_settings")).storage


def put(place: Storage, key: str, moment: datetime) -> None:
    """As if it had been stored then."""
    with time_machine.travel(moment):
        place.put(key, JPEG)
    if isinstance(place, FolderStorage):
        os.utime(place.folder / key, (moment.timestamp(), moment.timestamp()))


def write_down(book: Results, id: str, moment: datetime, *, ready: bool) -> None:
    book.begin(Upload(id, moment, RUBBER_DUCK.title, f"uploads/{id}.jpg", sha256=id), "nobody")
    if ready:
        book.save(replace(sample_result(id), created_at=moment))


class Pond:
    """A place full of all sorts of things; `staying` is what no sweep may take."""

    def __init__(self, place: Storage, book: Results, now: datetime, seed: int) -> None:
        self.place, self.book, self.now = place, book, now
        self.dice = random.Random(seed)
        self.staying: set[str] = set()
        self.orphans = 0

    def fill(self, objects: int) -> None:
        kinds = (self.live, self.live, self.begun, self.cut_off, self.stray, self.fresh_stray)
        others = (self.anothers, self.left_over)
        while objects > 0:
            keys = self.dice.choice((*kinds, *others))(secrets.token_urlsafe(ID_BYTES))
            objects -= keys

    def store(self, *keys: str, hours: float = 0, stays: bool = False) -> int:
        for key in keys:
            put(self.place, key, self.now - hours * HOUR)
        self.staying |= set(keys) if stays else set()
        return len(keys)

    def live(self, id: str) -> int:
        hours = self.dice.uniform(0, 29 * 24)
        write_down(self.book, id, self.now - hours * HOUR, ready=True)
        return self.store(f"uploads/{id}.jpg", f"marked/{id}.jpg", hours=hours, stays=True)

    def begun(self, id: str) -> int:
        write_down(self.book, id, self.now, ready=False)
        return self.store(f"uploads/{id}.jpg", stays=True)

    def cut_off(self, id: str) -> int:
        write_down(self.book, id, self.now - 2 * HOUR, ready=False)
        return self.store(f"uploads/{id}.jpg", hours=2)

    def stray(self, id: str) -> int:
        self.orphans += 1
        return self.store(f"{self.dice.choice(['uploads', 'marked'])}/{id}.jpg", hours=1.1)

    def fresh_stray(self, id: str) -> int:
        return self.store(f"uploads/{id}.jpg", hours=0.8, stays=True)

    def anothers(self, id: str) -> int:
        """Something that was never ours."""
        names = f"holiday/{id}.jpg", f"uploads/{id}.png", f"uploads/of {id}.jpg", f"check-{id}"
        return self.store(self.dice.choice(names), hours=99, stays=True)

    def left_over(self, id: str) -> int:
        """Of a process that was killed while it stored or checked."""
        self.orphans += 1
        letters = re.sub(r"\W", "_", id)
        names = f"uploads/tmp{letters}.part", f"check-{id[:11]}"
        return self.store(self.dice.choice(names), hours=2)


def sweep_a_pond(place: Storage, book: Results, objects: int, seed: int = 77) -> None:
    now = datetime.now(UTC)
    pond = Pond(place, book, now, seed)
    pond.live(secrets.token_urlsafe(ID_BYTES))
    pond.fill(objects)
    sweeper = Sweeper(lambda: book, place)
    assert sweeper.sweep().orphans == pond.orphans
    assert set(place.keys_older_than(FAR)) == pond.staying
    assert sweeper.sweep() == Swept()
    assert set(place.keys_older_than(FAR)) == pond.staying


def test_all_that_is_due_goes_and_nothing_else(place: Storage, book: Results) -> None:
    sweep_a_pond(place, book, 150)


def test_a_thousand_things_in_a_folder(settings: Settings, results: Results) -> None:
    sweep_a_pond(FolderStorage(settings.uploads), results, 1000)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_a_thousand_things_again_and_again(place: Storage, book: Results, seed: int) -> None:
    sweep_a_pond(place, book, 1000, seed)


def test_what_arrives_meanwhile_stays(
    place: Storage, book: Results, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if nothing were too young to be swept: a row is there before its picture."""
    monkeypatch.setattr("rubberduck.services.retention.PENDING_UPLOAD_TTL", timedelta(0))
    monkeypatch.setattr("rubberduck.services.retention.LEFTOVER_KEY_RE", re.compile("nothing"))
    busy = replace(pipeline, storage=place, open_results=lambda: book)
    sweeper, over = Sweeper(lambda: book, place), threading.Event()

    def keep_sweeping() -> None:
        while not over.wait(0.01):
            sweeper.sweep()

    with ThreadPoolExecutor(5) as pool:
        sweeping = pool.submit(keep_sweeping)
        sent = (encoded(comment=str(number)) for number in range(24))
        try:
            results = list(pool.map(busy.process_upload, sent))
        finally:
            over.set()
        sweeping.result()
    keys = {key for each in results for key in (each.picture_key, each.marked_key)}
    assert set(place.keys_older_than(FAR)) == keys
    assert len(keys) == 48


def test_a_database_that_knows_few_of_the_pictures_may_be_the_wrong_one(
    place: Storage, book: Results
) -> None:
    now = datetime.now(UTC)
    known, young, other, old = (secrets.token_urlsafe(ID_BYTES) for _ in range(4))
    write_down(book, known, now - 2 * HOUR, ready=True)
    for id, hours in {known: 2, young: 29 * 24, other: 2, old: 31 * 24}.items():
        put(place, f"uploads/{id}.jpg", now - hours * HOUR)
    assert Sweeper(lambda: book, place).sweep() == Swept(
        orphans=1
    )  # whose time is over in any case
    left = {f"uploads/{id}.jpg" for id in (known, young, other)}
    assert set(place.keys_older_than(FAR)) == left


def test_without_its_database_nothing_is_swept(place: Storage, settings: Settings) -> None:
    key = f"uploads/{secrets.token_urlsafe(ID_BYTES)}.jpg"
    put(place, key, datetime.now(UTC) - timedelta(days=99))
    with pytest.raises(ResultsUnavailable):
        Sweeper(lambda: Results("sqlite:////nowhere/duck.db"), place).sweep()
    assert set(place.keys_older_than(FAR)) == {key}


@pytest.mark.parametrize("many", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_results_expire_with_a_crash_in_the_middle(
    settings: Settings, book: Results, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    folder = FolderStorage(settings.uploads)
    then = datetime.now(UTC) - timedelta(days=31)
    for _ in range(many):
        id = secrets.token_urlsafe(ID_BYTES)
        write_down(book, id, then, ready=True)
        put(folder, f"uploads/{id}.jpg", then)
    deletions = iter(range(many))  # of the two that each result may need

    def delete(key: str) -> None:
        if next(deletions, None) is None:
            raise KeyboardInterrupt
        FolderStorage.delete(folder, key)

    with monkeypatch.context() as crash:
        crash.setattr(folder, "delete", delete)
        with pytest.raises(KeyboardInterrupt):
            Sweeper(lambda: book, folder).sweep()
    assert Sweeper(lambda: book, folder).sweep().results == many // 2
    assert Sweeper(lambda: book, folder).sweep() == Swept()
    assert list(folder.keys_older_than(FAR)) == []
    assert book.daily_stats(RUBBER_DUCK.title, then.date()).totals.asked == many


def test_the_command_tells_of_strays(app: Flask, pipeline: Pipeline) -> None:
    two_hours_ago = datetime.now(UTC) - 2 * HOUR
    for number in range(2):
        put(pipeline.storage, f"uploads/tmp{number}.part", two_hours_ago)
    run = app.test_cli_runner().invoke
    assert run(args=["sweep"]).output == "Swept 2 stray pictures.\n"
    assert run(args=["sweep"]).output == "Nothing to sweep.\n"


def test_a_worker_never_sweeps_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large bucket takes longer than the pause between two sweeps."""
    monkeypatch.setattr("rubberduck.services.retention.FIRST_SWEEP_DELAY", 0.0)
    monkeypatch.setattr("rubberduck.services.retention.SWEEP_INTERVAL", 0.0)
    begun, may_end = Semaphore(0), Event()

    class Slow(Sweeper):
        def sweep(self) -> Swept:
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
