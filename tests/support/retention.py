"""Objects and rows of every kind that a retention sweep meets."""

import os
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import time_machine

from rubberduck.core.ids import random_id
from rubberduck.core.models import Upload
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.db.results import Results
from rubberduck.services.observation import Swept
from rubberduck.services.retention import Sweeper
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from tests.support.pictures import encoded
from tests.support.stored_results import sample_result

HOUR = timedelta(hours=1)
EVERYTHING = ("",)  # all prefixes
FAR = datetime(9999, 1, 1, tzinfo=UTC)
JPEG = encoded()


def put_at(storage: Storage, key: str, moment: datetime) -> None:
    """As if it had been stored then."""
    with time_machine.travel(moment):
        storage.put(key, JPEG)
    if isinstance(storage, FolderStorage):
        os.utime(storage.folder / key, (moment.timestamp(), moment.timestamp()))


def write_down(results: Results, id: str, moment: datetime, *, ready: bool) -> None:
    results.begin(Upload(id, moment, RUBBER_DUCK.title, f"uploads/{id}.jpg", sha256=id), "nobody")
    if ready:
        results.save(replace(sample_result(id), created_at=moment))


class StoredObjects:
    """A storage full of all sorts of things; `staying` is what no sweep may take."""

    def __init__(self, storage: Storage, results: Results, now: datetime, seed: int) -> None:
        self.storage, self.results, self.now = storage, results, now
        self.dice = random.Random(seed)
        self.staying: set[str] = set()
        self.orphans = 0

    def fill(self, objects: int) -> None:
        kinds = (self.live, self.live, self.begun, self.cut_off, self.stray, self.fresh_stray)
        others = (self.anothers, self.left_over)
        while objects > 0:
            keys = self.dice.choice((*kinds, *others))(random_id())
            objects -= keys

    def store(self, *keys: str, hours: float = 0, stays: bool = False) -> int:
        for key in keys:
            put_at(self.storage, key, self.now - hours * HOUR)
        self.staying |= set(keys) if stays else set()
        return len(keys)

    def live(self, id: str) -> int:
        hours = self.dice.uniform(0, 29 * 24)
        write_down(self.results, id, self.now - hours * HOUR, ready=True)
        return self.store(f"uploads/{id}.jpg", f"marked/{id}.jpg", hours=hours, stays=True)

    def begun(self, id: str) -> int:
        write_down(self.results, id, self.now, ready=False)
        return self.store(f"uploads/{id}.jpg", stays=True)

    def cut_off(self, id: str) -> int:
        write_down(self.results, id, self.now - 2 * HOUR, ready=False)
        return self.store(f"uploads/{id}.jpg", hours=2)

    def stray(self, id: str) -> int:
        self.orphans += 1
        return self.store(f"{self.dice.choice(['uploads', 'marked'])}/{id}.jpg", hours=1.1)

    def fresh_stray(self, id: str) -> int:
        return self.store(f"uploads/{id}.jpg", hours=0.8, stays=True)

    def anothers(self, id: str) -> int:
        """Something that was never ours."""
        names = f"projects/{id}.jpg", f"uploads/{id}.png", f"uploads/of {id}.jpg", f"check-{id}"
        return self.store(self.dice.choice(names), hours=99, stays=True)

    def left_over(self, id: str) -> int:
        """Of a process that was killed while it stored or checked."""
        self.orphans += 1
        letters = re.sub(r"\W", "_", id)
        names = f"uploads/tmp{letters}.part", f"check-{id[:11]}"
        return self.store(self.dice.choice(names), hours=2)


def check_sweep(storage: Storage, results: Results, objects: int, seed: int = 77) -> None:
    now = datetime.now(UTC)
    stored = StoredObjects(storage, results, now, seed)
    stored.live(random_id())
    stored.fill(objects)
    sweeper = Sweeper(lambda: results, storage)
    assert sweeper.sweep().orphans == stored.orphans
    assert set(storage.keys_older_than(FAR, EVERYTHING)) == stored.staying
    assert sweeper.sweep() == Swept()
    assert set(storage.keys_older_than(FAR, EVERYTHING)) == stored.staying
