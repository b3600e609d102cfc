"""A disk full or closed, a database locked or spoiled: plainly said, and it passes."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.folder import FolderStorage
from tests.support import postgres
from tests.support.databases import create_database
from tests.support.pictures import encoded
from tests.support.visitor import post_picture

Open = Callable[[str], Results]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"a small disk cannot be made here: {error}")
    if done.returncode:
        pytest.skip(f"a small disk cannot be made here: {done.stderr}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def on_small_disk(
    small_disk: Path, settings: Settings, pipeline: Pipeline, open_results: Open
) -> FlaskClient:
    """The site, with everything that it keeps on a disk of 3 MB."""
    url = f"sqlite:///{small_disk / 'duck.db'}"
    create_database(url)
    storage = FolderStorage(small_disk / "uploads")
    results = open_results(url)
    moved = replace(pipeline, open_results=lambda: results, storage=storage)
    return create_app(settings, pipeline=moved).test_client()


def noise(seed: int) -> bytes:
    """A picture of some 40 kB."""
    pixels = np.random.default_rng(seed).integers(0, 255, (160, 160, 3), np.uint8)
    return encoded(Image.fromarray(pixels), quality=90)


def must_be_sorry(answer: TestResponse) -> None:
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "We cannot check pictures at the moment" in answer.text
    assert "Your existing results are safe" in answer.text


def test_a_full_disk(on_small_disk: FlaskClient, small_disk: Path) -> None:
    (small_disk / "something big").write_bytes(bytes(1_500_000))
    answers = [post_picture(on_small_disk, noise(number)) for number in range(100)]
    refused = [answer for answer in answers if answer.status_code != 303]
    taken = [answer.location for answer in answers if answer.status_code == 303]
    assert len(taken) >= 2
    assert len(refused) >= 50
    for answer in refused:
        must_be_sorry(answer)
    (small_disk / "something big").unlink()
    assert post_picture(on_small_disk, noise(999)).status_code == 303
    for where in taken:
        assert on_small_disk.get(where).status_code == 200
        assert on_small_disk.get(f"{where}.jpg").status_code == 200
    assert list(small_disk.rglob("*.part")) == []
    with closing(sqlite3.connect(small_disk / "duck.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_becomes_read_only(on_small_disk: FlaskClient, small_disk: Path) -> None:
    """root may write where others may not, so the whole disk is closed."""
    before = post_picture(on_small_disk, noise(1)).location
    on_small_disk.application.extensions["pipeline"].results.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    must_be_sorry(post_picture(on_small_disk, noise(2)))
    assert on_small_disk.get("/readyz").status_code == 503
    assert on_small_disk.get("/healthz").status_code == 200
    assert on_small_disk.get(before).status_code in (200, 503)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert post_picture(on_small_disk, noise(2)).status_code == 303
    assert on_small_disk.get(before).status_code == 200


def overwrite_its_second_page(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"quack" * 819)


def truncate(file: Path) -> None:
    file.write_bytes(b"")


def lose(file: Path) -> None:
    file.unlink()


def upgrade_beyond_us(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("UPDATE compatibility SET works_from = '9999'")
        database.commit()


def replace_by_something_else(file: Path) -> None:
    file.write_text("quack, quack\n" * 4000)


@pytest.mark.parametrize(
    "spoil",
    [
        overwrite_its_second_page,
        truncate,
        lose,
        upgrade_beyond_us,
        replace_by_something_else,
    ],
)
def test_a_spoiled_database_is_a_503_and_never_a_new_one(
    settings: Settings,
    results: Results,
    pipeline: Pipeline,
    client: FlaskClient,
    tmp_path: Path,
    spoil: Callable[[Path], None],
) -> None:
    where = post_picture(client, encoded()).location
    results.close()
    file = tmp_path / "duck.db"
    spoil(file)
    before = file.exists() and file.read_bytes()
    must_be_sorry(post_picture(client, encoded(comment="another")))
    must_be_sorry(client.get(where))
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert before == (file.exists() and file.read_bytes())
    assert pipeline.storage.get(
        f"uploads/{where.split('/')[-1]}.jpg"
    )  # the pictures are still there


def test_a_database_locked_for_too_long_is_said_and_passes(
    settings: Settings,
    pipeline: Pipeline,
    open_results: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rubberduck.db.engine.BUSY_SECONDS", 0.2)
    results = open_results(settings.database_url)
    impatient = replace(pipeline, open_results=lambda: results)
    client = create_app(settings, pipeline=impatient).test_client()
    with closing(sqlite3.connect(tmp_path / "duck.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        must_be_sorry(post_picture(client, encoded()))
    assert post_picture(client, encoded()).status_code == 303


def test_writers_behind_one_that_is_stuck_are_told_so(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's queue in their process, with the same patience."""
    monkeypatch.setattr("rubberduck.db.engine.BUSY_SECONDS", 0.2)
    with results.database.transaction(writing=True), ThreadPoolExecutor(1) as other:
        with pytest.raises(ResultsUnavailable) as raised:
            other.submit(results.check).result()
        assert "writers held the lock for too long" in raised.value.operator_message
    results.check()


def test_postgresql_has_many_writers(postgres_server: postgres.Server, open_results: Open) -> None:
    with postgres_server.database() as url:
        create_database(url)
        book = open_results(url)
        with book.database.transaction(writing=True), ThreadPoolExecutor(1) as other:
            other.submit(book.check).result()
        book.close()
