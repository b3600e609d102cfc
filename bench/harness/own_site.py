"""Our own site with the emulator, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.databases import create_database


@contextmanager
def site_with_emulator() -> Iterator[tuple[Flask, Pipeline]]:
    """Yield an application whose database and pictures are in a temporary folder."""
    with TemporaryDirectory() as folder:
        settings = Settings(
            database_url=f"sqlite:///{folder}/duck.db",
            uploads=Path(folder, "uploads"),
            secret_key="a key of the bench",
            emulator=True,
        )
        create_database(settings.database_url)
        pipeline = build_pipeline(settings)
        try:
            yield create_app(settings, pipeline=pipeline), pipeline
        finally:
            pipeline.close()
