"""Faults of what is outside, put in at the k-th call: S3, Rekognition, database and disk."""

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError


@dataclass
class Countdown:
    """Says at which calls to fail: at the k-th alone, or from it on."""

    k: int
    lasts: bool
    calls: int = 0

    def is_due(self) -> bool:
        self.calls += 1
        return self.calls >= self.k if self.lasts else self.calls == self.k

    @property
    def struck(self) -> bool:
        return self.calls >= self.k


class Body:
    """As much of urllib3's answer as botocore reads."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, *_: int) -> bytes:
        data, self.data = self.data, b""
        return data

    def stream(self, *_: int) -> Iterator[bytes]:
        return iter((self.read(),))


Answer = Callable[[AWSPreparedRequest], AWSResponse]


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(request: AWSPreparedRequest) -> AWSResponse:
        sent = HTTPHeaders()
        for name, value in headers.items():
            sent[name.replace("_", "-")] = value
        return AWSResponse(str(request.url), status, sent, Body(body))

    return answer


def s3_error(status: int, code: str, **headers: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>put in by a test</Message></Error>"
    return answering(status, body.encode(), **headers)


def raising(error: Callable[..., Exception]) -> Answer:
    def answer(request: AWSPreparedRequest) -> AWSResponse:
        raise error(endpoint_url=request.url, error="put in by a test")

    return answer


AMAZONS = {
    "no connection": raising(EndpointConnectionError),
    "connect time-out": raising(ConnectTimeoutError),
    "read time-out": raising(ReadTimeoutError),
    "403": s3_error(403, "AccessDenied"),
    "no bucket": s3_error(404, "NoSuchBucket"),
    "no key": s3_error(404, "NoSuchKey"),
    "500": s3_error(500, "InternalError"),
    "503": s3_error(503, "SlowDown"),
    "301": s3_error(301, "PermanentRedirect", x_amz_bucket_region="eu-west-1"),
    "clock": s3_error(403, "RequestTimeTooSkewed"),
    "a stranger's page": answering(200, b"<html>Please log in", content_type="text/html"),
    "garbage": answering(200, b"\x00\xff quack {", content_type="text/plain"),
    "a failing stranger": answering(502, b"\x00\xff quack <", content_type="text/html"),
}


@contextmanager
def amazon_fails(clients: list[Any], answer: Answer, count: Countdown) -> Iterator[None]:
    """What `answer` says arrives instead of the real answer."""

    def before_send(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        return answer(request) if count.is_due() else None

    for client in clients:
        client.meta.events.register("before-send", before_send)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-send", before_send)


@contextmanager
def database_fails(engine: Engine, words: str, count: Countdown) -> Iterator[None]:
    """At a statement or at a commit."""

    def fail(*_: object, **__: object) -> None:
        if count.is_due():
            raise OperationalError("put in", {}, Exception(words))

    names = ("before_cursor_execute", "commit")
    for name in names:
        event.listen(engine, name, fail)
    try:
        yield
    finally:
        for name in names:
            event.remove(engine, name, fail)


ON_DISK = [
    *((module, "open") for module in (builtins, io, os)),
    *((os, name) for name in "mkdir rename replace remove unlink scandir listdir".split()),
]


@contextmanager
def disk_fails(folder: Path, number: int, count: Countdown) -> Iterator[None]:
    """Python's own calls that open, make, rename, delete or list something in `folder`.

    Not an audit hook, which would see them all: it stays for good, and with one two threads that
    start at once are both told that they cannot be traced, so coverage breaks tests.
    """

    def failing(call: Callable[..., Any]) -> Callable[..., Any]:
        def fail_or_call(path: Any = ".", *more: Any, **named: Any) -> Any:
            if str(path).startswith(str(folder)) and count.is_due():
                raise OSError(number, os.strerror(number))
            return call(path, *more, **named)

        return fail_or_call

    with ExitStack() as stack:
        for module, name in ON_DISK:
            stack.enter_context(patch.object(module, name, failing(getattr(module, name))))
        yield
