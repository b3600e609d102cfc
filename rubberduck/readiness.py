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
    """Whether results can be written and pictures stored."""

    def __init__(self, finder: Finder) -> None:
        self._checks = {"database": finder.results.check, "storage": finder.storage.check}
        self._lock = threading.Lock()
        self._parts: dict[str, bool] = {}
        self._asked_at = -KEPT_SECONDS

    def parts(self) -> dict[str, bool]:
        """Each part and whether it is ready; at most five seconds old."""
        with self._lock:
            now = time.monotonic()
            if now - self._asked_at >= KEPT_SECONDS:
                self._parts = {name: _is_ready(name, ask) for name, ask in self._checks.items()}
                self._asked_at = now
            return self._parts


def _is_ready(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except DuckError as error:
        log.error("The %s is not ready: %s", name, error.cause or error.why)
        return False
    return True
