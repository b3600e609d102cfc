"""The emulator in this process, on a port, with the real embedded engines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from tests.support.databases import create_database
from tests.support.emulator import rekognition, serving_here


@pytest.fixture(scope="package")
def emulator_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Those of the emulator that the tests of this package share."""
    folder: Path = tmp_path_factory.mktemp("emulator")
    (folder / "uploads").mkdir()
    settings = Settings(
        database_url=f"sqlite:///{folder / 'duck.db'}",
        uploads=folder / "uploads",
        secret_key="a key of the tests",
        min_free_disk=0,
        emulator=True,
    )
    create_database(settings.database_url, with_jobs=True)
    return settings


@pytest.fixture(scope="package")
def emulator_app(emulator_settings: Settings) -> Iterator[Flask]:
    pipeline = build_pipeline(emulator_settings)
    yield create_app(emulator_settings, pipeline=pipeline)
    pipeline.close()


@pytest.fixture(scope="package")
def emulator(emulator_app: Flask) -> Iterator[str]:
    """The address of the emulator."""
    with serving_here(emulator_app) as url:
        yield url


@pytest.fixture(scope="package")
def client(emulator: str) -> Any:
    return rekognition(emulator)
