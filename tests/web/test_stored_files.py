"""Byte ranges of large files from the folder, as players ask for them (RFC 9110)."""

from collections.abc import Callable

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rubberduck.core.errors import NoSuchResult
from rubberduck.services.pipeline import Pipeline
from rubberduck.web.stored_files import MAX_ANSWER, stored_file

SIZE = MAX_ANSWER + 1000
CONTENT = bytes(number % 251 for number in range(1000)) * (SIZE // 1000 + 1)
Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(app: Flask, pipeline: Pipeline) -> Ask:
    pipeline.storage.put("films/a.mp4", CONTENT[:SIZE], "video/mp4")

    def film(name: str) -> Response:
        return stored_file(f"films/{name}", "video/mp4", NoSuchResult())

    app.add_url_rule("/films/<name>", view_func=film)
    client: FlaskClient = app.test_client()

    def send(path: str = "/films/a.mp4", method: str = "GET", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.open(path, method=method, headers=named, buffered=True)

    return send


@pytest.mark.parametrize(
    ("range", "first", "last"),
    [
        pytest.param("bytes=0-0", 0, 0, id="one byte"),
        pytest.param("bytes=10-19", 10, 19, id="in the middle"),
        pytest.param("bytes=0-", 0, MAX_ANSWER - 1, id="the start, as players ask first"),
        pytest.param("bytes=999-", 999, MAX_ANSWER + 998, id="at most 4 MB"),
        pytest.param("bytes=1000-", 1000, SIZE - 1, id="to the end"),
        pytest.param("bytes=-10", SIZE - 10, SIZE - 1, id="the last ten"),
        pytest.param(f"bytes=5-{10 * SIZE}", 5, MAX_ANSWER + 4, id="past the end"),
    ],
)
def test_a_range(ask: Ask, range: str, first: int, last: int) -> None:
    answer = ask(Range=range)
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.data == CONTENT[first : last + 1]
    assert answer.content_length == last - first + 1 <= MAX_ANSWER
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "video/mp4"


def test_the_parts_make_the_whole(ask: Ask) -> None:
    read = b""
    while len(read) < SIZE:
        read += ask(Range=f"bytes={len(read)}-").data
    assert read == CONTENT[:SIZE]


@pytest.mark.parametrize("range", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_a_range_behind_the_end_is_a_416_that_says_the_length(ask: Ask, range: str) -> None:
    answer = ask(Range=range)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "range", ["bytes=0-1,5-6", "bytes=5-2", "bytes=", "lines=1-2", "0-5", "bytes=a-b", "bytes=--5"]
)
def test_several_and_malformed_ranges_give_the_whole_file(ask: Ask, range: str) -> None:
    answer = ask(Range=range)
    assert (answer.status_code, answer.content_length) == (200, SIZE)


def test_if_range_gives_a_part_of_the_same_file_only(ask: Ask) -> None:
    whole = ask()
    assert (whole.status_code, whole.data) == (200, CONTENT[:SIZE])
    tag = whole.headers["ETag"]
    assert not tag.startswith("W/")
    assert ask(Range="bytes=5-9", If_Range=tag).status_code == 206
    for other in ('"another"', f"W/{tag}", "Mon, 02 Jan 2006 15:04:05 GMT"):
        answer = ask(Range="bytes=5-9", If_Range=other)
        assert (answer.status_code, answer.content_length) == (200, SIZE), other
    assert ask(If_None_Match=tag).status_code == 304


def test_head_says_the_length_and_sends_nothing(ask: Ask) -> None:
    for headers in ({}, {"Range": "bytes=5-9"}):
        answer = ask(method="HEAD", **headers)
        assert (answer.status_code, answer.content_length, answer.data) == (200, SIZE, b"")
        assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_file_that_is_not_there(ask: Ask) -> None:
    assert ask("/films/b.mp4", Range="bytes=0-").status_code == 404
