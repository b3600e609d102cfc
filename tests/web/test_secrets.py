"""No secret is ever told: not by a page, a problem, a log or a command, whatever breaks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from flask.testing import FlaskClient

from rubberduck.core.settings import ROOT, InvalidSettings, Settings
from rubberduck.web.sessions import secret_key
from tests.support import postgres, redis
from tests.support.aws import BUCKET, REGION
from tests.support.pictures import encoded, form
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import PATIENCE, Site, serving

KEY, AWS, DATABASE, STORE = (f"canary-{each}-9b2f61c0" for each in ("key", "aws", "db", "redis"))
ADDRESSES = [
    *("/", "/camera", "/mine", "/statistics", "/privacy", "/api", "/sample/easy", "/nowhere"),
    *("/healthz", "/readyz", "/api/openapi.json", "/api/v1/results", "/api/v1/nowhere"),
    *("/statistics/days-light.svg", "/mine?cursor=x", "/static/nowhere.js", "/sample/easy?min=x"),
]


@dataclass
class Tour:
    """Everything that a site answered."""

    site: Site
    answers: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def fetch(self, path: str, picture: bytes | None = None) -> None:
        request = Request(self.site.url + path)
        if picture is not None:
            parts = form(picture)
            request.data = parts["data"]
            request.add_header("Content-Type", parts["content_type"])
        try:
            answer = urlopen(request, timeout=PATIENCE)
        except HTTPError as error:
            answer = error
        with answer:
            self.answers.append(f"{answer.headers}{answer.read().decode(errors='replace')}")
            self.statuses.add(answer.status)

    def go_round(self, *results: str) -> None:
        for address in (*ADDRESSES, *results):
            self.fetch(address)
        for picture in (encoded(), b"quack", b""):
            self.fetch("/", picture)
            self.fetch("/api/v1/pictures", picture)


@pytest.fixture
def environment(
    s3: Any, eyes: RekognitionEndpoint, postgres_server: postgres.Server, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """Everything that a site on the open internet leans on, each with a secret of its own."""
    eyes.keys["testing"] = AWS
    with postgres_server.database() as database, redis.running() as store:
        store.client().config_set("requirepass", STORE)
        yield {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": AWS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": os.environ["AWS_ENDPOINT_URL_S3"],
            "AWS_ENDPOINT_URL_REKOGNITION": eyes.url,
            "DUCK_BUCKET": BUCKET,
            "DUCK_SECRET_KEY": KEY,
            "DUCK_DATABASE_URL": database.replace("tests@", f"tests:{DATABASE}@"),
            "DUCK_RATE_STORE": f"redis+unix://:{STORE}@{store.socket}",
            "DUCK_UPLOADS_A_MINUTE": "9",
            "DUCK_LOG_LEVEL": "DEBUG",
            "WEB_CONCURRENCY": "1",
        }


def check(environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "FLASK_SKIP_DOTENV": "1"}
        | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "not shown" in done.stdout
    return done.stdout + done.stderr


def test_no_secret_is_told_whatever_breaks(
    environment: dict[str, str], s3: Any, eyes: RekognitionEndpoint, tmp_path: Path
) -> None:
    with serving(tmp_path, **environment) as site:
        tour = Tour(site)
        tour.go_round()
        eyes.always = "AccessDeniedException"
        with without_its_bucket(s3):
            tour.go_round()
            environment["DUCK_DATABASE_URL"] = f"postgresql+psycopg://x:{DATABASE}@[::1]:1/x"
            tour.answers.append(check(environment, tmp_path))
    assert {200, 201, 400, 403, 404, 415, 429, 503} <= tour.statuses
    written = [*tour.answers, site.log]
    for secret in (KEY, AWS, DATABASE, STORE):
        assert not [text for text in written if secret in text]


@contextmanager
def without_its_bucket(s3: Any) -> Iterator[None]:
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)
    yield
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


@pytest.mark.parametrize(
    "changes", [{"bucket": "my-ducks"}, {"database_url": "postgresql+psycopg://u:p@host/x"}]
)
def test_a_site_that_outlives_its_machine_needs_a_key_that_does(
    settings: Settings, tmp_path: Path, changes: dict[str, str]
) -> None:
    settings = settings.model_copy(update={"secret_key": None, **changes})
    with pytest.raises(InvalidSettings, match="DUCK_SECRET_KEY is missing") as error:
        secret_key(settings, tmp_path / "key")
    assert not (tmp_path / "key").exists()
    command = str(error.value).partition("secret: ")[2]
    made = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    assert len(made.strip()) >= 32
    assert secret_key(settings.model_copy(update={"secret_key": made.strip()})) == made.strip()


def test_debugging_is_off(client: FlaskClient) -> None:
    assert not client.application.debug
    assert not client.application.testing
