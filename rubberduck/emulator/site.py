"""The parts of the site that answer for the service."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from rubberduck.core.settings import Settings
from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.detectors.base import Detector
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.emulator.faults import Faults
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage

if TYPE_CHECKING:
    from rubberduck.custom_models.hosting import Hosting
    from rubberduck.db.engine import Database
    from rubberduck.services.answering_models import AnsweringModels

REGION, ACCOUNT = "us-east-1", "123456789012"  # of all ARNs


@dataclass
class Site:
    """What operations are given: the pipeline, the settings, and the engines on this machine."""

    pipeline: Pipeline
    settings: Settings
    open_hosting: "Callable[[], Hosting]"
    answering_models: "AnsweringModels"
    server: str  # this start of it
    _buckets: dict[str, S3Storage] = field(default_factory=dict, repr=False)

    @cached_property
    def detector(self) -> Detector:
        """Return the embedded detector, also where the site itself asks Amazon."""
        own = (self.pipeline.detector, self.pipeline.fallback_detector)
        return next((d for d in own if isinstance(d, LazyEmbeddedDetector)), LazyEmbeddedDetector())

    @property
    def database(self) -> "Database":
        return self.pipeline.results.database

    @cached_property
    def records(self) -> EmulatorRecords:
        return EmulatorRecords(self.database)

    @cached_property
    def faults(self) -> Faults:
        return Faults(self.records, self.server, self.settings.emulator_faults)

    @property
    def folder(self) -> FolderStorage | None:
        """Return the folder storage; None if the site keeps its pictures in a bucket."""
        storage = self.pipeline.storage
        return storage if isinstance(storage, FolderStorage) else None

    def bucket(self, name: str) -> S3Storage | None:
        """Return a bucket that DUCK_EMULATOR_BUCKETS names; None for any other one."""
        if name not in self.settings.emulator_buckets or self.pipeline.open_bucket is None:
            return None
        if name not in self._buckets:
            self._buckets[name] = self.pipeline.open_bucket(name)
        return self._buckets[name]
