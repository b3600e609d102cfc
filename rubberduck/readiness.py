"""Is the site ready for visitors? Asked often, so answered from a short memory."""

import logging
import threading
import time
from collections.abc import Callable

from rubberduck.errors import DuckError
from rubberduck.finder import Finder

log = logging.getLogger(__name__)

KEPT_SECONDS = 5.0


class Readiness:
    """Whether results can be written and pictures stored. Until first asked: no."""

    def __init__(self, finder: Finder) -> None:
        self._checks = {"database": finder.results.check, "storage": finder.storage.check}
        self._lock = threading.Lock()
        self._parts = dict.fromkeys(self._checks, False)
        self._asked_at = -KEPT_SECONDS

    def parts(self) -> dict[str, bool]:
        """Each part and whether it is ready; at most five seconds old, or the last answer."""
        if time.monotonic() - self._asked_at >= KEPT_SECONDS and self._lock.acquire(blocking=False):
            # One asks; the others, meanwhile, get the last answer instead of a place in a queue.
            try:
                self._parts = {name: _is_ready(name, ask) for name, ask in self._checks.items()}
                self._asked_at = time.monotonic()
            finally:
                self._lock.release()
        return self._parts


def _is_ready(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except DuckError as error:
        log.error("The %s is not ready: %s", name, error.for_operator)
        return False
    return True
