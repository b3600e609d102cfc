"""A real PgBouncer in transaction mode in front of the tests' PostgreSQL, on a Unix socket."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import postgres
from tests.support.server import until

PROGRAM = shutil.which("pgbouncer", path=f"{postgres.PATH}:/usr/sbin")
CONFIGURATION = """[databases]
* = host={server} user=tests

[pgbouncer]
unix_socket_dir = {folder}
listen_port = 6432
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


@contextmanager
def in_front_of(server: postgres.Server) -> Iterator[Path]:
    """Run it; the folder of its socket, for `?host=…&port=6432`."""
    folder = Path(tempfile.mkdtemp(prefix="pgb"))
    (folder / "ini").write_text(CONFIGURATION.format(server=server.folder, folder=folder))
    if user := postgres.unprivileged_user():
        for path in (folder, folder / "ini"):
            shutil.chown(path, user)
    assert PROGRAM
    process = subprocess.Popen(
        [PROGRAM, "-q", str(folder / "ini")], user=user, stderr=subprocess.DEVNULL
    )
    try:
        until((folder / ".s.PGSQL.6432").exists)
        yield folder
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)
