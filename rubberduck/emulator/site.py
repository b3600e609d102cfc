"""The parts of the site that answer for the service."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from rubberduck.core.settings import Settings
from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.detectors.base import Detector
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.emulator.faults import Faults
from rubberduck.emulator.objects import Objects
from rubberduck.services.pipeline import Pipeline

if TYPE_CHECKING:
    from rubberduck.custom_models.hosting import Hosting
    from rubberduck.custom_models.project_pictures import ProjectPictures
    from rubberduck.custom_models.projects import Projects
    from rubberduck.custom_models.versions import Versions
    from rubberduck.db.engine import Database
    from rubberduck.faces.embedded import EmbeddedFaces
    from rubberduck.jobs.queue import JobQueue
    from rubberduck.services.answering_models import AnsweringModels

OPERATOR = "emulator"  # who did what the emulator was asked to do


@dataclass
class Site:
    """What operations are given: the pipeline, the settings, and the engines on this machine."""

    pipeline: Pipeline
    settings: Settings
    open_hosting: "Callable[[], Hosting]"
    answering_models: "AnsweringModels"
    server: str  # this start of it

    @cached_property
    def detector(self) -> Detector:
        """Return the embedded detector, also where the site itself asks Amazon."""
        own = (self.pipeline.detector, self.pipeline.fallback_detector)
        return next((d for d in own if isinstance(d, LazyEmbeddedDetector)), LazyEmbeddedDetector())

    @cached_property
    def faces(self) -> "EmbeddedFaces":
        from rubberduck.faces.embedded import EmbeddedFaces

        return EmbeddedFaces()

    @property
    def database(self) -> "Database":
        return self.pipeline.results.database

    @cached_property
    def records(self) -> EmulatorRecords:
        return EmulatorRecords(self.database)

    @cached_property
    def faults(self) -> Faults:
        return Faults(self.records, self.server, self.settings.emulator_faults)

    @cached_property
    def objects(self) -> Objects:
        return Objects(self.pipeline, self.settings.emulator_buckets)

    @cached_property
    def jobs(self) -> "JobQueue":
        from rubberduck.jobs.queue import JobQueue

        return JobQueue(self.database, self.settings.owner_jobs)

    @property
    def projects(self) -> "Projects":
        from rubberduck.custom_models.projects import Projects

        return Projects(self.database)

    @property
    def versions(self) -> "Versions":
        from rubberduck.custom_models.versions import Versions

        return Versions(self.database)

    @property
    def pictures(self) -> "ProjectPictures":
        from rubberduck.custom_models.project_pictures import ProjectPictures, Quota

        limit = self.pipeline.storage_limits.site
        quota = Quota(self.settings.project_pictures, self.settings.project_bytes, limit)
        return ProjectPictures(self.database, self.pipeline.storage, self.pipeline.max_bytes, quota)

    def is_settling(self, since: datetime | None) -> bool:
        """Return whether DUCK_EMULATOR_DELAY has not passed yet since a moment."""
        delay = timedelta(seconds=self.settings.emulator_delay)
        return since is not None and datetime.now(UTC) < since + delay
