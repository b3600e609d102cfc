"""Set-up databases without running the migrations each time: those run once, then are copied."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import make_url

from db_setup import set_up, set_up_jobs
from rubberduck.core.settings import Settings
from rubberduck.db.engine import sqlite_file
from tests.support.postgres import Server


def create_database(url: str, *, with_jobs: bool = False) -> None:
    """What `python db_setup.py` does; in PostgreSQL, the job engine's tables take a second more."""
    if make_url(url).get_backend_name() != "sqlite" or sqlite_file(url).exists():
        set_up(url)
        if with_jobs:
            set_up_jobs(url)
        return
    file = sqlite_file(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_set_up_file())


@contextmanager
def ready_database(kind: str, request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    """Yield the URL of a database that is set up and without rows; `kind` as in fixtures."""
    if kind == "sqlite":
        create_database(settings.database_url)
        yield settings.database_url
        return
    server: Server = request.getfixturevalue("postgres_server")
    with server.database(server.template(create_database)) as url:
        yield url


@cache
def _set_up_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "duck.db"
        set_up(f"sqlite:///{file}")
        return file.read_bytes()
