"""Leaves a part that does not answer alone for a while, instead of letting every visitor wait."""

import logging
import threading
import time

log = logging.getLogger(__name__)

FAILURES = 5  # in a row
REST = 30.0  # seconds


class CircuitBreaker:
    """Opens after five failures in a row; from then on one call in thirty seconds may try again.

    Of this process alone, and safe among its threads. It never holds a lock while somebody asks,
    and counts on the monotonic clock: the libraries for this do neither.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    @property
    def is_open(self) -> bool:
        """Nobody may ask just now."""
        return self._failures >= FAILURES and time.monotonic() < self._next_try

    def allow_request(self) -> bool:
        """While it is open, true for one caller in thirty seconds, who tries for all others."""
        with self._lock:
            if self.is_open:
                return False
            self._next_try = time.monotonic() + REST
            return True

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._next_try = time.monotonic() + REST
            opened = self._failures == FAILURES
        if opened:
            log.error(
                "%s failed %d times in a row; it is left alone, and tried every %d seconds.",
                self.name,
                FAILURES,
                REST,
            )

    def answered(self) -> None:
        with self._lock:
            was_open, self._failures = self._failures >= FAILURES, 0
        if was_open:
            log.warning("%s answers again.", self.name)
