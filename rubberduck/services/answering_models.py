"""The models that visitors can ask, as this process last saw them, and a pipeline for each.

Pages never wait for the list: it is read again in the background when it is some seconds old. What
asks a question reads it first. Nothing of the models is imported before one is asked.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import DuckError
from rubberduck.core.sentences import Sentence
from rubberduck.services.errors import NoSuchModelOffered
from rubberduck.services.pipeline import Pipeline

if TYPE_CHECKING:
    from rubberduck.custom_models.embedded_model import EmbeddedModel
    from rubberduck.custom_models.hosting import Hosting
    from rubberduck.db.model_activity import AnsweringModel
    from rubberduck.detectors.base import Detector

log = logging.getLogger(__name__)
STOPPED = Sentence("“{name}” is stopped.")
STARTING = Sentence("“{name}” is starting. That takes some minutes.")
FRESH_SECONDS = 5.0
DATABASE_MODULE = "rubberduck.db.engine"


class AnsweringModels:
    def __init__(
        self,
        pipeline: Pipeline,
        open_hosting: "Callable[[], Hosting]",
        text: Callable[[str], str] = str,
    ) -> None:
        self.pipeline = pipeline
        self.open_hosting = open_hosting
        self.text = text
        self._models: tuple[AnsweringModel, ...] = ()
        self._read_at = float("-inf")
        self._is_reading = threading.Lock()
        self._detectors: dict[str, tuple[AnsweringModel, Detector]] = {}
        self._loaded: Any = None

    def list(self) -> "tuple[AnsweringModel, ...]":
        """Return the models without waiting for the database."""
        if DATABASE_MODULE not in sys.modules:
            return ()  # the first pages are shown before SQLAlchemy is loaded
        if self._is_stale() and self._is_reading.acquire(blocking=False):
            threading.Thread(target=self._read_in_background, daemon=True).start()
        return self._models

    def refresh(self) -> "tuple[AnsweringModel, ...]":
        """Read the list now. Raises ResultsUnavailable."""
        from rubberduck.db.model_activity import answering_models

        began = time.monotonic()
        # Whatever an operator allowed before: hosting starts nothing for a visitor without a stop.
        needs = self.pipeline.open_custom_labels, self.pipeline.open_stop_schedules
        can_start = None not in needs
        database = self.pipeline.results.database
        try:
            self._models = answering_models(database, start_at_amazon=can_start)
        finally:  # also if it fails, or each page would ask a database that does not answer
            self._read_at = began
        return self._models

    def default(self) -> "AnsweringModel | None":
        """Return the running model that answers who chose nothing, without waiting."""
        return _default_of(self.list())

    def default_for_question(self) -> "AnsweringModel | None":
        """Return the same for a request that asks, which waits for a list that is old.

        A default is confirmed each time: whoever chose nothing is answered without it, too, and
        must not hear that it is gone. If the database fails, the last list holds.
        """
        if DATABASE_MODULE not in sys.modules:
            self.pipeline.begin_loading()  # it is loaded while the first decoder starts
        if self._is_stale() or _default_of(self._models):
            self._refresh_safely()
        return _default_of(self._models)

    def pipeline_for(
        self, project_id: str, *, may_start: bool, min_confidence: float | None = None
    ) -> Pipeline:
        """Return the pipeline of a project's model. Raises NoSuchModelOffered, ModelStopped.

        With `may_start`, a model that starts itself is started. `min_confidence`, in percent,
        decides in place of each label's own threshold.
        """
        was_old = self._is_stale()
        model = _model_of(project_id, self.refresh() if was_old else self._models)
        if model is None and not was_old:  # another process may have started it since
            model = _model_of(project_id, self.refresh())
        if model is None:
            raise self._why_not(project_id)
        if may_start and not model.is_running:
            model = self._start(model)
        return self.pipeline_of(model, min_confidence)

    def _why_not(self, project_id: str) -> DuckError:
        """Return why a model that is not in the list does not answer."""
        from rubberduck.custom_models.hosting_errors import ModelStarting, ModelStopped
        from rubberduck.db.model_activity import resting_model

        resting = None
        if project_id.isascii() and project_id.isprintable():  # as ours are; PostgreSQL refuses NUL
            resting = resting_model(self.pipeline.results.database, project_id)
        if resting and resting.is_starting:
            return ModelStarting(STARTING, name=resting.name)
        if resting:
            return ModelStopped(STOPPED, name=resting.name)
        if not self._models:
            return NoSuchModelOffered("No model of this site is running at the moment.")
        return NoSuchModelOffered(
            "This site has no such model running. “model” may be: {offered}.",
            offered=", ".join(each.project_id for each in self._models),
        )

    def pipeline_of(self, model: "AnsweringModel", min_confidence: float | None = None) -> Pipeline:
        from rubberduck.custom_models.detector import question_of, with_min_confidence

        question = question_of(model, self.text("Yes!"), self.text("No."), self.text(" or "))
        detector = self._detector(model)
        if min_confidence is not None:
            detector = with_min_confidence(detector, min_confidence)
        return self.pipeline.for_model(
            model.project_id, question, detector, is_live=not model.is_remote
        )

    def _start(self, model: "AnsweringModel") -> "AnsweringModel":
        """Start a model for a visitor. Raises ModelStarting while it cannot answer yet."""
        from rubberduck.custom_models.hosting_errors import (
            AlreadyRunning,
            ModelStarting,
            ModelStopped,
        )

        try:
            self.open_hosting().start(model.version_id, model.units, "")
        except AlreadyRunning:
            pass
        except DuckError as error:
            log.warning(
                "model not started version=%s cause=%s", model.version_id, error.operator_message
            )
            raise ModelStopped(STOPPED, name=model.name) from error
        started = [each for each in self.refresh() if each.version_id == model.version_id]
        if started and started[0].is_running:
            return started[0]
        raise ModelStarting(STARTING, name=model.name)

    def _detector(self, model: "AnsweringModel") -> "Detector":
        """Return the version's detector, each time behind the same circuit breaker."""
        from rubberduck.custom_models.detector import with_model

        key = f"{model.version_id} {model.file_key}"  # a release's new trunk brings a new file
        known, detector = self._detectors.get(key, (None, None))
        if detector is None:
            detector = self._new_detector(model)
        elif known != model:  # it stopped meanwhile, say, or its project has another name
            detector = with_model(detector, model)
        self._detectors[key] = model, detector
        return detector

    def _new_detector(self, model: "AnsweringModel") -> "Detector":
        from rubberduck.custom_models.detector import (
            CustomLabelsDetector,
            EmbeddedProjectDetector,
        )
        from rubberduck.detectors.with_breaker import DetectorWithBreaker

        def touch() -> None:
            self.open_hosting().touch(model.version_id)

        if model.is_remote:
            remote = CustomLabelsDetector(model, touch, lambda: self.pipeline.custom_labels)
            return DetectorWithBreaker(remote)
        return EmbeddedProjectDetector(
            model, touch, lambda: self.embedded_model(model.version_id, model.file_key)
        )

    def embedded_model(self, version_id: str, file_key: str | None) -> "EmbeddedModel":
        """Return a version's model, loaded once. Raises FileNotFoundError, TrunkMismatch."""
        from rubberduck.custom_models.detector import LoadedModels
        from rubberduck.custom_models.version_files import load_version
        from rubberduck.custom_models.versions import Versions

        def load() -> "EmbeddedModel":
            versions = Versions(self.pipeline.results.database)
            return load_version(self.pipeline.storage, versions.find(version_id))

        self._loaded = self._loaded or LoadedModels()
        loaded: LoadedModels = self._loaded
        return loaded.get(file_key or version_id, load)

    def _is_stale(self) -> bool:
        return time.monotonic() - self._read_at > FRESH_SECONDS

    def _read_in_background(self) -> None:
        try:
            self._refresh_safely()
        finally:
            self._is_reading.release()

    def _refresh_safely(self) -> None:
        try:
            self.refresh()
        except DuckError as error:
            log.warning("models not listed cause=%s", error.operator_message)


def _model_of(project_id: str, models: "tuple[AnsweringModel, ...]") -> "AnsweringModel | None":
    return next((each for each in models if each.project_id == project_id), None)


def _default_of(models: "tuple[AnsweringModel, ...]") -> "AnsweringModel | None":
    return next((each for each in models if each.is_default and each.is_running), None)
