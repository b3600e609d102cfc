"""The results database, the same on SQLite and on PostgreSQL."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.migration import HeadMaintainer
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text

from bench.harness.dataset import picture_row
from db_setup import CannotSetUp, set_up
from rubberduck.core.errors import (
    IdempotencyKeyReused,
    InvalidCursor,
    NoSuchResult,
    ResultPending,
    ResultsUnavailable,
)
from rubberduck.core.models import Answer, Label, Upload
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.core.settings import ROOT, Settings
from rubberduck.custom_models.project_counts import Counts, counts_of
from rubberduck.custom_models.tables import project_pictures
from rubberduck.db.daily_stats import Totals
from rubberduck.db.deduplication import Duplicate
from rubberduck.db.engine import engine_for
from rubberduck.db.results import Results
from rubberduck.db.row_mapping import to_row
from rubberduck.db.tables import SCHEMA, daily_counts, duck_results, metadata
from tests.support.fake_detector import duck_labels
from tests.support.stored_results import (
    CREATED_AT,
    sample_result,
    sample_upload,
    save_and_get,
    without_fallback,
)

Open = Callable[[str], Results]


@pytest.fixture
def book(ready_database_url: str, open_results: Open) -> Results:
    return open_results(ready_database_url)


def test_closing_closes_what_a_thread_still_uses(book: Results) -> None:
    """SQLAlchemy 2.1.9's Engine.dispose() leaves a connection that is in use open when it is
    returned: SQLite's -wal file stays, and psycopg warns in whatever test it is collected."""
    with book.database.transaction(writing=True) as connection:
        driver_connection: Any = connection.connection.dbapi_connection
        book.close()
    if book.database.file is None:
        assert driver_connection.closed
    else:
        assert not book.database.file.with_name("duck.db-wal").exists()


def test_what_is_saved_is_got(book: Results) -> None:
    assert save_and_get(book, sample_result()) == sample_result()


def test_a_no_is_kept_too(book: Results) -> None:
    labels = (Label("Bird", 99.0),)
    answer = Answer(labels, judge(RUBBER_DUCK, labels), "embedded detector")
    result = replace(sample_result(), answer=answer, marked_key=None)
    assert save_and_get(book, result) == result


def test_the_table_is_readable_by_hand(book: Results) -> None:
    save_and_get(book, sample_result())
    with book.database.engine.connect() as connection:
        row = connection.execute(
            text("SELECT duck_found, confidence_score, s3_key, status FROM duck_results")
        ).one()
    assert tuple(row) == (True, 94.0, "uploads/an-id.jpg", "ready")


@pytest.mark.parametrize("id", ["nobody", "", "a" * 500, "\0", "ü", "'; DROP TABLE duck_results"])
def test_an_id_that_nobody_has(book: Results, id: str) -> None:
    with pytest.raises(NoSuchResult):
        book.get(id)


def test_a_picture_on_its_way_is_written_down_but_not_shown(book: Results) -> None:
    book.begin(sample_upload("an-id"), "embedded detector")
    with pytest.raises(ResultPending):
        book.get("an-id")
    with book.database.engine.connect() as connection:
        row = connection.execute(select(duck_results)).mappings().one()
    assert (row["status"], row["s3_key"]) == ("pending", "uploads/an-id.jpg")


def test_the_check_leaves_no_row(book: Results) -> None:
    book.check()
    with book.database.engine.connect() as connection:
        assert connection.execute(select(duck_results)).all() == []


def just_sent(id: str, sha256: str, **more: Any) -> Upload:
    return replace(sample_upload(id, sha256, **more), created_at=datetime.now(UTC))


def test_of_many_with_the_same_bytes_one_of_each_owner_leads(book: Results) -> None:
    duplicates: list[Duplicate | None] = []
    ready = threading.Barrier(12)

    def begin(number: int) -> None:
        upload = just_sent(f"upload-{number}", "the same", owner=f"owner-{number % 3}")
        ready.wait()
        duplicates.append(book.begin(upload, "embedded detector"))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert duplicates.count(None) == 3  # one of each owner
    assert sum(each is not None and each.status == "pending" for each in duplicates) == 9


def test_a_key_belongs_to_its_bytes(book: Results) -> None:
    book.begin(just_sent("first", "some bytes", keys=("a-key",)), "embedded detector")
    again = book.begin(just_sent("second", "some bytes", keys=("a-key",)), "embedded detector")
    assert again == Duplicate("first", is_mine=True, status="pending")
    with pytest.raises(IdempotencyKeyReused):
        book.begin(sample_upload("third", "other bytes", keys=("a-key",)), "embedded detector")


def test_what_was_saved_is_not_cleared_up_as_a_failure(book: Results) -> None:
    """The answer to its commit may have been lost, and a repeated upload may have been faster."""
    book.begin(sample_upload("an-id"), "embedded detector")
    book.save(sample_result())
    assert not book.abort_upload("an-id")
    assert book.get("an-id") == sample_result()


def test_what_was_swept_meanwhile_is_not_saved(book: Results) -> None:
    book.begin(sample_upload("an-id"), "embedded detector")
    long_after = CREATED_AT + timedelta(hours=2)
    assert [each.id for each in book.mark_expired_deleting(long_after, 9)] == ["an-id"]
    with pytest.raises(NoSuchResult):
        book.save(sample_result())


def test_judging_twice_counts_once(book: Results) -> None:
    book.begin(sample_upload("an-id", owner="me"), "embedded detector")
    book.save(sample_result())
    for right in (True, True, False):
        book.judge("an-id", "me", right)
    whole = book.daily_stats(RUBBER_DUCK.title, CREATED_AT.date()).totals
    assert (whole.asked, whole.found, whole.right, whole.wrong) == (1, 1, 0, 1)


def test_a_key_is_remembered_for_a_result_found_by_its_bytes(book: Results) -> None:
    book.begin(sample_upload("an-id", "some bytes", owner="me"), "embedded detector")
    book.save(without_fallback(sample_result()))
    again = sample_upload("second", "some bytes", owner="me", keys=("a-key",))
    assert book.begin(again, "embedded detector") == Duplicate("an-id", is_mine=True)
    with pytest.raises(IdempotencyKeyReused):
        book.begin(sample_upload("third", "other bytes", keys=("a-key",)), "embedded detector")


def test_what_is_deleted_frees_its_bytes_and_its_key(book: Results) -> None:
    first = sample_upload("an-id", "some bytes", owner="me", keys=("a-key",))
    book.begin(first, "embedded detector")
    book.save(sample_result())
    book.mark_deleting("an-id", "me")
    other = sample_upload("second", "other bytes", owner="me", keys=("a-key",))
    assert book.begin(other, "embedded detector") is None
    again = sample_upload("third", "some bytes", owner="me")
    assert book.begin(again, "embedded detector") is None


def test_a_list_goes_on_between_results_of_the_same_moment(book: Results) -> None:
    for id in "abcde":
        book.begin(sample_upload(id, owner="me"), "embedded detector")
        book.save(sample_result(id))
    seen, cursor = "", None
    for _ in range(3):
        page = book.list_for_owner("me", 2, cursor)
        seen, cursor = seen + "".join(each.id for each in page.results), page.next
    assert (seen, cursor) == ("edcba", None)


@pytest.mark.parametrize("place", ["2026-01-01T00:00:00 a\0b", "2026-01-01", "x y", ""])
def test_a_cursor_that_was_made_up(book: Results, place: str) -> None:
    with pytest.raises(InvalidCursor):
        book.list_for_owner("me", 2, urlsafe_b64encode(place.encode()).decode())


def test_the_surest_answers_are_counted_too(book: Results) -> None:
    labels = duck_labels(100.0, 100.0)
    sure = Answer(labels, judge(RUBBER_DUCK, labels), "embedded detector")
    save_and_get(book, replace(sample_result(), answer=sure))
    assert book.daily_stats(RUBBER_DUCK.title, CREATED_AT.date()).score_histogram == [0] * 9 + [1]


@contextmanager
def at_revision(database_url: str, revision: str) -> Iterator[Connection]:
    """A new database as an earlier version of this site made it."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    engine = engine_for(database_url, create=True)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        yield connection
    engine.dispose()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_results_of_earlier_schemas_are_kept(
    database_url: str, open_results: Open, revision: str
) -> None:
    sample = replace(sample_result(), is_truncated=False)  # unknown to them
    old = to_row(sample)
    for added in ("engine_version", "instead_because", "is_truncated", "stored_bytes"):
        del old[added]  # there was no other reason than a failure
    with at_revision(database_url, revision) as connection:
        connection.execute(duck_results.insert().values(id="an-id", **old))
    assert set_up(database_url) == (revision, SCHEMA)
    assert open_results(database_url).get("an-id") == sample


def test_owners_and_counts_of_the_second_schema_are_kept(
    database_url: str, open_results: Open
) -> None:
    sample = replace(without_fallback(sample_result()), is_truncated=False)
    old = to_row(sample)
    for added in ("engine_version", "instead_because", "is_truncated", "stored_bytes"):
        del old[added]
    with at_revision(database_url, "0002") as connection:
        connection.execute(duck_results.insert().values(id="an-id", owner="me", **old))
        values = {"question": RUBBER_DUCK.title, "engine": "embedded detector", "score_band": 9}
        counts = {"asked": 5, "judged_right": 2, "judged_wrong": 0}
        connection.execute(daily_counts.insert().values(day=CREATED_AT.date(), **values, **counts))
    set_up(database_url)
    book = open_results(database_url)
    assert book.list_for_owner("me", 9).results == (replace(sample, owner="me"),)
    assert book.daily_stats(RUBBER_DUCK.title, CREATED_AT.date()).totals == Totals(5, 5, 2, 0, 0)


def test_pictures_of_earlier_schemas_are_counted(database_url: str, open_results: Open) -> None:
    rows = [picture_row("a-project", ["mug", "plate"], number) for number in range(50)]
    rows[7] |= {"status": "deleting"}
    with at_revision(database_url, "0019") as connection:
        connection.execute(project_pictures.insert(), rows)
    set_up(database_url)
    counts = counts_of(open_results(database_url).database, ["a-project"])["a-project"]
    # Every tenth one is not labelled.
    assert counts == Counts(50, 5_000_000, 49, 44, 0, {"mug": 20, "plate": 24})


def test_code_and_migrations_have_the_same_indexes(book: Results) -> None:
    inspected = inspect(book.database.engine)
    for table in metadata.tables.values():
        made = {
            (each["name"], tuple(each["column_names"]), bool(each["unique"]))
            for each in inspected.get_indexes(table.name)
        }
        wanted = {(i.name, tuple(c.name for c in i.columns), i.unique) for i in table.indexes}
        assert made == wanted
        primary = inspected.get_pk_constraint(table.name)["constrained_columns"]
        assert set(primary) == {column.name for column in table.primary_key}


def test_setting_up_twice_keeps_everything(database_url: str, open_results: Open) -> None:
    assert set_up(database_url) == (None, SCHEMA)
    book = open_results(database_url)
    save_and_get(book, sample_result())
    assert set_up(database_url) == (SCHEMA, SCHEMA)
    assert book.get("an-id") == sample_result()


def test_four_workers_set_up_at_once(database_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        answers = pool.map(set_up, [database_url] * 4, chunksize=1)
    assert sorted(answers, key=str) == [(SCHEMA, SCHEMA)] * 3 + [(None, SCHEMA)]


def test_code_and_migrations_agree(book: Results) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA
    inspected = inspect(book.database.engine)
    for table in metadata.tables.values():
        made = {(each["name"], each["nullable"]) for each in inspected.get_columns(table.name)}
        assert made == {(column.name, column.nullable) for column in table.columns}


def test_a_database_newer_than_the_code_is_refused_and_left_alone(
    ready_database_url: str, book: Results, open_results: Open
) -> None:
    with book.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE compatibility SET works_from = '9998'"))
    with pytest.raises(CannotSetUp, match="revision 9999, newer than this code"):
        set_up(ready_database_url)
    with pytest.raises(ResultsUnavailable) as error:
        open_results(ready_database_url).get("an-id")
    assert "revision 9999, this code needs" in str(error.value.cause)
    with book.database.engine.connect() as connection:
        left = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert left == "9999"


def test_a_newer_database_that_only_has_more_serves_on(
    ready_database_url: str, book: Results, open_results: Open
) -> None:
    """While a new version is deployed, and after it was taken back."""
    with book.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE duck_results ADD COLUMN feathers INTEGER"))
    old = open_results(ready_database_url)
    save_and_get(old, sample_result())
    assert old.get("an-id") == sample_result()
    assert set_up(ready_database_url) == ("9999", "9999")


def test_sixteen_threads_write_at_once(
    database_url: str, open_results: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 16 threads share 7 connections to PostgreSQL; on a busy machine one may wait for seconds.
    monkeypatch.setattr("rubberduck.db.engine.BUSY_SECONDS", 60)
    set_up(database_url)
    book = open_results(database_url)
    failures: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for i in range(10):
                save_and_get(book, sample_result(f"{writer}-{i}"))
        except ResultsUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_missing_database_is_not_made_in_passing(
    settings: Settings, tmp_path: Path, open_results: Open
) -> None:
    with pytest.raises(ResultsUnavailable) as error:
        open_results(settings.database_url).get("an-id")
    assert "`python db_setup.py` creates it" in str(error.value.cause)
    assert not (tmp_path / "duck.db").exists()


def test_a_database_moved_away_while_the_site_runs_is_missed_at_once(
    results: Results, tmp_path: Path
) -> None:
    save_and_get(results, sample_result())
    (tmp_path / "duck.db").rename(tmp_path / "backup.db")
    with pytest.raises(ResultsUnavailable):
        results.get("an-id")
    with pytest.raises(ResultsUnavailable):
        results.check()
    assert not (tmp_path / "duck.db").exists()
    (tmp_path / "backup.db").rename(tmp_path / "duck.db")
    assert results.get("an-id") == sample_result()


def test_a_set_up_that_fails_leaves_nothing_half_made(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    (tmp_path / "duck.db.bak").write_text("the operator's own")
    with monkeypatch.context() as patch:
        patch.setattr(MigrationContext, "_ensure_version_table", full)
        with pytest.raises(OSError, match="No space left"):
            set_up(settings.database_url)
    assert {file.name for file in tmp_path.iterdir()} == {"duck.db.bak", "duck.db.setup"}
    assert set_up(settings.database_url) == (None, SCHEMA)


def test_an_upgrade_cut_off_in_the_middle_can_be_tried_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(settings.database_url)
    with sqlite3.connect(tmp_path / "duck.db") as database:
        for table in (*metadata.tables, "alembic_version"):
            database.execute(f"DROP TABLE {table}")
    database.close()

    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(HeadMaintainer, "_insert_version", cut_off)
        with pytest.raises(KeyboardInterrupt):
            set_up(settings.database_url)
    assert set_up(settings.database_url) == (None, SCHEMA)


def test_an_emptied_database_is_not_made_anew(
    settings: Settings, tmp_path: Path, open_results: Open
) -> None:
    (tmp_path / "duck.db").touch()
    with pytest.raises(CannotSetUp, match="restore the backup"):
        set_up(settings.database_url)
    with pytest.raises(ResultsUnavailable):
        open_results(settings.database_url).get("an-id")
    assert (tmp_path / "duck.db").stat().st_size == 0


def test_a_corrupt_database(
    settings: Settings, results: Results, tmp_path: Path, open_results: Open
) -> None:
    save_and_get(results, sample_result())
    results.close()
    file = tmp_path / "duck.db"
    file.write_bytes(b"SQLite format 3\0" + b"quack" * 4000)
    before = file.read_bytes()
    with pytest.raises(ResultsUnavailable):
        open_results(settings.database_url).get("an-id")
    assert file.read_bytes() == before


def test_a_locked_database_is_waited_for(results: Results, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "duck.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(1.0, other.rollback)
    timer.start()
    assert save_and_get(results, sample_result()) == sample_result()
    timer.join()
    other.close()


def test_a_database_locked_for_too_long(
    settings: Settings,
    results: Results,
    tmp_path: Path,
    open_results: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rubberduck.db.engine.BUSY_SECONDS", 0.1)
    impatient = open_results(settings.database_url)
    other = sqlite3.connect(tmp_path / "duck.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ResultsUnavailable) as error:
        save_and_get(impatient, sample_result())
    assert "locked" in str(error.value.cause)
    other.close()


def test_the_log_never_holds_a_password() -> None:
    url = "postgresql+psycopg://duck:very-secret@127.0.0.1:1/duck"
    with pytest.raises(ResultsUnavailable) as error:
        Results(url).get("an-id")
    assert "very-secret" not in str(error.value)


def run_db_setup(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "db_setup.py"],
        cwd=ROOT,
        env={"FLASK_SKIP_DOTENV": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'duck.db'}"
    first, second = run_db_setup(DUCK_DATABASE_URL=url), run_db_setup(DUCK_DATABASE_URL=url)
    assert (first.returncode, first.stdout) == (
        0,
        f"Created the results database at revision {SCHEMA}.\n",
    )
    assert (second.returncode, second.stdout) == (0, "")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://root:very-secret@localhost/duck", "DUCK_DATABASE_URL is wrong"),
        ("postgresql+psycopg://a:very-secret@127.0.0.1:1/duck", "The database cannot be set up"),
        ("sqlite:////proc/nowhere/duck.db", "The database cannot be set up"),
    ],
)
def test_the_command_says_what_is_wrong_and_no_secret(url: str, words: str) -> None:
    done = run_db_setup(DUCK_DATABASE_URL=url)
    assert done.returncode == 1
    assert words in done.stderr
    assert "very-secret" not in done.stderr
    assert "Traceback" not in done.stderr
