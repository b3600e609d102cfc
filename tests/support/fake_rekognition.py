"""An endpoint that speaks Rekognition over HTTP, so that the real boto3 is on the wire.

It refuses what the service refuses, holds requests and its own answers against botocore's model of
the service, and can be told to throttle, fail, wait or hang up. DetectLabels is here, all of Custom
Labels and of stored videos in `tests.support.custom_labels`.
"""

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from PIL import Image, UnidentifiedImageError

from rubberduck.core.settings import ROOT
from tests.support.custom_labels import FakeCustomLabels, Lost, Refused

RECORDED = ROOT / "tests" / "recorded"
SERVICE = "RekognitionService."
DETECT_LABELS = "DetectLabels"
MAX_BYTES = 5_242_880
SHORTEST_SIDE, LONGEST_SIDE = 80, 10_000
HANG_UP = "hang up"
SERVER_FAULTS = {"InternalServerError", "ServiceUnavailableException"}

model = botocore.session.get_session().get_service_model("rekognition")
operation = model.operation_model("DetectLabels")
assert operation.input_shape
assert operation.output_shape
INPUT, OUTPUT = operation.input_shape, operation.output_shape


def recorded(name: str) -> dict[str, Any]:
    """A real answer of the service, by its file's name."""
    text = (RECORDED / f"{name}.json").read_text()
    # Some recordings show absent members as null; on the wire they are absent.
    answer = json.loads(text, object_hook=lambda o: {k: v for k, v in o.items() if v is not None})
    return {"Labels": answer.get("Labels") or answer["FilteredLabels"], "LabelModelVersion": "3.0"}


class FakeRekognition(ThreadingHTTPServer):
    """`answer` is given to every good DetectLabels; `faults` go first, one a call.

    `custom_labels` answers the other operations, and has faults of its own.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = recorded("detect_labels_giant_duck_boxes")
        self.faults: deque[str] = deque()
        self.always: str | None = None
        self.delay = 0.0
        self.arrived = 0
        self.counting = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.mistakes: list[str] = []
        self.custom_labels = FakeCustomLabels()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that did not wait for a slow answer is what some tests are about."""

    def detect_labels(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        _validate(request)
        _look_at(request["Image"])
        labels = [
            label
            for label in self.answer["Labels"]
            if label["Confidence"] >= request.get("MinConfidence", 55.0)
        ][: request.get("MaxLabels", 1000)]
        answer = {**self.answer, "Labels": labels}
        report = ParamValidator().validate(answer, OUTPUT)
        if report.has_errors():
            self.mistakes.append(report.generate_report())
        return answer


def _validate(request: dict[str, Any]) -> None:
    report = ParamValidator().validate(request, INPUT)
    if report.has_errors():
        raise Refused("InvalidParameterException", report.generate_report())
    if not 0 <= request.get("MinConfidence", 55) <= 100 or request.get("MaxLabels", 1) < 0:
        raise Refused("InvalidParameterException", "out of range")


def _look_at(where: dict[str, Any]) -> None:
    data = where["Bytes"] if "Bytes" in where else _from_s3(where["S3Object"])
    if "Bytes" in where and len(data) > MAX_BYTES:
        raise Refused("ImageTooLargeException")
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as image:
            size = image.size
            image.load()
    except (UnidentifiedImageError, OSError):
        raise Refused("InvalidImageFormatException") from None
    if min(size) < SHORTEST_SIDE or max(size) > LONGEST_SIDE:
        raise Refused("InvalidParameterException", "the picture's sides")


def _from_s3(where: dict[str, str]) -> bytes:
    try:
        found = boto3.client("s3").get_object(Bucket=where["Bucket"], Key=where["Name"])
    except ClientError:
        raise Refused("InvalidS3ObjectException") from None
    return found["Body"].read()


class _Handler(BaseHTTPRequestHandler):
    server: FakeRekognition

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers["X-Amz-Target"]
        try:
            if not self.headers["Authorization"].startswith("AWS4-HMAC-SHA256"):
                raise Refused("MissingAuthenticationTokenException")
            if target == SERVICE + DETECT_LABELS:
                self._answer(200, self._detect_labels(body))
            else:
                operation = target.removeprefix(SERVICE)
                self._answer(200, self.server.custom_labels.answer(operation, json.loads(body)))
        except Lost:
            self.close_connection = True
        except Refused as error:
            status = 500 if error.code in SERVER_FAULTS else 400
            self._answer(status, {"__type": error.code, "message": error.message})

    def _detect_labels(self, body: bytes) -> dict[str, Any]:
        with self.server.counting:
            self.server.arrived += 1
        time.sleep(self.server.delay)
        fault = self.server.faults.popleft() if self.server.faults else self.server.always
        if fault == HANG_UP:
            raise Lost
        if fault:
            self.server.requests.append({})
            raise Refused(fault)
        return self.server.detect_labels(_decoded(json.loads(body)))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _decoded(request: dict[str, Any]) -> dict[str, Any]:
    image = request.get("Image", {})
    if "Bytes" in image:
        image["Bytes"] = base64.b64decode(image["Bytes"])
    return request


@contextmanager
def running() -> Iterator[FakeRekognition]:
    with FakeRekognition() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
    mistakes = server.mistakes + server.custom_labels.mistakes
    assert not mistakes, mistakes
