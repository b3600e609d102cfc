"""Deletes pictures and their results: on demand, in time, or what was left behind half-done."""

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
from rubberduck.storage.base import Storage

if TYPE_CHECKING:
    from rubberduck.db.results import Results

log = logging.getLogger(__name__)
MOST = 100  # at once
# Only what can be ours: a bucket may hold other things too. The first is a picture of a result,
# the others what a kill left of a picture, or of a check.
A_PICTURE = re.compile(r"(?:uploads|marked)/([\w-]{22})\.jpg", re.ASCII)
LEFTOVER_KEY_RE = re.compile(r"(?:(?:uploads|marked)/)?tmp\w+\.part|check-[\w-]{11}", re.ASCII)
FIRST_SWEEP_DELAY, SWEEP_INTERVAL = 600.0, 3600.0  # seconds


def delete(remains: PendingDeletion, storage: Storage, results: "Results") -> None:
    """The row goes last, so that whatever fails can be found and tried again."""
    for key in remains.keys:
        storage.delete(key)
    results.delete_row(remains.id)


@dataclass(frozen=True)
class Swept:
    """How many results went, and how many pictures that belonged to none."""

    results: int = 0
    orphans: int = 0


class Sweeper:
    """Keeps the promise of how long pictures are kept. Sweeping twice is harmless."""

    def __init__(self, results: "Results", storage: Storage) -> None:
        self.results = results
        self.storage = storage
        self._due: float | None = None
        self._lock = threading.Lock()

    def forget(self, id: str, owner: str) -> None:
        """At once: nobody finds the result any more, its pictures and its row are deleted.

        StorageFailed when a picture could not be: `sweep` goes on with it.
        """
        delete(self.results.mark_deleting(id, owner), self.storage, self.results)

    def sweep(self) -> Swept:
        """Everything that is due. One that stays does not keep the others: its fault comes last."""
        faults: list[DuckError] = []
        swept = Swept(
            results=sum(_done(partial(self._delete, each), faults) for each in self._due_results()),
            orphans=sum(_done(partial(self.storage.delete, key), faults) for key in self._strays()),
        )
        if faults:
            raise faults[0]
        return swept

    def _due_results(self) -> Iterator[PendingDeletion]:
        last = ""
        while remains := self.results.mark_expired_deleting(datetime.now(UTC), MOST, last):
            last = remains[-1].id
            yield from remains

    def _delete(self, remains: PendingDeletion) -> None:
        delete(remains, self.storage, self.results)

    def _strays(self) -> Iterator[str]:
        """What lies there without a row. A row is written first, so nothing on its way is here."""
        # A database that knows few of the pictures may be the wrong one, or one made anew: then
        # nothing goes whose time would not be over anyway.
        age = PENDING_UPLOAD_TTL if self._database_matches_storage() else self.results.keep
        for keys, known in self._pictures(age):
            yield from (
                key for key in keys if LEFTOVER_KEY_RE.fullmatch(key) or _id(key) not in known
            )

    def _database_matches_storage(self) -> bool:
        """At least half of the results whose pictures lie there."""
        there = ours = 0
        for keys, known in self._pictures(PENDING_UPLOAD_TTL):
            there += len(set(map(_id, keys)) - {None})
            ours += len(known)
        return 2 * ours >= there

    def _pictures(self, age: timedelta) -> Iterator[tuple[list[str], set[str]]]:
        """Keys of ours at least so old, some at a time, and the ids of results among them."""
        stored = self.storage.keys_older_than(datetime.now(UTC) - age)
        ours = filter(lambda key: _id(key) or LEFTOVER_KEY_RE.fullmatch(key), stored)
        while keys := list(islice(ours, MOST)):
            yield keys, self.results.existing_ids({id for key in keys if (id := _id(key))})

    def maybe_sweep(self) -> None:
        """For every request to call: once in a while it sweeps, beside the requests."""
        now = time.monotonic()
        with self._lock:
            if self._due is None:  # each worker at a time of its own
                self._due = now + FIRST_SWEEP_DELAY * random.uniform(1, 2)
            if now < self._due:
                return
            self._due = math.inf  # never two at once: a large bucket takes longer than an hour
        threading.Thread(target=self._sweep_in_background, name="sweep", daemon=True).start()

    def _sweep_in_background(self) -> None:
        try:
            swept = self.sweep()
            if swept != Swept():
                log.info("Swept %d results, %d stray pictures.", swept.results, swept.orphans)
        except DuckError as error:
            log.warning("The sweep stopped; the next one goes on: %s", error.operator_message)
        finally:
            self._due = time.monotonic() + SWEEP_INTERVAL


def _done(deed: Callable[[], None], faults: list[DuckError]) -> bool:
    try:
        deed()
    except DuckError as error:
        faults.append(error)
        return False
    return True


def _id(key: str) -> str | None:
    """Of the result whose picture it is."""
    match = A_PICTURE.fullmatch(key)
    return match and match[1]
