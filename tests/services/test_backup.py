"""Backup and restore, as an operator's hands do them: nothing acknowledged before is lost."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url

from app import create_app
from db_setup import set_up
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.services import backup
from rubberduck.services.observation import Swept
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from tests.support import postgres
from tests.support.command_line import run_command
from tests.support.databases import create_database
from tests.support.pictures import encoded, form
from tests.support.postgres import Server
from tests.support.restoring import command, stop, upload
from tests.support.server import environment_for, serving


@pytest.fixture(autouse=True)
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "instance"
    folder.mkdir()
    (folder / "secret_key").write_text("the first key")
    monkeypatch.setattr(backup, "INSTANCE", folder)
    return folder


@pytest.mark.parametrize(
    "end", [pytest.param(signal.SIGTERM, marks=pytest.mark.soak), signal.SIGKILL]
)
def test_a_backup_is_restored_after_any_end(tmp_path: Path, end: signal.Signals) -> None:
    file = tmp_path / "backup.tar"
    with serving(tmp_path) as site:
        kept = [upload(site, number) for number in range(3)]
        assert command(tmp_path, "backup", str(file)).returncode == 0
        later = upload(site, 3)
        while_running = command(tmp_path, "restore", str(file))
        assert (while_running.returncode, "Stop it" in while_running.stderr) == (1, True)
        stop(site, end)
    if end == signal.SIGTERM:
        assert not (tmp_path / "duck.db-wal").exists()
    done = command(tmp_path, "restore", str(file))
    assert done.returncode == 0, done.stderr
    with serving(tmp_path) as site:
        assert [site.get(path)[0] for path in (*kept, later)] == [200, 200, 200, 404]
        for path in kept:
            links = json.loads(site.get(path)[1])["links"]
            assert site.get(links["picture"])[0] == 200
        assert site.get(upload(site, 4))[0] == 200
        assert "ok     database\n" in command(tmp_path, "check").stdout
    kept_aside = [f for f in tmp_path.glob("duck.db.before-restore-*") if f.suffix != ".db-wal"]
    assert kept_aside


def test_all_that_cannot_be_made_again_comes_back(
    app: Flask, client: FlaskClient, pipeline: Pipeline, instance: Path, tmp_path: Path
) -> None:
    where = client.post("/", **form(encoded())).location
    done = run_command(app, "backup", str(tmp_path / "backup.tar"))
    assert done.exit_code == 0, done.stderr
    assert "not covered  settings of the environment" in done.stderr
    (instance / "secret_key").write_text("another key")
    for picture in (tmp_path / "uploads").rglob("*.jpg"):
        picture.unlink()
    # This very process holds the database, as a running site does.
    assert run_command(app, "restore", str(tmp_path / "backup.tar")).exit_code == 1
    pipeline.results.close()
    restored = run_command(app, "restore", str(tmp_path / "backup.tar"))
    assert restored.exit_code == 0, restored.stderr
    assert "API keys that were revoked after the backup are valid again." in restored.stderr
    assert (instance / "secret_key").read_text() == "the first key"
    assert client.get(f"{where}/picture.jpg").status_code == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"quack" * 9, "cannot be restored"),
        (b"SQLite format 3\0" + b"quack" * 4000, "is damaged"),
    ],
)
def test_what_is_no_backup_changes_nothing(tmp_path: Path, content: bytes, words: str) -> None:
    environment = environment_for(tmp_path, 1)
    create_database(environment["DUCK_DATABASE_URL"])
    before = (tmp_path / "duck.db").read_bytes()
    (tmp_path / "backup.tar").write_bytes(content)
    done = command(tmp_path, "restore", str(tmp_path / "backup.tar"))
    assert done.returncode == 1
    assert words in done.stderr or "is not a backup" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "duck.db").read_bytes() == before


def test_a_plain_copy_of_the_database_is_restored_too(tmp_path: Path) -> None:
    environment = environment_for(tmp_path, 1)
    create_database(environment["DUCK_DATABASE_URL"])
    copy = tmp_path / "copy.db"
    with sqlite3.connect(tmp_path / "duck.db") as database:
        database.execute("VACUUM INTO ?", (str(copy),))
    database.close()
    done = command(tmp_path, "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert copy.exists()


def test_after_a_restore_no_orphan_is_deleted_for_the_retention(
    pipeline: Pipeline, settings: Settings, tmp_path: Path
) -> None:
    stray = tmp_path / "uploads" / "uploads" / f"{'a' * 22}.jpg"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(encoded())
    os.utime(stray, (0, 0))
    (tmp_path / "duck.db.restored").touch()
    sweeper = Sweeper(pipeline.open_results, pipeline.storage)
    assert sweeper.sweep() == Swept()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=settings.keep_days, minutes=1)):
        assert sweeper.sweep() == Swept(orphans=1)


def pg(server: Server, program: str, *arguments: str) -> None:
    command = [shutil.which(program, path=postgres.PATH) or program, "-h", str(server.folder)]
    subprocess.run([*command, "-U", "tests", *arguments], check=True, capture_output=True)


def database_of(url: str) -> str:
    return make_url(url).database or ""


@pytest.mark.parametrize("is_same_server", [True, False])
def test_a_postgresql_restored_by_pg_restore_is_noticed(
    postgres_server: Server,
    open_results: Callable[[str], Results],
    tmp_path: Path,
    is_same_server: bool,
) -> None:
    dump = str(tmp_path / "duck.dump")
    with postgres_server.database() as url, ExitStack() as stack:
        set_up(url)
        before = open_results(url)
        before.keep = timedelta(days=30)
        assert not before.was_restored_recently()
        assert not before.was_restored_recently()
        pg(postgres_server, "pg_dump", "-Fc", "-f", dump, database_of(url))
        server = postgres_server if is_same_server else stack.enter_context(postgres.running())
        copy = stack.enter_context(server.database())
        pg(server, "pg_restore", "-d", database_of(copy), dump)
        after = open_results(copy)
        after.keep = before.keep
        assert after.was_restored_recently()
        assert not before.was_restored_recently()
        with time_machine.travel(datetime.now(UTC) + timedelta(days=30, minutes=1)):
            assert not after.was_restored_recently()
        after.close()


def test_an_operator_can_say_that_it_was_restored(app: Flask, pipeline: Pipeline) -> None:
    assert not pipeline.results.was_restored_recently()
    done = run_command(app, "restored")
    assert done.output == "Pictures without a result are kept for 30 days from now.\n"
    assert pipeline.results.was_restored_recently()


def test_a_buckets_objects_are_listed_and_missed(
    aws_settings: Settings,
    s3: Any,
    eyes: Any,
    composed: Callable[[Settings], Pipeline],
    tmp_path: Path,
) -> None:
    pipeline = composed(aws_settings)
    app = create_app(aws_settings, pipeline=pipeline)
    client = app.test_client()
    id = client.post("/", **form(encoded())).location.split("/")[-1]
    file = tmp_path / "backup.tar"
    done = run_command(app, "backup", str(file))
    assert done.exit_code == 0, done.stderr
    with tarfile.open(file) as tar:
        member = tar.extractfile("manifest.json")
        assert member
        objects = {item["key"] for item in json.load(member)["objects"]}
    assert objects == {f"uploads/{id}.jpg", f"marked/{id}.jpg"}
    s3.delete_object(Bucket=aws_settings.bucket, Key=f"uploads/{id}.jpg")
    missing = backup._restore_rest(file, pipeline.storage)
    assert len(missing.left_out) == 1
    assert f"uploads/{id}.jpg, version" in missing.left_out[0]
