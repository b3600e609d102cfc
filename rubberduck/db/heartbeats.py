"""Heartbeats of the uploads that this process works on, sent by one thread for all of them."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

HEARTBEAT_SECONDS = 2.0


class Heartbeats:
    """Calls `beat` with the ids that are in work for a while, every HEARTBEAT_SECONDS.

    The first call for an id comes one to two intervals after its beginning. The thread starts with
    an upload and ends when there are none: to start one for each upload takes 0.2 ms of CPU time.
    """

    def __init__(self, beat: Callable[[Collection[str]], None]) -> None:
        self._beat = beat
        self._ids: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def of(self, id: str) -> Iterator[None]:
        """Send heartbeats for the upload until the block ends."""
        with self._lock:
            self._ids.add(id)
            # After a fork, the thread of the parent process is not alive here.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._ids.discard(id)

    def _run(self) -> None:
        earlier: set[str] = set()
        never = threading.Event()
        while True:
            never.wait(HEARTBEAT_SECONDS)
            with self._lock:
                if not self._ids:
                    self._thread = None
                    return
                earlier, due = set(self._ids), earlier & self._ids
            if due:
                self._beat(due)
