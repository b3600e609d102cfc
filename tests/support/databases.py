"""Set-up databases without running the migrations each time: those run once, then are copied."""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from db_setup import set_up, set_up_jobs
from rubberduck.db.engine import sqlite_file


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


@cache
def _set_up_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "duck.db"
        set_up(f"sqlite:///{file}")
        return file.read_bytes()
