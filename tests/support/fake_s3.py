"""A small S3 over HTTP, for tests with so many objects that moto would be too slow.

It speaks HeadBucket, ListObjectsV2, GetObject and PutObject with their conditions, on addresses of
the form /bucket/key. Its requests and answers are held against botocore's model of the service, and
tests/events/test_fake_s3.py holds it against moto.
"""

import bisect
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import Shape, StructureShape
from botocore.validate import ParamValidator

MODEL = botocore.session.get_session().get_service_model("s3")
MADE_AT = datetime(2026, 11, 29, tzinfo=UTC)
MAX_KEYS = 1000


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class FakeS3(ThreadingHTTPServer):
    """One bucket. `page`: how many keys a list has at most, which S3 may lower at will."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, bucket: str, page: int = MAX_KEYS) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = bucket
        self.page = page
        self.objects: dict[str, bytes] = {}
        self.keys: list[str] = []  # in the order of their bytes, as S3 lists them
        self.changing = threading.Lock()
        self.mistakes: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that was killed is what some tests are about."""

    def put(self, key: str, data: bytes) -> None:
        if key not in self.objects:
            bisect.insort(self.keys, key, key=str.encode)
        self.objects[key] = data

    def head_bucket(self, _given: dict[str, Any]) -> dict[str, Any]:
        return {}

    def list_objects_v2(self, given: dict[str, Any]) -> dict[str, Any]:
        prefix, token = given.get("Prefix", ""), given.get("ContinuationToken", "")
        after = token.removeprefix("after ")
        with self.changing:
            first = bisect.bisect_left(self.keys, prefix.encode(), key=str.encode)
            if token:
                first = bisect.bisect_right(self.keys, after.encode(), key=str.encode)
            most = min(given.get("MaxKeys", MAX_KEYS), self.page)
            found = self.keys[first : first + most + 1]
        found = [key for key in found if key.startswith(prefix)]
        contents = [
            {
                "Key": quote(key, safe="/") if "EncodingType" in given else key,
                "LastModified": MADE_AT,
                "ETag": etag(self.objects[key]),
                "Size": len(self.objects[key]),
                "StorageClass": "STANDARD",
            }
            for key in found[:most]
        ]
        answer = {
            "IsTruncated": len(found) > most,
            "Contents": contents,
            "Name": self.bucket,
            "Prefix": prefix,
            "MaxKeys": most,
            "KeyCount": len(contents),
        }
        if "EncodingType" in given:
            answer["EncodingType"] = "url"
            answer["Prefix"] = quote(prefix, safe="/")
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = f"after {found[most - 1]}"
        return answer

    def get_object(self, given: dict[str, Any]) -> dict[str, Any]:
        data = self.objects.get(given["Key"])
        if data is None:
            raise Refused(404, "NoSuchKey")
        if given.get("IfMatch", etag(data)) != etag(data):
            raise Refused(412, "PreconditionFailed")
        return {"Body": data, "ETag": etag(data), "LastModified": MADE_AT}

    def put_object(self, given: dict[str, Any]) -> dict[str, Any]:
        with self.changing:
            known = self.objects.get(given["Key"])
            if known is not None and given.get("IfNoneMatch") == "*":
                raise Refused(412, "PreconditionFailed")
            if "IfMatch" in given:
                if known is None:
                    raise Refused(404, "NoSuchKey")
                if given["IfMatch"] != etag(known):
                    raise Refused(412, "PreconditionFailed")
            self.put(given["Key"], given["Body"])
        return {"ETag": etag(given["Body"])}


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


OPERATIONS = {
    ("HEAD", True): "HeadBucket",
    ("GET", True): "ListObjectsV2",
    ("GET", False): "GetObject",
    ("PUT", False): "PutObject",
}
METHODS = {
    "HeadBucket": FakeS3.head_bucket,
    "ListObjectsV2": FakeS3.list_objects_v2,
    "GetObject": FakeS3.get_object,
    "PutObject": FakeS3.put_object,
}


class _Handler(BaseHTTPRequestHandler):
    server: FakeS3
    protocol_version = "HTTP/1.1"  # botocore keeps its connections
    wbufsize = -1  # an answer is one packet, which Nagle's algorithm does not hold back

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self._body()
        address = urlsplit(self.path)
        bucket, _, key = unquote(address.path).removeprefix("/").partition("/")
        try:
            if not self.headers["Authorization"].startswith("AWS4-HMAC-SHA256"):
                raise Refused(403, "AccessDenied")
            if bucket != self.server.bucket:
                raise Refused(404, "NoSuchBucket")
            name = OPERATIONS[self.command, not key]
            given = self._given(name, dict(parse_qsl(address.query)), body)
            answer = METHODS[name](self.server, given | ({"Key": key} if key else {}))
            self._answer(name, answer)
        except Refused as refused:
            content = f"<Error><Code>{refused.code}</Code><Message>no</Message></Error>".encode()
            self._send(refused.status, {"Content-Type": "application/xml"}, content)

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            return _without_chunks(body)
        return body

    def _given(self, name: str, query: dict[str, str], body: bytes) -> dict[str, Any]:
        """Return the request's members, as the model places them. What it has not is a mistake."""
        shape = MODEL.operation_model(name).input_shape
        assert shape
        found: dict[str, Any] = {}
        for member, of in shape.members.items():
            place, at = of.serialization.get("location"), of.serialization.get("name")
            places: dict[str, Any] = {"header": self.headers, "querystring": query}
            where = places.get(place or "", {})
            if (text := where.get(at)) is not None:
                found[member] = int(text) if of.type_name in {"integer", "long"} else text
        known = {of.serialization.get("name") for of in shape.members.values()}
        if unknown := query.keys() - known - {"list-type", "x-id"}:
            self.server.mistakes.append(f"{name} has no {unknown}")
        return found | ({"Body": body} if "Body" in shape.members else {})

    def _answer(self, name: str, answer: dict[str, Any]) -> None:
        shape = MODEL.operation_model(name).output_shape
        assert isinstance(shape, StructureShape)
        report = ParamValidator().validate(answer, shape)
        if report.has_errors():
            self.server.mistakes.append(report.generate_report())
        headers, content = {"x-amz-bucket-region": "eu-central-1"}, b""
        for member, value in answer.items():
            of = shape.members[member]
            if of.serialization.get("location") == "header":
                is_time = isinstance(value, datetime)
                text = format_datetime(value, usegmt=True) if is_time else str(value)
                headers[of.serialization["name"]] = text
        if "payload" in shape.serialization:
            content = answer[shape.serialization["payload"]]
        elif name == "ListObjectsV2":
            content = _xml("ListBucketResult", shape, answer).encode()
        self._send(200, headers, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _xml(name: str, shape: Shape, value: Any) -> str:
    """Write a value as the model says; lists are flat, as S3's are."""
    if isinstance(shape, StructureShape):
        parts = []
        for member, content in value.items():
            of = shape.members[member]
            at = of.serialization.get("name", member)
            for each in content if of.type_name == "list" else [content]:
                parts.append(_xml(at, getattr(of, "member", of), each))
        return f"<{name}>{''.join(parts)}</{name}>"
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, datetime):
        value = value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return f"<{name}>{escape(str(value))}</{name}>"


def _without_chunks(body: bytes) -> bytes:
    """Return what botocore sends with a checksum behind it: size in hex, data, …, 0, trailer."""
    data, rest = b"", body
    while True:
        line, _, rest = rest.partition(b"\r\n")
        if not (size := int(line.partition(b";")[0], 16)):
            return data
        data, rest = data + rest[:size], rest[size + 2 :]


@contextmanager
def running(bucket: str, page: int = MAX_KEYS) -> Iterator[FakeS3]:
    with FakeS3(bucket, page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
    assert not server.mistakes, server.mistakes
