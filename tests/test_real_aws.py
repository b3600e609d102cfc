"""A real AWS account, only when asked: `DUCK_BUCKET=… pytest --aws`. It cleans up after itself."""

import os
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app import create_app
from composition import build_pipeline
from db_setup import set_up
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.ducks import duck_photo
from tests.support.visitor import post_picture, visible_text

# Taken before the fixtures clear them.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "DUCK_"))}

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def real(
    pytestconfig: pytest.Config, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    if not pytestconfig.getoption("--aws"):
        pytest.skip("a real account is asked only with --aws")
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    set_up(settings.database_url)
    region = os.environ.get("DUCK_REGION", settings.region)
    where = {"bucket": os.environ["DUCK_BUCKET"], "region": region}
    pipeline = build_pipeline(settings.model_copy(update=where))
    yield pipeline
    pipeline.results.close()


def test_a_duck_in_the_real_world(real: Pipeline, settings: Settings) -> None:
    client: FlaskClient = create_app(settings, pipeline=real).test_client()
    assert client.get("/readyz").status_code == 200
    where = post_picture(client, duck_photo()).location
    result = real.results.get(where.split("/")[-1])
    try:
        assert result.answer.engine == "Amazon Rekognition"
        assert "Rubber duck detected!" in visible_text(client.get(where).text)
    finally:
        for key in (result.picture_key, result.marked_key):
            if key:
                real.storage.delete(key)
