"""Deletes pictures and their results: on demand, in time, or what was left behind half-done."""

import logging
import random
import threading
import time
from datetime import UTC, datetime

from rubberduck.errors import DuckError
from rubberduck.results import Remains, Results
from rubberduck.storage import Storage

log = logging.getLogger(__name__)

MOST = 100  # at once
FIRST_AFTER, AGAIN_AFTER = 600.0, 3600.0  # seconds


def delete(remains: Remains, storage: Storage, results: Results) -> None:
    """The row goes last, so that whatever fails can be found and tried again."""
    for key in remains.keys:
        storage.delete(key)
    results.forget(remains.id)


class Sweeper:
    """Keeps the promise of how long pictures are kept. Sweeping twice is harmless."""

    def __init__(self, results: Results, storage: Storage) -> None:
        self.results = results
        self.storage = storage
        self._due: float | None = None
        self._lock = threading.Lock()

    def forget(self, id: str, owner: str) -> None:
        """At once: nobody finds the result any more, its pictures and its row are deleted.

        StorageFailed when a picture could not be: `sweep` goes on with it.
        """
        delete(self.results.hide(id, owner), self.storage, self.results)

    def sweep(self) -> int:
        """Everything that is due; tells how many results went. The first fault is raised last."""
        swept, last, failed = 0, "", None
        while remains := self.results.hide_old(datetime.now(UTC), MOST, last):
            last = remains[-1].id
            for each in remains:
                try:
                    delete(each, self.storage, self.results)
                except DuckError as error:  # one that stays must not keep the others
                    failed = failed or error
                else:
                    swept += 1
        if failed:
            raise failed
        return swept

    def sometimes(self) -> None:
        """For every request to call: once in a while it sweeps, beside the requests."""
        now = time.monotonic()
        with self._lock:
            if self._due is None:  # each worker at a time of its own
                self._due = now + FIRST_AFTER * random.uniform(1, 2)
            if now < self._due:
                return
            self._due = now + AGAIN_AFTER
        threading.Thread(target=self._quietly, name="sweep", daemon=True).start()

    def _quietly(self) -> None:
        try:
            if swept := self.sweep():
                log.info("Swept %d results.", swept)
        except DuckError as error:
            log.warning("The sweep stopped; the next one goes on: %s", error.for_operator)
