"""With keys, the emulator answers a network, and only what is signed with one of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from flask import Flask
from pydantic import ValidationError
from werkzeug.test import Client, TestResponse

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.emulator import JSON, PATH, REGION, TARGET, rekognition, serving_here
from tests.support.pictures import tiny

ID, SECRET = "AKIDOFTHETESTS", "a-secret-of-the-tests/with+signs"
REMOTE = {"REMOTE_ADDR": "192.0.2.7", "HTTP_HOST": "ducks.example", "HTTP_VIA": "1.1 a-proxy"}
MISMATCH = "InvalidSignatureException"


@pytest.fixture
def open_app(settings: Settings, pipeline: Pipeline) -> Flask:
    changes = {"emulator": True, "emulator_keys": (f"{ID}:{SECRET}",)}
    return create_app(settings.model_copy(update=changes), pipeline=pipeline)


@pytest.fixture
def address(open_app: Flask) -> Iterator[str]:
    with serving_here(open_app) as url:
        yield url


def signed(body: bytes = b"{}", secret: str = SECRET, service: str = "rekognition") -> Any:
    """Return the headers of a signed request from another machine."""
    headers = {"Content-Type": JSON, "X-Amz-Target": f"{TARGET}ListCollections"}
    request = AWSRequest("POST", f"http://ducks.example{PATH}", headers, body)
    SigV4Auth(Credentials(ID, secret), service, REGION).add_auth(request)
    return dict(request.headers.items())


def send(app: Flask, headers: dict[str, str], body: bytes = b"{}", **overrides: str) -> str:
    response: TestResponse = Client(app).post(
        PATH, data=body, headers=headers, environ_overrides=REMOTE | overrides
    )
    return str(json.loads(response.data)["__type"])


def test_boto3_with_the_key_is_answered(address: str) -> None:
    client = rekognition(address, id=ID, secret=SECRET)
    assert client.detect_labels(Image={"Bytes": tiny(1)})["Labels"] == []


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ((ID, "another"), MISMATCH),
        (("AKIDOFSOMEBODY", SECRET), "UnrecognizedClientException"),
    ],
)
def test_boto3_with_another_key_is_not(address: str, key: tuple[str, str], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        rekognition(address, id=key[0], secret=key[1]).detect_labels(Image={"Bytes": tiny(1)})
    assert caught.value.response["Error"]["Code"] == code


def test_other_machines_and_proxies_are_answered_if_they_sign(open_app: Flask) -> None:
    assert send(open_app, signed()) == "AccessDeniedException"  # there are no collections


def test_whatever_was_changed_is_refused(open_app: Flask) -> None:
    other_target = signed() | {"X-Amz-Target": f"{TARGET}DetectLabels"}
    assert send(open_app, other_target) == MISMATCH
    assert send(open_app, signed(), b'{"MaxResults": 1}') == MISMATCH
    hashed = signed() | {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    assert send(open_app, hashed) == MISMATCH
    assert send(open_app, signed(), HTTP_HOST="other.example") == MISMATCH
    assert send(open_app, signed(service="s3")) == MISMATCH


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_signature_is_refused(open_app: Flask, minutes: int) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes), tick=False):
        headers = signed()
    assert send(open_app, headers) == MISMATCH


def test_a_request_without_a_whole_signature_is_refused(open_app: Flask) -> None:
    unsigned = {name: value for name, value in signed().items() if name != "Authorization"}
    assert send(open_app, unsigned) == "MissingAuthenticationTokenException"
    for broken in (
        {"Authorization": "Bearer something"},
        {"Authorization": signed()["Authorization"].replace(";x-amz-target", "")},
        {"X-Amz-Date": "yesterday"},
    ):
        assert send(open_app, signed() | broken) == "IncompleteSignatureException"


def test_a_browser_is_refused_with_keys_too(open_app: Flask) -> None:
    assert send(open_app, signed() | {"Origin": "http://ducks.example"}) == "AccessDeniedException"


@pytest.mark.parametrize("keys", ["AKID", "AKID:short", "AKID:long-enough-secret,other"])
def test_keys_that_are_none_do_not_start(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_EMULATOR_KEYS", keys)
    with pytest.raises(ValidationError, match="ID:SECRET"):
        Settings()
