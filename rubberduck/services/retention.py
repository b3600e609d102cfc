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
from rubberduck.db.pending_deletion import ABANDONED, Remains
from rubberduck.storage.base import Storage

if TYPE_CHECKING:
    from rubberduck.db.results import Results

log = logging.getLogger(__name__)
MOST = 100  # at once
# Only what can be ours: a bucket may hold other things too. The first is a picture of a result,
# the others what a kill left of a picture, or of a check.
A_PICTURE = re.compile(r"(?:uploads|marked)/([\w-]{22})\.jpg", re.ASCII)
LEFT_OVER = re.compile(r"(?:(?:uploads|marked)/)?tmp\w+\.part|check-[\w-]{11}", re.ASCII)
FIRST_AFTER, AGAIN_AFTER = 600.0, 3600.0  # seconds


def delete(remains: Remains, storage: Storage, results: "Results") -> None:
    """The row goes last, so that whatever fails can be found and tried again."""
    for key in remains.keys:
        storage.delete(key)
    results.forget(remains.id)


@dataclass(frozen=True)
class Swept:
    """How many results went, and how many pictures that belonged to none."""

    results: int = 0
    strays: int = 0


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
        delete(self.results.hide(id, owner), self.storage, self.results)

    def sweep(self) -> Swept:
        """Everything that is due. One that stays does not keep the others: its fault comes last."""
        faults: list[DuckError] = []
        swept = Swept(
            results=sum(_done(partial(self._delete, each), faults) for each in self._due_results()),
            strays=sum(_done(partial(self.storage.delete, key), faults) for key in self._strays()),
        )
        if faults:
            raise faults[0]
        return swept

    def _due_results(self) -> Iterator[Remains]:
        last = ""
        while remains := self.results.hide_old(datetime.now(UTC), MOST, last):
            last = remains[-1].id
            yield from remains

    def _delete(self, remains: Remains) -> None:
        delete(remains, self.storage, self.results)

    def _strays(self) -> Iterator[str]:
        """What lies there without a row. A row is written first, so nothing on its way is here."""
        # A database that knows few of the pictures may be the wrong one, or one made anew: then
        # nothing goes whose time would not be over anyway.
        age = ABANDONED if self._knows_the_place() else self.results.keep
        for keys, known in self._pictures(age):
            yield from (key for key in keys if LEFT_OVER.fullmatch(key) or _id(key) not in known)

    def _knows_the_place(self) -> bool:
        """At least half of the results whose pictures lie there."""
        there = ours = 0
        for keys, known in self._pictures(ABANDONED):
            there += len(set(map(_id, keys)) - {None})
            ours += len(known)
        return 2 * ours >= there

    def _pictures(self, age: timedelta) -> Iterator[tuple[list[str], set[str]]]:
        """Keys of ours at least so old, some at a time, and the ids of results among them."""
        stored = self.storage.stored_before(datetime.now(UTC) - age)
        ours = filter(lambda key: _id(key) or LEFT_OVER.fullmatch(key), stored)
        while keys := list(islice(ours, MOST)):
            yield keys, self.results.known({id for key in keys if (id := _id(key))})

    def sometimes(self) -> None:
        """For every request to call: once in a while it sweeps, beside the requests."""
        now = time.monotonic()
        with self._lock:
            if self._due is None:  # each worker at a time of its own
                self._due = now + FIRST_AFTER * random.uniform(1, 2)
            if now < self._due:
                return
            self._due = math.inf  # never two at once: a large bucket takes longer than an hour
        threading.Thread(target=self._quietly, name="sweep", daemon=True).start()

    def _quietly(self) -> None:
        try:
            swept = self.sweep()
            if swept != Swept():
                log.info("Swept %d results, %d stray pictures.", swept.results, swept.strays)
        except DuckError as error:
            log.warning("The sweep stopped; the next one goes on: %s", error.for_operator)
        finally:
            self._due = time.monotonic() + AGAIN_AFTER


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
