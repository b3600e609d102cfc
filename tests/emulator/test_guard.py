"""Who is answered: programs of this machine, and nobody who comes through a browser or a proxy."""

import json
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from app import create_app
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.emulator import JSON, PATH, TARGET

GOOD = {"Content-Type": JSON, "X-Amz-Target": f"{TARGET}ListCollections"}
LOOPBACK = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8000"}


def post(app: Flask, path: str = PATH, **changes: Any) -> TestResponse:
    headers = GOOD | {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name: value for name, value in headers.items() if value is not None}
    environ = {key: kept.pop(key) for key in ("REMOTE-ADDR", "SERVER-PROTOCOL") if key in kept}
    overrides = LOOPBACK | {key.replace("-", "_"): value for key, value in environ.items()}
    if host := kept.pop("Host", None):
        overrides["HTTP_HOST"] = host
    return Client(app).post(path, data=b"{}", headers=kept, environ_overrides=overrides)


def error(response: TestResponse) -> str:
    """Return the code; every answer is JSON of the protocol, whatever was asked."""
    assert response.content_type == JSON
    assert len(response.headers["x-amzn-RequestId"]) == 36
    for name in ("Access-Control-Allow-Origin", "Content-Encoding", "Set-Cookie", "Location"):
        assert name not in response.headers
    body = json.loads(response.data)
    assert body["message"]
    return str(body["__type"])


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_a_program_of_this_machine_is_answered_at_both_addresses(
    emulator_app: Flask, path: str
) -> None:
    response = post(emulator_app, path)
    assert response.status_code == 400
    assert "face vectors" in response.text
    assert error(response) == "AccessDeniedException"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"REMOTE_ADDR": "192.0.2.7"}, "the same machine"),
        ({"REMOTE_ADDR": ""}, "the same machine"),
        ({"X_Forwarded_For": "192.0.2.7"}, "through a proxy"),
        ({"X_Forwarded_Proto": "https"}, "through a proxy"),
        ({"Forwarded": "for=192.0.2.7"}, "through a proxy"),
        ({"Via": "1.1 proxy"}, "through a proxy"),
        ({"X_Real_IP": "192.0.2.7"}, "through a proxy"),
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, "through a proxy"),
        ({"Host": "duck.example"}, "rebinding"),
        ({"Host": "127.0.0.1.nip.io"}, "rebinding"),
        ({"Origin": "http://127.0.0.1:8000"}, "browser"),
        ({"Sec_Fetch_Site": "cross-site"}, "browser"),
    ],
)
def test_others_are_refused(emulator_app: Flask, changes: dict[str, str], why: str) -> None:
    response = post(emulator_app, **changes)
    assert why in response.text
    assert error(response) == "AccessDeniedException"


@pytest.mark.parametrize(
    "changes",
    [
        {"Content_Type": "application/json"},
        {"Content_Type": "text/plain"},
        {"X_Amz_Target": None},
        {"X_Amz_Target": "RekognitionService.DetectNothing"},
        {"X_Amz_Target": "DetectLabels"},
    ],
)
def test_what_is_no_operation_is_unknown_and_says_what_there_is(
    emulator_app: Flask, changes: dict[str, str]
) -> None:
    response = post(emulator_app, **changes)
    assert response.status_code == 400
    assert error(response) == "UnknownOperationException"


def test_an_unknown_operation_names_those_that_are_answered(emulator_app: Flask) -> None:
    assert "DetectLabels" in post(emulator_app, X_Amz_Target=f"{TARGET}DetectText").text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", PATH, 405), ("OPTIONS", f"{PATH}/", 405), ("POST", f"{PATH}/more", 404)],
)
def test_other_methods_and_addresses_get_json_too(
    emulator_app: Flask, method: str, path: str, status: int
) -> None:
    response = Client(emulator_app).open(path, method=method, environ_overrides=LOOPBACK)
    assert response.status_code == status
    assert error(response) == "UnknownOperationException"


def test_a_body_that_ends_too_early_or_is_too_large_or_packed_is_refused(
    emulator_app: Flask,
) -> None:
    def send(**environ: str) -> TestResponse:
        overrides = LOOPBACK | environ
        return Client(emulator_app).post(
            PATH, data=b"{}", headers=GOOD, environ_overrides=overrides
        )

    assert error(send(CONTENT_LENGTH="7")) == "SerializationException"
    assert error(send(HTTP_CONTENT_ENCODING="gzip")) == "SerializationException"
    large = Client(emulator_app).post(
        PATH, data=bytes(24_000_001), headers=GOOD, environ_overrides=LOOPBACK
    )
    assert large.status_code == 413
    assert error(large) == "RequestEntityTooLargeException"


def test_without_the_switch_there_is_no_such_address(app: Flask) -> None:
    response = Client(app).post(PATH, data=b"{}", headers=GOOD, environ_overrides=LOOPBACK)
    assert response.status_code == 404


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_ENDPOINT_URL_REKOGNITION": "http://127.0.0.1:8000/aws/rekognition"},
        {"AWS_ENDPOINT_URL_REKOGNITION": "https://ducks.example/aws/rekognition/"},
        {"AWS_ENDPOINT_URL": "http://localhost:8000"},
        {"AWS_ENDPOINT_URL": "http://[::1]:8123", "PORT": "8123"},
    ],
)
def test_a_server_that_would_ask_itself_does_not_start(
    settings: Settings,
    pipeline: Pipeline,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=r"AWS_ENDPOINT_URL.* leads to an emulator"):
        create_app(settings.model_copy(update={"emulator": True}), pipeline=pipeline)


def test_another_endpoint_is_no_reason_not_to_start(
    settings: Settings, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:5000")
    create_app(settings.model_copy(update={"emulator": True}), pipeline=pipeline)
