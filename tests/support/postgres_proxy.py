"""Forwards the connections to the tests' PostgreSQL, and can stop, as a network does."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.postgres import Server, through

PORT = 6433


class Proxy:
    """Forwards a Unix socket to PostgreSQL's, as long as it is let; it always accepts."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.forwards = threading.Event()
        self.forwards.set()
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{PORT}"))
        self._listener.listen()
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url: str) -> str:
        """Return the URL of the same database through this proxy."""
        return through(url, self.folder, PORT)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server.folder / ".s.PGSQL.5432"))
                self._sockets += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.forwards.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.forwards.set()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def in_front_of(server: Server) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory(prefix="pgp") as folder:
        proxy = Proxy(Path(folder), server)
        try:
            yield proxy
        finally:
            proxy.close()
