"""Deletion of results and pictures: on demand, when expired, or when orphaned."""

import logging
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from rubberduck.core.errors import DuckError
from rubberduck.db.pending_deletion import PENDING_UPLOAD_TTL, PendingDeletion
from rubberduck.services.observation import LogObserver, Observer, SweepFinished
from rubberduck.storage.base import Storage

if TYPE_CHECKING:
    from rubberduck.db.results import Results

log = logging.getLogger(__name__)
BATCH_SIZE = 500  # results of two pictures each: as many as S3 deletes with one request
# Only our own keys: a bucket may hold other objects. The first is a picture of a result, the second
# what an interrupted write or check leaves behind.
PICTURE_KEY_RE = re.compile(r"(?:uploads|marked)/([\w-]{22})\.jpg", re.ASCII)
LEFTOVER_KEY_RE = re.compile(r"(?:(?:uploads|marked)/)?tmp\w+\.part|check-[\w-]{11}", re.ASCII)
FIRST_SWEEP_DELAY, SWEEP_INTERVAL = 600.0, 3600.0  # seconds


def delete(deletion: PendingDeletion, storage: Storage, results: "Results") -> None:
    """Delete the pictures, then the row, so that a failure can be retried."""
    for key in deletion.keys:
        storage.delete(key)
    results.delete_row(deletion.id)


@dataclass(frozen=True)
class Swept:
    """The number of deleted results, and of deleted pictures without a result."""

    results: int = 0
    orphans: int = 0


class Sweeper:
    """Deletes expired results, abandoned uploads and orphaned pictures. Idempotent."""

    def __init__(
        self,
        open_results: Callable[[], "Results"],
        storage: Storage,
        observers: tuple[Observer, ...] = (LogObserver(),),
    ) -> None:
        self.open_results = open_results
        self.storage = storage
        self.observers = observers
        self._due: float | None = None
        self._lock = threading.Lock()

    @property
    def results(self) -> "Results":
        return self.open_results()

    def forget(self, id: str, owner: str | None) -> None:
        """Hide the result at once, then delete its pictures and row; without `owner`, anybody's.

        Raises StorageFailed if a picture could not be deleted; `sweep` retries that.
        """
        delete(self.results.mark_deleting(id, owner), self.storage, self.results)

    def sweep(self) -> Swept:
        """Delete all that is due. Continue after a failure, and raise the first one at the end."""
        faults: list[DuckError] = []
        start = time.perf_counter()
        swept = Swept(self._delete_due_results(faults), self._delete_orphans(faults))
        seconds = time.perf_counter() - start
        for observer in self.observers:
            event = SweepFinished(swept.results, swept.orphans, len(faults), seconds)
            observer.sweep_finished(event)
        if faults:
            raise faults[0]
        return swept

    def _delete_due_results(self, faults: list[DuckError]) -> int:
        deleted, last = 0, ""
        while batch := self.results.mark_expired_deleting(datetime.now(UTC), BATCH_SIZE, last):
            last = batch[-1].id
            failed = self.storage.delete_all(key for item in batch for key in item.keys)
            faults += failed.values()
            for item in batch:
                if failed.keys().isdisjoint(item.keys):  # rows last, so that a failure is retried
                    deleted += _attempt(partial(self.results.delete_row, item.id), faults)
        return deleted

    def _delete_orphans(self, faults: list[DuckError]) -> int:
        deleted = 0
        for batch in self._orphans():
            failed = self.storage.delete_all(batch)
            faults += failed.values()
            deleted += len(batch) - len(failed)
        return deleted

    def _orphans(self) -> Iterator[list[str]]:
        """Yield keys without a row. Pending uploads have one: it is written first."""
        if self.results.was_restored_recently():
            return  # the restored database lacks the pictures stored after its backup
        # A database that knows few of the pictures may be the wrong one, or a new one: then only
        # pictures past their retention are deleted.
        age = PENDING_UPLOAD_TTL if self._database_matches_storage() else self.results.keep
        for keys, known in self._pictures(age):
            yield [key for key in keys if LEFTOVER_KEY_RE.fullmatch(key) or _id(key) not in known]

    def _database_matches_storage(self) -> bool:
        """Return whether the database knows at least half of the stored results."""
        stored = known_ids = 0
        for keys, known in self._pictures(PENDING_UPLOAD_TTL):
            stored += len(set(map(_id, keys)) - {None})
            known_ids += len(known)
        return 2 * known_ids >= stored

    def _pictures(self, age: timedelta) -> Iterator[tuple[list[str], set[str]]]:
        """Yield batches of our keys older than `age`, each with the ids that have a row."""
        stored = self.storage.keys_older_than(datetime.now(UTC) - age)
        own_keys = filter(lambda key: _id(key) or LEFTOVER_KEY_RE.fullmatch(key), stored)
        while keys := list(islice(own_keys, BATCH_SIZE)):
            yield keys, self.results.existing_ids({id for key in keys if (id := _id(key))})

    def maybe_sweep(self) -> None:
        """Start a background sweep at most once per SWEEP_INTERVAL; called for every request."""
        now = time.monotonic()
        with self._lock:
            if self._due is None:  # workers start at different times
                self._due = now + FIRST_SWEEP_DELAY * random.uniform(1, 2)
            if now < self._due:
                return
            self._due = math.inf  # none while one runs: a large bucket takes longer than an hour
        threading.Thread(target=self._sweep_in_background, name="sweep", daemon=True).start()

    def _sweep_in_background(self) -> None:
        try:
            self.sweep()
        except DuckError as error:
            log.warning("sweep failed cause=%s", error.operator_message)
        finally:
            self._due = time.monotonic() + SWEEP_INTERVAL


def _attempt(action: Callable[[], None], faults: list[DuckError]) -> bool:
    """Run `action`; collect its DuckError. Return whether it succeeded."""
    try:
        action()
    except DuckError as error:
        faults.append(error)
        return False
    return True


def _id(key: str) -> str | None:
    """Return the id of the result that the picture belongs to."""
    match = PICTURE_KEY_RE.fullmatch(key)
    return match and match[1]
