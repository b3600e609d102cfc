"""Fixtures: a clean environment, real databases, real storages, the whole site."""

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from moto.server import ThreadedMotoServer
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from app import create_app
from composition import build_pipeline
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.videos.models import VideoLimits
from tests.support import postgres, redis, rekognition_endpoint
from tests.support.aws import BUCKET, REGION
from tests.support.browser import MAX_WAIT, chromium
from tests.support.custom_labels import FakeCustomLabels
from tests.support.databases import create_database, ready_database
from tests.support.ducks import duck_photo
from tests.support.fake_detector import FakeDetector, duck_labels
from tests.support.moto_s3 import one_conditional_write_at_a_time
from tests.support.moto_sqs import one_change_at_a_time
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import Site, serving
from tests.support.visitor import Visit, Visitor

# A busy computer is no failure.
expect.set_options(timeout=MAX_WAIT)
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--aws", action="store_true", help="also test against a real AWS account")


def pytest_report_header() -> list[str]:
    return [f"WARNING: {reason}" for reason in (postgres.missing(), redis.missing()) if reason]


SERVICES = {
    "_moto",
    "eyes",
    "postgres_server",
    "database_url",
    "ready_database_url",
    "site",
    "playwright",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, a database server or a browser; `make quick` leaves it out."""
    for item in items:
        if SERVICES & set(getattr(item, "fixturenames", ())):
            item.add_marker("service")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings or AWS account reaches a test."""
    for name in list(os.environ):
        if name.startswith(("DUCK_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FLASK_SKIP_DOTENV", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture(autouse=True)
def _clients_are_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flask, "test_client_class", Visitor)


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector(*duck_labels())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'duck.db'}",
        uploads=tmp_path / "uploads",
        secret_key="a key of the tests",
        uploads_a_minute=0,
        min_free_disk=0,
    )


@pytest.fixture
def open_results() -> Iterator[Callable[[str], Results]]:
    """Opens results databases, and closes them after the test."""
    opened: list[Results] = []

    def open_one(database_url: str) -> Results:
        opened.append(Results(database_url))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where a temporary file is left behind; compiled templates are to stay."""
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert [file for file in folder.iterdir() if not file.name.startswith("_jinja2-cache")] == []


@pytest.fixture
def results(settings: Settings, open_results: Callable[[str], Results]) -> Results:
    create_database(settings.database_url)
    results = open_results(settings.database_url)
    results.keep = timedelta(days=settings.keep_days)
    return results


@pytest.fixture
def any_results(ready_database_url: str, open_results: Callable[[str], Results]) -> Results:
    """An empty results database, on SQLite and then on PostgreSQL."""
    results = open_results(ready_database_url)
    results.keep = timedelta(days=30)
    return results


@pytest.fixture
def pipeline(settings: Settings, results: Results, detector: FakeDetector) -> Pipeline:
    return Pipeline(
        question=RUBBER_DUCK,
        detector=detector,
        fallback_detector=None,
        storage=FolderStorage(settings.uploads),
        open_results=lambda: results,
        max_bytes=settings.max_bytes,
        max_side=settings.max_side,
        open_video_limits=lambda: VideoLimits.of(settings),
    )


@pytest.fixture
def app(settings: Settings, pipeline: Pipeline) -> Flask:
    return create_app(settings, pipeline=pipeline)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def _moto() -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    with one_change_at_a_time(), one_conditional_write_at_a_time():
        server.start()
        yield server
        server.stop()


@pytest.fixture
def moto_server(_moto: ThreadedMotoServer) -> ThreadedMotoServer:
    """Moto's own server, for what it does in this process."""
    return _moto


@pytest.fixture
def aws(_moto: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """S3 over the wire; gives its address. The environment leads boto3 there."""
    host, port = _moto.get_host_and_port()
    assert host == "127.0.0.1"
    url = f"http://localhost:{port}"  # a name, so that a bucket in the host's name would not work
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for service in ("S3", "SCHEDULER", "SNS", "SQS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
    return url


@pytest.fixture
def s3(aws: str) -> Iterator[Any]:
    """A client for looking behind the site's back, and an empty bucket."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield client
    left = client.list_object_versions(Bucket=BUCKET)
    for item in [*left.get("Versions", []), *left.get("DeleteMarkers", [])]:
        client.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(scope="session")
def _emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipeline, Settings]]:
    folder = tmp_path_factory.mktemp("rekognition")
    with rekognition_endpoint.prepared(folder, rekognition_endpoint.KEYS) as prepared:
        yield prepared


@pytest.fixture
def eyes(
    _emulator: tuple[Pipeline, Settings], aws: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RekognitionEndpoint]:
    """Rekognition over the wire."""
    with rekognition_endpoint.running(*_emulator) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", endpoint.url)
        yield endpoint


@pytest.fixture
def custom_labels(eyes: RekognitionEndpoint) -> FakeCustomLabels:
    """Custom Labels over the wire."""
    return eyes.custom_labels


@pytest.fixture
def aws_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"bucket": BUCKET})


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, settings: Settings) -> Storage:
    """An empty storage of each kind."""
    if request.param == "folder":
        return FolderStorage(settings.uploads)
    request.getfixturevalue("s3")
    return build_pipeline(request.getfixturevalue("aws_settings")).storage


@pytest.fixture
def composed() -> Iterator[Callable[[Settings], Pipeline]]:
    """Composes finders as the site does, and closes their databases after the test."""
    made: list[Pipeline] = []

    def compose(settings: Settings) -> Pipeline:
        create_database(settings.database_url)
        made.append(build_pipeline(settings))
        return made[-1]

    yield compose
    for each in made:
        each.results.close()


@pytest.fixture
def visit(settings: Settings, eyes: Any, composed: Callable[[Settings], Pipeline]) -> Visit:
    """The site, with Rekognition and a folder unless told otherwise."""

    def open_site(**changes: Any) -> FlaskClient:
        changed = settings.model_copy(update={"engine": "rekognition", **changes})
        return create_app(changed, pipeline=composed(changed)).test_client()

    return open_site


@pytest.fixture
def aws_client(
    aws_settings: Settings, s3: Any, eyes: Any, composed: Callable[[Settings], Pipeline]
) -> FlaskClient:
    """The site as it is composed with DUCK_BUCKET set."""
    return create_app(aws_settings, pipeline=composed(aws_settings)).test_client()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield settings.database_url
        return
    server = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ready_database_url(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    """A database of each kind, set up and without rows."""
    with ready_database(request.param, request, settings) as url:
        yield url


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site as `make run` serves it."""
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("photos") / "duck.jpg"
    file.write_bytes(duck_photo())
    return file
