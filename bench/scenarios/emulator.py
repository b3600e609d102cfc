"""A round trip of boto3 to the emulator, beside moto's, without decoding and detection."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import Any
from unittest.mock import patch

import boto3
from moto.server import ThreadedMotoServer
from PIL import Image

from bench.harness.figures import Aim, Measured
from bench.harness.measuring import compare_times
from bench.harness.own_site import site_with_emulator
from rubberduck.core.models import Label
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.emulator import labels
from rubberduck.imaging.decode import Picture
from tests.support.emulator import serving_here

CALLS = 20
REGION = "eu-central-1"
MOST = Aim(1.5)  # times moto's
FOUND = [Label("Mobile Phone", 99.9)]


def emulator(rounds: int = 5) -> Iterator[Measured]:
    """Milliseconds of 20 calls of DetectLabels, of a picture of 100 kB."""
    body = BytesIO()
    Image.effect_noise((400, 300), 60).save(body, "JPEG", quality=95)
    image = {"Bytes": body.getvalue()}
    with _ours() as ours, _moto() as moto:
        works = {
            "ours": partial(_detect, _client(ours), image),
            "moto": partial(_detect, _client(moto), image),
        }
        for work in works.values():
            work()
        what = f"{CALLS} calls of DetectLabels, one after another"
        note = "boto3 and both servers in this process; neither decodes nor detects"
        yield compare_times(what, works, rounds, MOST, note)


def _client(url: str) -> Any:
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    make: Callable[..., Any] = boto3.client
    return make("rekognition", endpoint_url=url, region_name=REGION, **keys)


def _detect(client: Any, image: dict[str, bytes]) -> None:
    for _ in range(CALLS):
        assert client.detect_labels(Image=image)["Labels"]


@contextmanager
def _ours() -> Iterator[str]:
    """Serve the emulator with decoding and detection left out."""
    picture = Picture(Image.new("RGB", (400, 300)), (400, 300))
    with (
        site_with_emulator() as (site, _),
        patch.object(labels, "read_image", lambda *_: picture),
        patch.object(LazyEmbeddedDetector, "labels", lambda *_: FOUND),
        serving_here(site) as url,
    ):
        yield url


@contextmanager
def _moto() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would write a line for each request
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
