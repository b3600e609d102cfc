"""What a request costs, in counts that no busy machine can move: calls, connections, decodes."""

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageFile
from sqlalchemy import event

from bench.harness import database as rows
from bench.scenarios import databases
from rubberduck.db.results import Results
from rubberduck.imaging.sandbox import Child
from rubberduck.services.pipeline import Pipeline
from tests.support.command_line import run_program
from tests.support.databases import create_database
from tests.support.ducks import gradient
from tests.support.pictures import encoded, form
from tests.support.rekognition_endpoint import RekognitionEndpoint

WIRE = "urllib3.connectionpool"


def photo(number: int) -> bytes:
    """Each number another picture, so that none is known already."""
    return encoded(gradient((1200 + number, 900)))


@contextmanager
def statements(results: Results) -> Iterator[list[tuple[str, Any]]]:
    """Collect the executed SQL statements, and "CONNECT" for each new connection."""
    executed: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        executed.append((statement, values))

    def connected(*_: Any) -> None:
        executed.append(("CONNECT", None))

    engine = results.database.engine
    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "connect", connected)
    yield executed
    event.remove(engine, "before_cursor_execute", note)
    event.remove(engine, "connect", connected)


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the requests to the decoding child, what it decodes, and what this process decodes."""
    counted: Counter[str] = Counter()
    load, call = ImageFile.ImageFile.load, Child.call

    def loaded(self: ImageFile.ImageFile) -> Any:
        if self.tile:
            counted[str(self.format)] += 1
        return load(self)

    def called(self: Child, request: dict[str, Any], *arguments: Any) -> Any:
        reply, size = call(self, request, *arguments)
        counted["requests"] += 1
        counted["decode"] += request["do"] == "decode" or "picture" in reply
        return reply, size

    monkeypatch.setattr(ImageFile.ImageFile, "load", loaded)
    monkeypatch.setattr(Child, "call", called)
    return counted


@pytest.fixture
def encodes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often which format was encoded."""
    counted: Counter[str] = Counter()
    encode = Image.Image.save

    def save(self: Image.Image, file: Any, format: str, **options: Any) -> None:
        counted[format] += 1
        encode(self, file, format, **options)

    monkeypatch.setattr(Image.Image, "save", save)
    return counted


PAGES_FIRST = """
import json, sys
from app import start
app = start()
HEAVY = set("matplotlib numpy onnxruntime sqlalchemy boto3 redis dbos rubberduck.jobs".split())
HEAVY |= set("authlib requests rubberduck.accounts.operators".split())
HEAVY |= {"rubberduck.custom_models.tables", "rubberduck.faces.models"}
HEAVY |= {"rubberduck.named_objects.store", "matplotlib.figure"}

def loaded_for(*pages):
    for page in pages:
        assert app.test_client().get(page).status_code == 200, page
    return sorted(HEAVY & set(sys.modules))

loaded = [
    loaded_for("/", "/camera", "/api", "/privacy", "/healthz"),
    loaded_for("/mine", "/statistics"),
    app.extensions["pipeline"].warm_up() or loaded_for(),
]
with open("static/samples/none.jpg", "rb") as picture:
    sent = {"data": picture.read(), "content_type": "image/jpeg"}
assert app.test_client().post("/api/v1/pictures", **sent).status_code == 201
loaded.append(loaded_for())
print(json.dumps(loaded))
"""


def test_pages_are_shown_before_what_looks_at_pictures_is_loaded(tmp_path: Path) -> None:
    assert run_program(PAGES_FIRST, tmp_path) == [
        [],
        ["sqlalchemy"],
        ["matplotlib", "numpy", "onnxruntime", "sqlalchemy"],
        ["matplotlib", "numpy", "onnxruntime", "sqlalchemy"],
    ]


def test_an_upload_is_decoded_once_and_its_page_not_at_all(
    client: FlaskClient, decodes: Counter[str], encodes: Counter[str]
) -> None:
    data = photo(0)
    encodes.clear()
    where = client.post("/", **form(data)).location
    client.get(where)
    assert decodes == {"requests": 1, "decode": 1}
    assert encodes == {"JPEG": 2}  # the picture, and the marked one


def test_the_pixels_of_an_upload_are_not_copied_to_be_marked(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[tuple[int, int]] = []
    copy = Image.Image.copy

    def note(self: Image.Image) -> Image.Image:
        copied.append(self.size)
        return copy(self)

    client.post("/", **form(photo(0)))
    monkeypatch.setattr(Image.Image, "copy", note)
    where = client.post("/", **form(photo(1))).location
    assert copied == []
    plain, marked = (client.get(f"{where}/{name}").data for name in ("picture.jpg", "marked.jpg"))
    assert plain != marked


def test_a_large_picture_is_decoded_under_the_limits_of_its_header(
    client: FlaskClient, decodes: Counter[str]
) -> None:
    client.post("/api/v1/frames", **form(encoded(gradient((2500, 2000)))))
    assert decodes == {"requests": 2, "decode": 1}


def test_an_upload_starts_no_thread(
    client: FlaskClient, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/", **form(photo(0)))
    started: list[str] = []
    start = threading.Thread.start

    def note(self: threading.Thread) -> None:
        started.append(self.name)
        start(self)

    with pipeline.results.heartbeat("another upload"):  # the thread may not end meanwhile
        monkeypatch.setattr(threading.Thread, "start", note)
        for number in (1, 2):
            client.post("/", **form(photo(number)))
    assert started == []


def test_a_frame_of_the_camera_touches_neither_disk_nor_database(
    client: FlaskClient,
    pipeline: Pipeline,
    tmp_path: Path,
    decodes: Counter[str],
    encodes: Counter[str],
) -> None:
    before, frame = sorted(tmp_path.rglob("*")), form(photo(0))
    encodes.clear()
    with statements(pipeline.results) as executed:
        assert client.post("/api/v1/frames", **frame).status_code == 200
    assert executed == []
    assert sorted(tmp_path.rglob("*")) == before
    assert decodes == {"requests": 1, "decode": 1}
    assert encodes == {}


def test_amazon_is_asked_three_things_by_clients_that_are_kept(
    aws_client: FlaskClient, eyes: RekognitionEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    aws_client.post("/", **form(photo(0)))
    with caplog.at_level(logging.DEBUG, WIRE):
        for number in range(1, 5):
            aws_client.post("/", **form(photo(number)))
    messages = [record.getMessage() for record in caplog.records if record.name == WIRE]
    assert sum('"PUT ' in line for line in messages) == 4 * 2  # the picture, and the marked one
    assert sum('"POST ' in line for line in messages) == 4
    assert len(eyes.requests) == 5
    assert [line for line in messages if "Starting new" in line] == []


def test_what_travels_to_amazon_is_the_small_picture(
    aws_client: FlaskClient, eyes: RekognitionEndpoint, s3: Any
) -> None:
    upload = encoded(gradient((4000, 3000)), quality=95)
    aws_client.post("/", **form(upload))
    stored = {
        item["Key"].split("/")[0]: item["Size"]
        for item in s3.list_objects_v2(Bucket="ducks-of-the-tests")["Contents"]
    }
    assert len(eyes.requests[0]["Image"]["Bytes"]) == stored["uploads"]


def test_the_database_is_asked_little_over_a_kept_connection(
    client: FlaskClient, pipeline: Pipeline
) -> None:
    client.post("/", **form(photo(0)))
    with statements(pipeline.results) as executed:
        where = client.post("/", **form(photo(1))).location
    assert [words for words, _ in executed if words == "CONNECT"] == []
    assert len([words for words, _ in executed if words.startswith(("INSERT", "UPDATE"))]) == 3
    with statements(pipeline.results) as executed:
        client.get(where)
    assert len(executed) == 1


def test_no_question_reads_the_whole_table(client: FlaskClient, pipeline: Pipeline) -> None:
    with statements(pipeline.results) as executed:
        where = client.post("/", **form(photo(0))).location
        for address in (where, "/mine", "/statistics", "/api/v1/results?limit=2"):
            assert client.get(address).status_code == 200
        client.post(f"{where}/judgement", data={"right": "yes"})
        pipeline.results.mark_expired_deleting(datetime.now(UTC), 100)
        client.post(f"{where}/delete")
    plans = list(_plans(pipeline.results, executed))
    assert len(plans) > 10
    assert [plan for plan in plans if "SCAN duck_results" in plan] == []


@pytest.mark.skipif(not databases.can_count_syncs(), reason="strace cannot be used here")
def test_hardly_a_picture_waits_for_the_disk() -> None:
    """With SQLite: its journal is written through only when it is taken in, every 1,000 pages."""
    assert databases.syncs_a_picture(kept=True, many=120) <= 0.1


def test_no_question_costs_more_where_there_are_more_results(tmp_path: Path) -> None:
    """In steps of SQLite's machine; like a site's, the database was never analysed."""
    few, many = (_steps(tmp_path / f"{count}.db", count) for count in (40, 4000))
    assert {name: (few[name], many[name]) for name in few if many[name] > 1.5 * few[name]} == {}


def _steps(file: Path, count: int) -> dict[str, int]:
    create_database(f"sqlite:///{file}")
    book = Results(f"sqlite:///{file}", timedelta(days=30))
    id = rows.fill(book, count)
    now, taken = datetime.now(UTC), 0

    def step() -> None:
        nonlocal taken
        taken += 1

    def watch(connection: sqlite3.Connection, *_: Any) -> None:
        connection.set_progress_handler(step, 1)

    event.listen(book.database.engine, "checkout", watch)
    queries: dict[str, Callable[[], object]] = {
        "begin": lambda: book.begin(rows.an_upload(), "the detector"),
        "the same bytes": lambda: book.begin(
            replace(rows.an_upload(), sha256="sum-7"), "the detector"
        ),
        "the same key": lambda: book.begin(
            replace(rows.an_upload(), keys=("a-key",)), "the detector"
        ),
        "find": lambda: book.find(id),
        "of": lambda: book.list_for_owner(rows.OWNER, 12),
        "known": lambda: book.existing_ids({"row-3", "row-5", "nobody"}),
        "judge": lambda: book.judge(id, rows.OWNER, right=True),
        "hide": lambda: book.mark_deleting(id, rows.OWNER),
        "forget": lambda: book.delete_rows(id),
        "mark_expired_deleting": lambda: book.mark_expired_deleting(now, 100),
        "tally": lambda: book.daily_stats("", now.date()),
    }
    steps = {}
    for name, query in queries.items():
        before = taken
        query()
        steps[name] = taken - before
    book.close()
    assert all(steps.values())
    return steps


def _plans(results: Results, executed: list[tuple[str, Any]]) -> Iterator[str]:
    with results.database.transaction() as connection:
        for statement, values in executed:
            if statement.startswith(("SELECT", "UPDATE", "DELETE")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                yield "; ".join(row.detail for row in rows)
