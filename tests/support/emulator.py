"""The emulator on a port, in this process, and the SDKs that ask it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.validate import ParamValidator
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from rubberduck.emulator.service_model import output_shape

PATH = "/aws/rekognition"
REGION = "eu-central-1"
JSON = "application/x-amz-json-1.1"
TARGET = "RekognitionService."


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass


@contextmanager
def serving_here(app: Flask) -> Iterator[str]:
    """Serve the app in threads of this process; give the address of its emulator."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rekognition(
    url: str, *, attempts: int = 1, id: str = "any", secret: str = "any secret at all"
) -> Any:
    """Return boto3's client; it holds every answer against the service model."""
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    # The default session: another one reads the model anew.
    client = boto3.client(
        "rekognition",
        endpoint_url=url,
        region_name=REGION,
        config=config,
        aws_access_key_id=id,
        aws_secret_access_key=secret,
    )
    client.meta.events.register("after-call.rekognition", _hold_against_model)
    return client


def _hold_against_model(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    shape = output_shape(model.name)
    if "Error" in parsed or shape is None:
        return
    answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
