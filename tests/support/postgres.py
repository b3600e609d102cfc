"""A real PostgreSQL server of the tests' own, in a temporary folder, without a network port."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
PATH = os.pathsep.join([*map(str, BINARIES), os.environ.get("PATH", "")])

TEMPLATE = "ready"


def missing() -> str | None:
    """Why there is no PostgreSQL for the tests, if there is none."""
    if not shutil.which("initdb", path=PATH):
        return "PostgreSQL is not installed: its tests are SKIPPED (apt-get install postgresql)"
    return None


@dataclass(frozen=True)
class Server:
    folder: Path
    _templates: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://tests@/{name}?host={self.folder}"

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        name = f"t{secrets.token_hex(6)}"
        self._do(f"CREATE DATABASE {name} {options}")
        yield self.url(name)
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def template(self, set_up: Callable[[str], object]) -> str:
        """The options of a database that `set_up` made once; a copy costs a tenth."""
        if TEMPLATE not in self._templates:
            self._do(f"CREATE DATABASE {TEMPLATE}")
            set_up(self.url(TEMPLATE))
            self._templates.append(TEMPLATE)
        return f"TEMPLATE {TEMPLATE}"

    def cpu(self) -> float:
        """Processor seconds of all its processes until now, also of those that have gone."""
        main = psutil.Process(int((self.folder / "data/postmaster.pid").read_text().split()[0]))
        seconds = 0.0
        for process in main.children():
            with suppress(psutil.NoSuchProcess):  # then its time is the main one's children's
                seconds += sum(process.cpu_times()[:2])
        return float(seconds + sum(main.cpu_times()[:4]))

    def set_read_only(self, is_on: bool) -> None:
        """Refuse writes in all transactions that begin from now on, as a standby does (25006)."""
        self._do(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if is_on else 'off'}")
        self._do("SELECT pg_reload_conf()")

    def _do(self, statement: str) -> None:
        where = f"host={self.folder} user=tests dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())


def through(url: str, folder: Path, port: int) -> str:
    """Return the URL of the same database behind another socket."""
    return f"{url.split('?', maxsplit=1)[0]}?host={folder}&port={port}"


@contextmanager
def running(
    fsync: str = "off", listen: int | None = None, address: str = "localhost"
) -> Iterator[Server]:
    """Start a server; with `listen` also on that port of `address`, for its own network."""
    # Not under pytest's own folder: a socket's path is at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = unprivileged_user()
    if user:
        shutil.chown(folder, user)
    data = str(folder / "data")
    options = f"-k {folder} -c listen_addresses= -c fsync={fsync}"
    if listen:
        options = f"-k {folder} -c listen_addresses={address} -p {listen} -c fsync={fsync}"
    try:
        _run(user, "initdb", "-D", data, "-U", "tests", "-A", "trust", "--no-sync")
        with (folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")
        _run(user, "pg_ctl", "start", "-w", "-D", data, "-o", options, "-l", f"{folder}/log")
        yield Server(folder)
    finally:
        _run(user, "pg_ctl", "stop", "-D", data, "-m", "immediate", check=False)
        shutil.rmtree(folder)


def unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(user: str | None, program: str, *arguments: str, check: bool = True) -> None:
    command = [shutil.which(program, path=PATH) or program, *arguments]
    subprocess.run(command, user=user, cwd="/", check=check, stdout=subprocess.DEVNULL, timeout=60)
