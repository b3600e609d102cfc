"""Models of projects as detectors: what they find in a visitor's picture, and the question asked.

Each label's own threshold decides, so that the question's is 0.
"""

import logging
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Self

from rubberduck.aws.custom_labels import MAX_PICTURE_BYTES, CustomLabel
from rubberduck.aws.custom_labels_errors import (
    CustomLabelsFailed,
    ModelNotRunning,
    PictureNotTaken,
)
from rubberduck.core.errors import DetectorFailed, DuckError, PictureRefused
from rubberduck.core.models import Box, Label
from rubberduck.core.rules import BoxRule, Group, Question
from rubberduck.custom_models.hosting_errors import ModelStopped
from rubberduck.db.model_activity import AnsweringModel
from rubberduck.detectors.base import Detector
from rubberduck.detectors.with_breaker import DetectorWithBreaker
from rubberduck.imaging.decode import Picture, to_jpeg_within

if TYPE_CHECKING:
    from rubberduck.aws.custom_labels import CustomLabels
    from rubberduck.custom_models.embedded_model import EmbeddedModel, Prediction

log = logging.getLogger(__name__)
MAX_NAMED = 10  # labels that a negative answer names; of more, the project
MAX_LOADED = 4  # embedded models of a process, 1 to 4 MB each beside the trunk
MAX_SIDE = 4096  # pixels, of a picture for Custom Labels
PERCENT = 100.0
UNAVAILABLE_MESSAGE = "The model does not answer."


def question_of(
    model: AnsweringModel, yes: str = "Yes!", no: str = "No.", either: str = " or "
) -> Question:
    """Return the question that a model answers: is there any of its labels?"""
    few = len(model.labels) <= MAX_NAMED
    return Question(
        title=model.question,
        groups=(Group(either.join(model.labels) if few else model.name, any_of=model.labels),),
        yes=yes,
        no=no,
        boxes=BoxRule(model.labels, above=0.0),
        min_confidence=0.0,
    )


class LoadedModels:
    """The embedded models in memory; the least used one is unloaded for another."""

    def __init__(self, most: int = MAX_LOADED) -> None:
        self.most = most
        self._models: OrderedDict[str, EmbeddedModel] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, load: "Callable[[], EmbeddedModel]") -> "EmbeddedModel":
        """Return the model of this key, loaded if it is not; one at a time is loaded."""
        with self._lock:
            if key not in self._models:
                self._models[key] = load()
                log.info("model loaded file=%s loaded=%d", key, len(self._models))
                while len(self._models) > self.most:
                    unloaded, _ = self._models.popitem(last=False)
                    log.info("model unloaded file=%s", unloaded)
            self._models.move_to_end(key)
            return self._models[key]

    def __len__(self) -> int:
        return len(self._models)


class _ProjectDetector:
    """The identity of a model's version; `on_use` renews its lease.

    `min_confidence`, in percent, decides in place of each label's own threshold.
    """

    cost_per_call_usd = 0.0
    min_confidence: float | None = None

    def __init__(self, model: AnsweringModel, on_use: Callable[[], None]) -> None:
        self.model = model
        self.on_use = on_use

    def at_confidence(self, min_confidence: float) -> Self:
        """Return the same detector with this least confidence."""
        other = copy(self)
        other.min_confidence = min_confidence
        return other

    def of_model(self, model: AnsweringModel) -> Self:
        """Return the same detector for what is known of its version by now."""
        other = copy(self)
        other.model = model
        return other

    @property
    def name(self) -> str:
        return self.model.detector_name

    @property
    def version(self) -> str:
        version = self.model.detector_version
        # Answers are shared between equal versions, and this one has other labels.
        return version if self.min_confidence is None else f"{version}, {self.min_confidence} %"

    @property
    def supported_labels(self) -> tuple[str, ...]:
        return self.model.labels

    def _used(self) -> None:
        try:
            self.on_use()
        except DuckError as error:
            cause = error.operator_message
            log.warning("lease not renewed version=%s cause=%s", self.model.version_id, cause)


class EmbeddedProjectDetector(_ProjectDetector):
    """Finds the labels of a project with its embedded model."""

    def __init__(
        self,
        model: AnsweringModel,
        on_use: Callable[[], None],
        load: "Callable[[], EmbeddedModel]",
    ) -> None:
        super().__init__(model, on_use)
        self.load = load

    def labels(self, picture: Picture) -> list[Label]:
        """Return the labels that reach their thresholds. Raises DetectorFailed, TrunkMismatch."""
        loaded = self._loaded()
        thresholds = loaded.thresholds
        if self.min_confidence is not None:
            thresholds = dict.fromkeys(thresholds, self.min_confidence / PERCENT)
        found = labels_of(loaded.predict(picture.image), thresholds, loaded.kind)
        self._used()
        return found

    def check(self) -> None:
        self._loaded()

    def _loaded(self) -> "EmbeddedModel":
        try:
            return self.load()
        except FileNotFoundError as error:
            raise DetectorFailed(
                UNAVAILABLE_MESSAGE, cause=f"the file of {self.name} {self.version} is gone"
            ) from error


def with_min_confidence(detector: Detector, min_confidence: float) -> Detector:
    """Return a model's detector with this least confidence, behind the same circuit breaker."""
    if isinstance(detector, DetectorWithBreaker):
        return detector.with_detector(with_min_confidence(detector.detector, min_confidence))
    assert isinstance(detector, _ProjectDetector)
    return detector.at_confidence(min_confidence)


def with_model(detector: Detector, model: AnsweringModel) -> Detector:
    """Return a version's detector for what is known of it by now, behind the same breaker."""
    if isinstance(detector, DetectorWithBreaker):
        return detector.with_detector(with_model(detector.detector, model))
    assert isinstance(detector, _ProjectDetector)
    return detector.of_model(model)


def labels_of(prediction: "Prediction", thresholds: dict[str, float], kind: str) -> list[Label]:
    """Return what reaches its label's threshold, the surest first; without boxes for pictures."""
    boxes = defaultdict[str, list[Box]](list)
    for box in prediction.boxes:
        if box.score >= thresholds[box.label]:
            sides = box.left, box.top, box.width, box.height
            boxes[box.label].append(Box(*sides, box.label, PERCENT * box.score))
    return [
        Label(name, PERCENT * score, tuple(boxes[name]))
        for name, score in prediction.labels
        if (boxes[name] if kind == "boxes" else score >= thresholds[name])
    ]


class CustomLabelsDetector(_ProjectDetector):
    """Finds the labels of a project with DetectCustomLabels."""

    def __init__(
        self,
        model: AnsweringModel,
        on_use: Callable[[], None],
        open_service: "Callable[[], CustomLabels]",
    ) -> None:
        super().__init__(model, on_use)
        self.open_service = open_service

    def labels(self, picture: Picture) -> list[Label]:
        """Return the labels. Raises DetectorFailed, ModelStopped."""
        self._used()  # also if it fails: somebody wants it
        with self._translated():
            found = self.open_service().detect(
                self.model.arn or "", _jpeg(picture), self.min_confidence
            )
        return grouped(found)

    def check(self) -> None:
        """Raise ModelStopped or DetectorFailed unless the model runs."""
        if not self.model.is_running:
            raise ModelStopped("“{name}” is stopped.", name=self.model.name)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ModelNotRunning:
            raise ModelStopped("“{name}” is stopped.", name=self.model.name) from None
        except PictureNotTaken as error:
            raise PictureRefused(error.reason, cause=error.operator_message) from error
        except CustomLabelsFailed as error:
            raise DetectorFailed(UNAVAILABLE_MESSAGE, cause=error.operator_message) from error


def grouped(found: Iterable[CustomLabel]) -> list[Label]:
    """Return one Label for each name, as sure as its surest box; the service lists each box."""
    by_name = defaultdict[str, list[CustomLabel]](list)
    for each in found:
        by_name[each.name].append(each)
    labels = [
        Label(
            name,
            max(each.confidence for each in some),
            tuple(Box(*each.box, name, each.confidence) for each in some if each.box),
        )
        for name, some in by_name.items()
    ]
    return sorted(labels, key=lambda label: -label.confidence)


def _jpeg(picture: Picture) -> bytes:
    image = picture.image
    if max(image.size) > MAX_SIDE:
        image = image.copy()
        image.thumbnail((MAX_SIDE, MAX_SIDE))
    elif len(picture.jpeg) <= MAX_PICTURE_BYTES:
        return picture.jpeg
    return to_jpeg_within(image, MAX_PICTURE_BYTES)
