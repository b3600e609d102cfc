"""Readiness of database, storage and embedded detector, cached for a minute."""

import logging
import threading
import time
from collections.abc import Callable

from rubberduck.core.errors import DuckError
from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
CACHE_SECONDS = 60.0  # the checks write a row and a file
RETRY_SECONDS = 5.0  # after a failure
FIRST_CHECK_WAIT_SECONDS = 3.0


class Readiness:
    """Checks that results can be saved, pictures stored, and that the detector is loaded."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._checks = {
            "database": self._check_results,
            "storage": pipeline.storage.check,
            "detector": self._check_detector,
        }
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
                    self._parts = {
                        name: _is_ready(name, check) for name, check in self._checks.items()
                    }
                    self._checked_at = time.monotonic()
            finally:
                self._lock.release()
        return self._parts or dict.fromkeys(self._checks, False)

    @property
    def is_ready_so_far(self) -> bool:
        """Return whether the last check found no fault. Runs no check."""
        return all(self._parts.values())

    def _check_results(self) -> None:
        self.pipeline.results.check()  # here, because `results` opens the database

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
        log.error("not ready part=%s cause=%s", name, error.operator_message)
        return False
    return True
