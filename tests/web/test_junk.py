"""Requests that mean no good: junk, names of files, guessed ids."""

import re
import secrets
import socket
from http.client import HTTPConnection
from urllib.parse import unquote, urlsplit

import pytest
from flask.testing import FlaskClient

from rubberduck.core.settings import Settings
from tests.support.hostile import FILE_NAMES
from tests.support.pictures import encoded, form
from tests.support.server import Site
from tests.support.visitor import without_token

PART = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="x.jpg"\r\n\r\n'
MULTIPART = "Content-Type: multipart/form-data; boundary=b"


def with_length(line: str, body: bytes, *headers: str) -> bytes:
    lines = [line, "Host: localhost", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, "Host: localhost", *headers, "Connection: close", "", ""]).encode(
        "latin-1"
    )


API = "POST /api/v1/pictures HTTP/1.1"
JUNK = {
    "no boundary": with_length(API, b"x", "Content-Type: multipart/form-data"),
    "an empty boundary": with_length(API, b"x", "Content-Type: multipart/form-data; boundary="),
    "a boundary of signs": with_length(
        API, b"x", "Content-Type: multipart/form-data; boundary=\u00e9\u20ac"
    ),
    "a cut form": with_length(API, PART % b"picture" + b"abc", MULTIPART),
    "a form without an end": with_length(API, b"--b", MULTIPART),
    "no file in it": with_length(API, b"--b--\r\n", MULTIPART),
    "another field": with_length(API, PART % b"image" + b"abc\r\n--b--\r\n", MULTIPART),
    "two files": with_length(
        API, PART % b"picture" + b"abc\r\n" + PART % b"picture" + b"def\r\n--b--\r\n", MULTIPART
    ),
    "a thousand fields": with_length(
        API, b"".join(PART % b"f%d" % turn + b"\r\n" for turn in range(1200)) + b"--b--", MULTIPART
    ),
    "a part without a name": with_length(
        API, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", MULTIPART
    ),
    "a part in no known encoding": with_length(
        API,
        b'--b\r\nContent-Disposition: form-data; name="right"\r\n'
        b"Content-Type: text/plain; charset=duck\r\n\r\nx\r\n--b--\r\n",
        MULTIPART,
    ),
    "a huge field": with_length(
        API,
        b'--b\r\nContent-Disposition: form-data; name="right"\r\n\r\n'
        + bytes(900_000)
        + b"\r\n--b--\r\n",
        MULTIPART,
    ),
    "a zipped body": with_length(API, b"x", MULTIPART, "Content-Encoding: gzip"),
    "JSON that is none": with_length(
        "PUT /api/v1/results/nobody/judgement HTTP/1.1", b"{" * 5000, "Content-Type: text/json"
    ),
    "deep JSON": with_length(
        "PUT /api/v1/results/nobody/judgement HTTP/1.1", b"[" * 200_000, "Content-Type: text/json"
    ),
    "a length below zero": request(API, MULTIPART, "Content-Length: -1"),
    "a length that is none": request(API, MULTIPART, "Content-Length: many"),
    "two lengths": request(API, MULTIPART, "Content-Length: 1", "Content-Length: 2"),
    "a length and chunks": request(
        API, MULTIPART, "Content-Length: 5", "Transfer-Encoding: chunked"
    ),
    "an unknown transfer": request(API, MULTIPART, "Transfer-Encoding: duck"),
    "a huge header": request("GET / HTTP/1.1", f"X-Duck: {'a' * 100_000}"),
    "many headers": request("GET / HTTP/1.1", *[f"X-{turn}: a" for turn in range(500)]),
    "a huge path": request(f"GET /{'a' * 20_000} HTTP/1.1"),
    "a huge cookie": request("GET /mine HTTP/1.1", f"Cookie: session={'a' * 7000}"),
    "cookies that are none": request("GET /mine HTTP/1.1", "Cookie: =;;;\xff=\xfe; session"),
    "an unknown method": request("QUACK / HTTP/1.1"),
    "TRACE": request("TRACE / HTTP/1.1"),
    "CONNECT": request("CONNECT evil.test:443 HTTP/1.1"),
    "a star": request("OPTIONS * HTTP/1.1"),
    "another's address": request("GET http://evil.test/ HTTP/1.1"),
    "NUL in the path": request("GET /result/%00 HTTP/1.1"),
    "a raw NUL in the path": request("GET /result/\x00 HTTP/1.1"),
    "no UTF-8 in the path": request("GET /result/%ff%fe HTTP/1.1"),
    "no UTF-8 in the query": request("GET /sample/easy?min=%ff&%fe=%c0%80 HTTP/1.1"),
    "raw signs in the query": request("GET /?\xff\xfe HTTP/1.1"),
    "half an escape": request("GET /mine?cursor=%&limit=%u1234 HTTP/1.1"),
    "not a number": request("GET /sample/easy?min=nan HTTP/1.1"),
    "infinitely many": request("GET /sample/easy?min=1e999 HTTP/1.1"),
    "a long number": request(f"GET /api/v1/results?limit={'9' * 3000} HTTP/1.1"),
    "digits of elsewhere": request("GET /api/v1/results?limit=%D9%A3 HTTP/1.1"),
    "a cursor of NULs": request("GET /api/v1/results?cursor=%00%00 HTTP/1.1", "Cookie: session=x"),
    "up and up": request("GET /static/../../etc/passwd HTTP/1.1"),
    "up and up, escaped": request("GET /static/%2e%2e/%2e%2e/etc/passwd HTTP/1.1"),
    "an open redirect": request("GET //evil.test/%2e%2e HTTP/1.1"),
    "another open redirect": request("GET /\\evil.test/ HTTP/1.1"),
    "odd conditions": request("GET / HTTP/1.1", 'If-None-Match: W/"', "If-Modified-Since: soon"),
    "odd wishes": request("GET /result/x HTTP/1.1", "Accept: */*;q=nan, ;;;,text/\xff"),
    "an odd range": request("GET /static/duck.svg HTTP/1.1", "Range: bytes=9999999999-,-0,a-b"),
    "an odd host": request("GET / HTTP/1.1", "Host: a b"),
    "an odd origin": with_length(API, b"", "Origin: http://[::1"),
    "an odd key": with_length(API, b"", "Idempotency-Key: \u00e9"),
    "an odd language": request("GET / HTTP/1.1", "Accept-Language: ;;;q=9"),
    "no version": b"GET /\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "nothing": b"\r\n\r\n\r\n",
}


@pytest.mark.parametrize("kind", JUNK)
def test_junk_is_the_senders_fault(site: Site, kind: str) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        try:
            connection.sendall(JUNK[kind])
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except (ConnectionError, BrokenPipeError):
            answer = b""  # cut off in the middle: that is an answer, too
    status = re.match(rb"HTTP/1\.[01] ([234]\d\d|501) ", answer)  # 501: gunicorn, of transfers
    assert status or not answer, answer[:300]
    assert b"Traceback" not in answer
    location = re.search(rb"(?im)^location: (.*?)\r$", answer)
    assert not location or (location[1].startswith(b"/") and location[1][1:2] not in (b"/", b"\\"))
    assert site.get("/healthz") == (200, b"ok")
    assert "Traceback" not in site.log


@pytest.mark.parametrize(
    ("path", "key", "status", "words"),
    [
        ("/api/v1/pictures", "Bearer duck_x", 401, b"and 32 characters after it"),
        ("/api/v1/pictures?question=nowhere", "", 400, b"does not offer this question"),
    ],
)
def test_an_early_refusal_reaches_a_client_that_sends_a_picture(
    site: Site, path: str, key: str, status: int, words: bytes
) -> None:
    """gunicorn closes a connection whose body nobody has read: the client sees a broken pipe."""
    connection = HTTPConnection("127.0.0.1", site.port, timeout=120)
    headers = {"Content-Type": "image/jpeg"} | ({"Authorization": key} if key else {})
    connection.request("POST", path, bytes(10_000_000), headers)
    answer = connection.getresponse()
    assert answer.status == status
    assert words in answer.read()
    connection.close()


def test_sixty_names_of_files_are_only_words(client: FlaskClient, settings: Settings) -> None:
    assert len(FILE_NAMES) >= 60
    base = settings.uploads.parent
    for name in FILE_NAMES:
        answer = client.post("/api/v1/pictures", **form(encoded(), name=name))
        assert answer.status_code in (201, 400), name  # 400: a name that no form can carry
        assert len(name) < 5 or name[:100] not in answer.text
    everything = {str(each.relative_to(base)) for each in base.rglob("*") if each.is_file()}
    ours = re.compile(r"duck\.db([.-][\w-]+)?|uploads/(uploads|marked)/[\w-]{22}\.jpg")
    assert [each for each in everything if not ours.fullmatch(each)] == []


AWAY = [
    *("//evil.test", "///evil.test", "////evil.test/..", "/\\evil.test", "/\\/evil.test"),
    *("\\\\evil.test", "/%2fevil.test", "/%5cevil.test", "/%2f%2fevil.test", "//evil.test/%2e%2e"),
    *("//evil.test/camera", "//evil.test//", "/.evil.test", "/@evil.test", "//@evil.test"),
    *("/?next=https://evil.test", "/mine?next=//evil.test", "/camera?url=https:evil.test"),
    *("/%09/evil.test", "/%0d%0aLocation:%20https://evil.test", "/result/%0d%0aX: y"),
    *("/static//evil.test", "/static/%2f%2fevil.test", "/sample//evil.test"),
]


@pytest.mark.parametrize("path", AWAY)
def test_no_address_leads_to_another_site(client: FlaskClient, path: str) -> None:
    for headers in ({}, {"X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test"}):
        with client.get("/", environ_overrides=paths(path), headers=headers) as answer:
            assert answer.status_code < 500
            assert urlsplit(answer.headers.get("Location", "")).netloc in ("", "localhost")
            assert not re.search(
                r'(href|src|action|content)="[^"]*//evil', answer.get_data(as_text=True)
            )


def paths(path: str) -> dict[str, str]:
    """As a server hands it over, whatever a client library would make of it."""
    raw, _, query = path.partition("?")
    return {"PATH_INFO": unquote(raw, "latin-1"), "RAW_URI": path, "QUERY_STRING": query}


def not_there(client: FlaskClient, id: str) -> tuple[int, str]:
    answer = client.get(f"/api/v1/results/{id}")
    return answer.status_code, str(answer.json and answer.json["detail"])


@pytest.mark.parametrize(
    "count", [500, pytest.param(10_000, marks=pytest.mark.soak)], ids="{} guesses".format
)
def test_nobody_guesses_an_id(client: FlaskClient, count: int) -> None:
    ids = [client.post("/", **form(encoded(quality=q))).location[-22:] for q in range(60, 80)]
    assert len(set(ids)) == 20
    answers = {not_there(client, secrets.token_urlsafe(16)) for _ in range(count)}
    assert [status for status, _ in answers] == [404]


def test_what_is_anothers_looks_like_what_never_was(client: FlaskClient) -> None:
    mine = client.post("/", **form(encoded())).location
    stranger = client.application.test_client()
    for action in ("delete", "judgement"):
        data = {"right": "yes"}
        foreign = stranger.post(f"{mine}/{action}", data=data)
        missing = stranger.post(f"/result/{secrets.token_urlsafe(16)}/{action}", data=data)
        assert foreign.status_code == missing.status_code == 404
        assert without_token(foreign.text) == without_token(missing.text)
    id = mine[-22:]
    for method, address in (("DELETE", "/results/{}"), ("PUT", "/results/{}/judgement")):
        answers = [
            stranger.open(f"/api/v1{address.format(each)}", method=method, json={"right": True})
            for each in (id, "a" * 22)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        foreign_body, missing_body = (answer.json for answer in answers)
        assert foreign_body
        assert missing_body
        assert foreign_body["detail"] == missing_body["detail"]
