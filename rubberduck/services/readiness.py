"""Readiness of database, storage and embedded detector, cached for a minute.

What writes is done once a minute by one of all processes that share the storage; the others read
its outcome from the database.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from rubberduck.core.errors import DuckError
from rubberduck.services.pipeline import Pipeline

if TYPE_CHECKING:
    from rubberduck.db.leases import Lease

log = logging.getLogger(__name__)
CACHE_SECONDS = 60.0
RETRY_SECONDS = 5.0  # after a failure
FIRST_CHECK_WAIT_SECONDS = 3.0
LEASE_SECONDS = 30.0  # longer than a storage takes to fail
FAILED = "failed"


class Readiness:
    """Checks that results can be saved, pictures stored, and that the detector is loaded."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._lock = threading.Lock()
        self._parts: dict[str, bool] = {}
        self._checked_at = -CACHE_SECONDS

    def parts(self) -> dict[str, bool]:
        """Return whether each part is ready; at most CACHE_SECONDS old, or the last answer.

        The first call loads the embedded detector, unless `Pipeline.warm_up` has done so.
        """
        # One thread checks; the others get the last answer instead of queueing. Only before the
        # first answer do they wait.
        timeout = 0.0 if self._parts else FIRST_CHECK_WAIT_SECONDS
        if self._is_stale() and self._lock.acquire(timeout=timeout):
            try:
                if self._is_stale():
                    self._parts = self._checked()
                    self._checked_at = time.monotonic()
            finally:
                self._lock.release()
        return self._parts or dict.fromkeys(("database", "storage", "detector"), False)

    @property
    def is_ready_so_far(self) -> bool:
        """Return whether the last check found no fault. Runs no check."""
        return all(self._parts.values())

    def _checked(self) -> dict[str, bool]:
        database, storage = self._check_writing()
        detector = _is_ready("detector", self._check_detector)
        return {"database": database, "storage": storage, "detector": detector}

    def _check_writing(self) -> tuple[bool, bool]:
        """Return whether the database and the storage are ready.

        To ask for the lease takes the database's lock for writing; to get it writes a row.
        """
        try:
            lease = self._lease()
            if not lease.acquire():
                return True, lease.outcome() != FAILED
            storage = _is_ready("storage", self.pipeline.storage.check)
            after = CACHE_SECONDS if storage else RETRY_SECONDS
            lease.release(None if storage else FAILED, after=timedelta(seconds=after))
            return True, storage
        except DuckError as error:
            _log("database", error)
            return False, _is_ready("storage", self.pipeline.storage.check)

    def _lease(self) -> "Lease":
        from rubberduck.db.leases import Lease

        storage = self.pipeline.storage
        return Lease(
            self.pipeline.results.database,
            # A folder belongs to its machine, a bucket to all.
            f"readiness of {storage.origin or f'the folder of {socket.gethostname()}'}"[:200],
            timedelta(seconds=LEASE_SECONDS),
            timedelta(seconds=CACHE_SECONDS),
        )

    def _check_detector(self) -> None:
        if detector := self.pipeline.free_detector:
            detector.check()

    def _is_stale(self) -> bool:
        limit = CACHE_SECONDS if all(self._parts.values()) else RETRY_SECONDS
        return time.monotonic() - self._checked_at >= limit


def _is_ready(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except DuckError as error:
        _log(name, error)
        return False
    return True


def _log(part: str, error: DuckError) -> None:
    log.error("not ready part=%s cause=%s", part, error.operator_message)
