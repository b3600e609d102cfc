"""The log: one line for each event, with the request's number, and nobody can forge one."""

import json
import logging
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import time_machine
from flask import Flask

from app import create_app
from rubberduck.core.errors import DetectorFailed
from rubberduck.core.models import Label
from rubberduck.core.settings import Settings
from rubberduck.imaging.decode import Picture
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.base import JPEG
from rubberduck.storage.folder import FolderStorage
from rubberduck.web.logging import JsonLine, PlainLine, create_handler
from tests.support.ducks import duck_photo
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import encoded, form
from tests.support.server import Site, serving, until

FORGED = '{"level": "ERROR", "message": "forged", "request_id": "0000"}'
BREAKS = ["\n", "\r", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1b[2J", "\x00"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Behind a proxy, with a log of its own."""
    with serving(tmp_path_factory.mktemp("logged"), DUCK_PROXIES="1") as site:
        yield site


def send(site: Site, head: str, body: bytes = b"") -> bytes:
    """A request as it is, whatever a library thinks of it."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def events(site: Site, marker: str = "") -> list[dict[str, Any]]:
    """The lines about a request; all that the site writes are events, each on its one line."""
    *whole, _ = site.log_file.read_bytes().split(b"\n")
    read = [json.loads(line.decode("ascii")) for line in whole]
    return [event for event in read if marker in json.dumps(event)]


def written_about(site: Site, marker: str) -> list[dict[str, Any]]:
    """The line comes a moment after the answer."""
    until(lambda: bool(events(site, marker)))
    return events(site, marker)


def test_a_line_tells_what_was_asked_by_whom_and_when(site: Site) -> None:
    marker = secrets.token_hex(8)
    forwarded = "X-Forwarded-For: 1.2.3.4, 203.0.113.7"
    before = datetime.now(UTC)
    answer = send(
        site,
        f"GET /{marker}?x=1 HTTP/1.1\r\nHost: localhost\r\n{forwarded}\r\n"
        "Connection: close\r\n\r\n",
    )
    number = re.search(rb"X-Request-ID: (\w{16})\r\n", answer)
    assert number
    [event] = written_about(site, marker)
    assert event["request_id"] == number[1].decode()
    assert event["client"] == "203.0.113.7"
    fields = [event[name] for name in ("level", "logger", "method", "path", "status")]
    assert fields == ["INFO", "gunicorn.access", "GET", f"/{marker}", 404]
    assert 0 <= event["ms"] < 60_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    assert abs(datetime.fromisoformat(event["time"]) - before) < timedelta(minutes=2)


def test_no_line_has_a_client_and_a_result_that_anybody_could_open(site: Site) -> None:
    _, body = site.post(duck_photo() + secrets.token_bytes(8))
    links = json.loads(body)["links"]
    id = links["self"].rpartition("/")[2]
    escaped = f"%{ord(id[0]):02x}{id[1:]}"
    paths = [urlsplit(link).path for link in links.values()]
    paths += [f"/result/{id}/small.jpg", f"//result/{id}", f"/%72esult/{escaped}"]
    for path in paths:
        send(site, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    last = secrets.token_hex(8)
    site.get(f"/{last}")
    assert written_about(site, last)
    by_client = [event for event in events(site) if "client" in event]
    assert not [event for event in by_client if id[1:] in json.dumps(event)]
    assert len([event for event in by_client if "/-" in event["path"]]) >= len(paths)


def test_an_answered_picture_is_one_line_with_its_figures(
    settings: Settings, pipeline: Pipeline, written: StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = create_app(settings, pipeline=pipeline).test_client()
    data = encoded()
    answer = client.post("/api/v1/pictures", **form(data))
    [event] = [each for each in read(written) if each["message"].startswith("picture answered ")]
    assert answer.json
    assert (event["result"], event["bytes"]) == (answer.json["id"], len(data))
    assert (event["detector"], event["verdict"], event["duplicate"]) == (
        "fake detector",
        "yes",
        False,
    )
    assert all(event[f"{step}_ms"] >= 0 for step in ("decode", "detect", "store", "save"))
    assert "fallback_for" not in event
    assert event["request_id"] == answer.headers["X-Request-ID"]
    assert (
        f'result={answer.json["id"]} detector="fake detector" detector_version=1 verdict=yes'
        in event["message"]
    )


class BrokenDetector(FakeDetector):
    name = "Broken"

    def labels(self, picture: Picture) -> list[Label]:
        raise DetectorFailed("It does not answer.")


def test_a_fallback_says_for_whom_and_why(
    settings: Settings, pipeline: Pipeline, written: StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    broken = replace(pipeline, detector=BrokenDetector(), fallback_detector=pipeline.detector)
    create_app(settings, pipeline=broken).test_client().post("/", **form(encoded()))
    [event] = [each for each in read(written) if each["message"].startswith("picture answered ")]
    assert (event["detector"], event["fallback_for"]) == ("fake detector", "Broken")
    assert event["fallback_reason"] == "failed"


def test_a_duplicate_has_no_time_of_a_detector(
    app: Flask, written: StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = app.test_client()
    for _ in range(2):
        client.post("/", **form(encoded()))
    events = [each for each in read(written) if each["message"].startswith("picture answered ")]
    assert [each["duplicate"] for each in events] == [False, True]
    assert ["detect_ms" in each for each in events] == [True, False]
    assert all("decode_ms" in each for each in events)


def test_a_sweep_is_one_line(
    app: Flask, pipeline: Pipeline, written: StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with time_machine.travel(datetime.now(UTC) - timedelta(days=40)):
        pipeline.process_upload(encoded())
    app.extensions["sweeper"].sweep()
    [event] = [each for each in read(written) if each["message"].startswith("sweep finished ")]
    assert (event["results"], event["orphans"], event["failures"]) == (1, 0, 0)
    assert event["ms"] >= 0


@pytest.mark.parametrize("sign", BREAKS, ids=ascii)
def test_nothing_that_is_sent_makes_a_line_of_its_own(site: Site, sign: str) -> None:
    marker = secrets.token_hex(8)
    nasty = f"{marker}{sign}{FORGED}"
    part = (
        f'--b\r\nContent-Disposition: form-data; name="picture"; filename="{nasty}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    body = part + duck_photo() + b"\r\n--b--\r\n"
    answer = send(
        site,
        f"POST /api/v1/pictures?{marker}{quote(nasty)} HTTP/1.1\r\nHost: localhost\r\n"
        f"User-Agent: {marker}\r\nReferer: http://x/{quote(nasty)}\r\nX-Request-ID: 0000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n",
        body,
    )
    assert answer.split(b" ")[1] in (b"201", b"400")
    answer = send(
        site, f"GET /{quote(nasty)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert answer.split(b" ")[1] in (b"404", b"400")
    about = written_about(site, marker)
    assert [event["logger"] for event in about] == ["gunicorn.access"]
    assert "0000" not in [event.get("request_id") for event in events(site)]
    assert not [event for event in events(site) if event["message"] == "forged"]


@pytest.mark.parametrize("sign", BREAKS, ids=ascii)
def test_raw_signs_in_a_request_make_no_line_either(site: Site, sign: str) -> None:
    marker = secrets.token_hex(8)
    for head in (
        f"GET /{marker}{sign}{FORGED} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET /{marker} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a{sign}{FORGED}\r\n\r\n",
        f"GET /{marker} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: a{sign}{FORGED}\r\n\r\n",
        f"{marker}{sign} / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ):
        send(site, head)
    last = secrets.token_hex(8)
    send(site, f"GET /{last} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert written_about(site, last)
    assert not [event for event in events(site) if event["message"] == "forged"]
    assert "0000" not in [event.get("request_id") for event in events(site)]


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the log holds, as JSON."""
    stream = StringIO()
    handler = create_handler(stream, JsonLine())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def read(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_mistake_of_ours_is_one_line_with_its_trace(app: Flask, written: StringIO) -> None:
    def mistake() -> str:
        raise ZeroDivisionError("two\nlines")

    app.add_url_rule("/mistake", view_func=mistake)
    answer = app.test_client().get("/mistake")
    assert answer.status_code == 500
    traced, untraced = read(written)
    assert traced["trace"].startswith("Traceback")
    assert traced["trace"].endswith("ZeroDivisionError: two\nlines")
    assert "trace" not in untraced
    numbers = {traced["request_id"], untraced["request_id"], answer.headers["X-Request-ID"]}
    assert len(numbers) == 1
    assert numbers.pop() in answer.text


class TalkingStorage(FolderStorage):
    def put(self, key: str, data: bytes, content_type: str = JPEG) -> None:
        logging.getLogger("rubberduck.storage.base").warning("put %s", key)
        super().put(key, data, content_type)


def test_threads_that_work_for_a_request_say_so(
    settings: Settings, pipeline: Pipeline, written: StringIO
) -> None:
    pipeline = replace(pipeline, storage=TalkingStorage(settings.uploads))
    client = create_app(settings, pipeline=pipeline).test_client()
    for photo in (encoded(quality=80), encoded(quality=90)):
        # The second finds the thread of the first.
        written.truncate(0)
        written.seek(0)
        answer = client.post("/api/v1/pictures", **form(photo))
        assert answer.status_code == 201
        puts = [event for event in read(written) if event["message"].startswith("put uploads/")]
        assert [event["request_id"] for event in puts] == [answer.headers["X-Request-ID"]]


def test_between_requests_a_line_bears_no_number(app: Flask, written: StringIO) -> None:
    app.test_client().get("/")
    logging.getLogger("rubberduck").warning("by the way")
    [event] = read(written)
    assert "request_id" not in event


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("rubberduck", logging.INFO, "", 0, "%s", (message,), None)


@pytest.mark.parametrize("sign", BREAKS, ids=ascii)
def test_a_terminal_obeys_no_sign(sign: str) -> None:
    line = PlainLine().format(record(f"before{sign}after"))
    assert line.isprintable()
    assert line.endswith(f"INFO rubberduck: before{ascii(sign)[1:-1]}after")


def test_a_terminal_shows_plain_words() -> None:
    assert PlainLine().format(record("Größe")).endswith(" INFO rubberduck: Größe")
