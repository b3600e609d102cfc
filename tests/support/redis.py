"""A real Redis server of the tests' own, in a temporary folder, without a network port."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NoConnection

PATIENCE = 60.0  # seconds


def missing() -> str | None:
    """Why there is no Redis for the tests, if there is none."""
    if not shutil.which("redis-server"):
        return "Redis is not installed: its tests are SKIPPED (apt-get install redis-server)"
    return None


@dataclass(frozen=True)
class Server:
    socket: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis+unix://{self.socket}"

    def client(self) -> Redis:
        """For looking behind the site's back."""
        return Redis(unix_socket_path=str(self.socket))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


@contextmanager
def running() -> Iterator[Server]:
    # Not under pytest's own folder: a socket's path is at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="redis"))
    socket = folder / "socket"
    quiet = ["--port", "0", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    command = ["redis-server", *quiet, "--unixsocket", str(socket)]
    with (folder / "log").open("wb") as log:
        server = Server(socket, subprocess.Popen(command, stdout=log, stderr=log))
    try:
        _wait_until_it_answers(server)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        with server.client() as client:
            try:
                if client.ping():
                    return
            except NoConnection:
                time.sleep(0.05)
    raise AssertionError(f"Redis did not start: {server.socket.with_name('log').read_text()}")
