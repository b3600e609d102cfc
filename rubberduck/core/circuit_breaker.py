"""Circuit breaker: stop calling a service that fails, and try it again after a while."""

import logging
import threading
import time

log = logging.getLogger(__name__)

FAILURE_THRESHOLD = 5  # consecutive failures
RESET_TIMEOUT = 30.0  # seconds


class CircuitBreaker:
    """Opens after FAILURE_THRESHOLD failures in a row; then one trial call per RESET_TIMEOUT.

    One per process, thread-safe, on the monotonic clock. Our own, because pybreaker 1.4.1 counts
    on the wall clock and circuitbreaker 2.1.3 lets every thread through when the timeout is over.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    @property
    def is_open(self) -> bool:
        """Return whether calls are currently rejected."""
        return self._failures >= FAILURE_THRESHOLD and time.monotonic() < self._next_try

    def allow_request(self) -> bool:
        """Return whether the caller may call. While open, one caller per RESET_TIMEOUT may."""
        with self._lock:
            if self.is_open:
                return False
            self._next_try = time.monotonic() + RESET_TIMEOUT
            return True

    def record_failure(self) -> None:
        with self._lock:
            self._failures += 1
            self._next_try = time.monotonic() + RESET_TIMEOUT
            opened = self._failures == FAILURE_THRESHOLD
        if opened:
            message = "circuit opened engine=%s failures=%d retry_s=%d"
            log.error(message, self.name, FAILURE_THRESHOLD, RESET_TIMEOUT)

    def record_success(self) -> None:
        with self._lock:
            was_open, self._failures = self._failures >= FAILURE_THRESHOLD, 0
        if was_open:
            log.warning("circuit closed engine=%s", self.name)
