"""Rekognition over HTTP for the product's tests, so that the real boto3 is on the wire.

DetectLabels is answered by the emulator, behind its own signature check and with a scripted
detector. Everything else is answered by the fake in `tests.support.custom_labels`, which says why.
"""

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from botocore.validate import ParamValidator

from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.emulator.emulator import Emulator
from rubberduck.emulator.endpoint import Endpoint
from rubberduck.emulator.errors import HangUp, ServiceError
from rubberduck.emulator.request import Request
from rubberduck.emulator.service_model import TARGET_PREFIX, output_shape
from rubberduck.emulator.signatures import TIME_FORMAT
from rubberduck.emulator.site import Site
from rubberduck.services.pipeline import Pipeline
from tests.support.custom_labels import FakeCustomLabels, Lost, Refused
from tests.support.databases import create_database
from tests.support.emulator import serving_here
from tests.support.fake_detector import FakeDetector
from tests.support.recordings import recorded_labels

DETECT_LABELS = "DetectLabels"
HANG_UP = "hang up"
SERVER_FAULTS = {"InternalServerError", "ServiceUnavailableException"}
KEYS = {"testing": "a-secret-of-the-tests"}


class _Endpoint(Endpoint):
    """Checks signatures, but not when they were made: some tests set the clock of this process."""

    def _check_signature(
        self, environ: dict[str, Any], body: bytes, now: datetime | None = None
    ) -> None:
        if signed_at := environ.get("HTTP_X_AMZ_DATE"):
            now = datetime.strptime(signed_at, TIME_FORMAT).replace(tzinfo=UTC)
        super()._check_signature(environ, body, now)


class RekognitionEndpoint:
    """`detector` answers every good DetectLabels; `faults` go first, one a call, then `always`.

    Both are codes of errors, or HANG_UP. `arrived` counts calls; `requests` are those that reached
    the emulator, and {} for each that a fault befell. `custom_labels` answers the other operations,
    and has faults of its own. `keys` are the secrets of those who may sign.
    """

    def __init__(self, pipeline: Pipeline, settings: Settings) -> None:
        self.detector = FakeDetector(*recorded_labels("detect_labels_giant_duck_boxes"))
        self.faults: deque[str] = deque()
        self.always: str | None = None
        self.delay = 0.0
        self.arrived = 0
        self.counting = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.mistakes: list[str] = []
        self.custom_labels = FakeCustomLabels()
        self.emulator = Emulator(_site(pipeline, settings, self.detector))
        self.endpoint = _Endpoint(_nothing_else, settings, lambda: self)  # type: ignore[arg-type, return-value]
        self.keys = self.endpoint.keys
        self.url = ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["HTTP_X_AMZ_TARGET"] == TARGET_PREFIX + DETECT_LABELS:
            with self.counting:
                self.arrived += 1
            time.sleep(self.delay)
        return self.endpoint(environ, start_response)

    def answer(self, request: Request) -> bytes:
        """Answer one whose signature is right. Raises ServiceError, HangUp."""
        operation = request.target.removeprefix(TARGET_PREFIX)
        if operation != DETECT_LABELS:
            return self._answer_by_fake(operation, request.body)
        with self.counting:
            fault = self.faults.popleft() if self.faults else self.always
        if fault:
            kind = "hang-up" if fault == HANG_UP else f"error={fault}"
            self.emulator.site.faults.order(kind, None)
        if fault != HANG_UP:
            self.requests.append({} if fault else _decoded(request.body))
        answer = self.emulator.answer(request)
        shape = output_shape(operation)
        assert shape
        report = ParamValidator().validate(json.loads(answer), shape)
        if report.has_errors():
            self.mistakes.append(report.generate_report())
        return answer

    def _answer_by_fake(self, operation: str, body: bytes) -> bytes:
        try:
            return json.dumps(self.custom_labels.answer(operation, json.loads(body))).encode()
        except Lost:
            raise HangUp from None
        except Refused as error:
            status = 500 if error.code in SERVER_FAULTS else 400
            raise ServiceError(error.code, error.message, status) from None


def _decoded(body: bytes) -> dict[str, Any]:
    request: dict[str, Any] = json.loads(body)
    image = request.get("Image", {})
    if "Bytes" in image:
        image["Bytes"] = base64.b64decode(image["Bytes"])
    return request


def _site(pipeline: Pipeline, settings: Settings, detector: FakeDetector) -> Site:
    """Return what the emulator needs for DetectLabels; another one forgets faults."""
    nothing: Any = None
    site = Site(pipeline, settings, nothing, nothing, server=uuid4().hex)
    site.detector = detector
    return site


def _nothing_else(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("404 Not Found", [])
    return []


@contextmanager
def prepared(folder: Path, keys: Mapping[str, str]) -> Iterator[tuple[Pipeline, Settings]]:
    """Yield what all endpoints of a session can share, with a database in the folder."""
    settings = Settings(
        database_url=f"sqlite:///{folder / 'emulator.db'}",
        uploads=folder / "uploads",
        secret_key="a key of the tests",
        min_free_disk=0,
        emulator_keys=tuple(f"{id}:{secret}" for id, secret in keys.items()),
    )
    create_database(settings.database_url)
    pipeline = build_pipeline(settings)
    yield pipeline, settings
    pipeline.close()


@contextmanager
def running(pipeline: Pipeline, settings: Settings) -> Iterator[RekognitionEndpoint]:
    endpoint = RekognitionEndpoint(pipeline, settings)
    with serving_here(endpoint) as endpoint.url:
        yield endpoint
    mistakes = endpoint.mistakes + endpoint.custom_labels.mistakes
    assert not mistakes, mistakes
