"""Is the site ready for visitors? Asked often, so answered from a short memory."""

import logging
import threading
import time
from collections.abc import Callable

from rubberduck.core.errors import DuckError
from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
CACHE_SECONDS = 5.0
FIRST_CHECK_WAIT_SECONDS = 3.0


class Readiness:
    """Whether results can be written and pictures stored. Until first asked: no."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._checks = {"database": self._check_results, "storage": pipeline.storage.check}
        self._lock = threading.Lock()
        self._parts: dict[str, bool] = {}
        self._asked_at = -CACHE_SECONDS

    def parts(self) -> dict[str, bool]:
        """Each part and whether it is ready; at most five seconds old, or the last answer."""
        # One asks; the others, meanwhile, get the last answer instead of a place in a queue. Only
        # before the very first answer do they wait, and not for long.
        patience = 0.0 if self._parts else FIRST_CHECK_WAIT_SECONDS
        if self._is_stale() and self._lock.acquire(timeout=patience):
            try:
                if self._is_stale():
                    self._parts = {name: _is_ready(name, ask) for name, ask in self._checks.items()}
                    self._asked_at = time.monotonic()
            finally:
                self._lock.release()
        return self._parts or dict.fromkeys(self._checks, False)

    @property
    def is_ready_so_far(self) -> bool:
        """Nothing is known to be wrong. Asks nobody."""
        return all(self._parts.values())

    def _check_results(self) -> None:
        self.pipeline.results.check()  # not looked at before: that would open them

    def _is_stale(self) -> bool:
        return time.monotonic() - self._asked_at >= CACHE_SECONDS


def _is_ready(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except DuckError as error:
        log.error("The %s is not ready: %s", name, error.operator_message)
        return False
    return True
