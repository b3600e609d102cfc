"""PostgreSQL: connection options, client-side deadlines, and failures that end a connection.

Together they bound every request to ten seconds when the server vanishes. libpq's own means are not
enough: tcp_user_timeout needs unacknowledged data, and a pooler that hangs still acknowledges.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import ExceptionContext, text
from sqlalchemy.exc import InvalidatePoolError

CONNECT_SECONDS, PING_SECONDS, TRANSACTION_SECONDS = 3, 3.0, 8.0
TICK = 0.25  # seconds
# No start-up options: PgBouncer refuses them. No prepared statements: in its transaction mode the
# next transaction may run on another connection of the server.
CONNECT_ARGS: dict[str, Any] = {
    "client_encoding": "utf8",
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 8000,  # milliseconds
    "prepare_threshold": None,
}
# Per worker. A request holds one for milliseconds; the smallest PostgreSQL of RDS allows 75 in all.
POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 2, "pool_recycle": 600}
LIMITS = text(
    "SELECT set_config('lock_timeout', '5s', true), set_config('statement_timeout', '8s', true)"
)
# A demoted primary, a server that shuts down or starts, an idle transaction ended by the server.
LOST_STATES = {"25006", "25P03", "57P01", "57P02", "57P03"}


def is_lost(error: BaseException) -> bool:
    """Return whether the connection must not be used again after this error."""
    state = getattr(error, "sqlstate", None) or ""
    return state in LOST_STATES or state.startswith("08")


def discard_lost(context: ExceptionContext) -> None:
    """A "handle_error" listener: discard the pool's connections to a lost server."""
    if is_lost(context.original_exception):
        context.is_disconnect = True


class Deadlines:
    """Shuts the socket of a connection that takes longer than allowed; its caller gets an error."""

    def __init__(self, driver_error: type[Exception]) -> None:
        self.driver_error = driver_error
        self._lock = threading.Lock()
        self._open: dict[object, tuple[float, int]] = {}  # moment and descriptor
        self._thread: threading.Thread | None = None

    @contextmanager
    def within(self, connection: Any, seconds: float) -> Iterator[None]:
        """Allow `seconds` for what happens on a psycopg connection inside the block."""
        token = object()
        with self._lock:
            self._open[token] = time.monotonic() + seconds, connection.fileno()
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._open.pop(token, None)

    def _watch(self) -> None:
        while True:
            time.sleep(TICK)
            with self._lock:
                if not self._open:
                    self._thread = None
                    return
                now = time.monotonic()
                for token, (moment, descriptor) in list(self._open.items()):
                    if now > moment:
                        del self._open[token]
                        _shut(descriptor)

    def ping(self, connection: Any, record: Any, _proxy: Any) -> None:
        """A "checkout" listener: replace a dead connection. SQLAlchemy's own ping may hang."""
        if record.info.pop("is_new", False):
            return
        try:
            with self.within(connection, PING_SECONDS):
                connection.autocommit = True
                connection.execute("SELECT 1")
                connection.autocommit = False
        except self.driver_error as error:
            raise InvalidatePoolError("the pooled connection is dead") from error


def _shut(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connected:
        connected.shutdown(socket.SHUT_RDWR)
