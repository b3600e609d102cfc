"""A real PgBouncer in transaction mode in front of the tests' PostgreSQL, on a Unix socket."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import postgres
from tests.support.server import until

PROGRAM = shutil.which("pgbouncer", path=f"{postgres.PATH}:/usr/sbin")
PORT = 6432
CONFIGURATION = """[databases]
* = host={server} user=tests

[pgbouncer]
unix_socket_dir = {folder}
listen_port = {port}
listen_addr =
auth_type = any
pool_mode = transaction
default_pool_size = 3
logfile = {folder}/log
"""


def missing() -> str | None:
    """Return why there is no PgBouncer for the tests, if there is none."""
    if PROGRAM is None:
        return "PgBouncer is not installed: its tests are SKIPPED (apt-get install pgbouncer)"
    return None


@dataclass
class Pooler:
    """A PgBouncer, which listens on a socket in `folder`."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, url: str) -> str:
        """Return the URL of the same database through the pooler."""
        return postgres.through(url, self.folder, PORT)

    def start(self) -> None:
        assert PROGRAM
        self.process = subprocess.Popen(
            [PROGRAM, "-q", str(self.folder / "ini")],
            user=postgres.unprivileged_user(),
            stderr=subprocess.DEVNULL,
        )
        until((self.folder / f".s.PGSQL.{PORT}").exists)

    def kill(self) -> None:
        """End it as a crash does, which leaves the file of its socket behind."""
        assert self.process
        self.process.kill()
        self.process.wait()
        for left in self.folder.glob(".s.PGSQL.*"):
            left.unlink()

    def close(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()


@contextmanager
def in_front_of(server: postgres.Server) -> Iterator[Pooler]:
    pooler = Pooler(Path(tempfile.mkdtemp(prefix="pgb")))
    configuration = CONFIGURATION.format(server=server.folder, folder=pooler.folder, port=PORT)
    (pooler.folder / "ini").write_text(configuration)
    if user := postgres.unprivileged_user():
        for path in (pooler.folder, pooler.folder / "ini"):
            shutil.chown(path, user)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.close()
        shutil.rmtree(pooler.folder)
