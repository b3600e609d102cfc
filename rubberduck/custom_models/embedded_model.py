"""A trained version of an embedded model: loaded from its file, it answers about pictures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.custom_models.decoding import Answer, Found, logit, sigmoid
from rubberduck.custom_models.trunk import (
    CELLS,
    CHANNELS,
    POOLED,
    Features,
    Floats,
    Trunk,
    Window,
    shipped_trunk,
    square_view,
    with_outputs,
)
from rubberduck.custom_models.version_errors import InvalidModelFile, TrunkMismatch
from rubberduck.custom_models.zoomed_passes import Zoom, find_boxes
from rubberduck.detectors.onnx_session import ENGINE_ERRORS, open_session

FIRST_FORMAT, GATHERED_FORMAT, FORMAT = "1", "2", "3"
FLOOR = 0.01  # calibrated scores below are left out
# Of files of the first format:
FIRST_ZOOM = Zoom(side=0.5, passes=4, min_score=0.1)
WEAK = 0.5  # weight of a box's own score, below which it does not tell the boxes of a picture apart


@dataclass(frozen=True)
class PredictedBox:
    """A box as fractions of the upright picture; `score` is calibrated, 0 to 1."""

    label: str
    score: float
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Prediction:
    """All candidates above a low floor, the best first; compare with the labels' thresholds.

    The score of a label is that of its best box, or of the whole picture in a project of pictures.
    """

    boxes: tuple[PredictedBox, ...]
    labels: tuple[tuple[str, float], ...]


class EmbeddedModel:
    """Heads on the trunk. Safe to share between threads; 1 to 4 MB of memory beside the trunk."""

    def __init__(self, data: bytes, trunk: Trunk) -> None:
        """Raises InvalidModelFile and TrunkMismatch."""
        try:
            whole = open_session(data)
            # A session of each output: onnxruntime would run all heads, whichever is asked for.
            self._sessions = {
                output.name: open_session(with_outputs(data, (output.name,)))
                for output in whole.get_outputs()
            }
            metadata = whole.get_modelmeta().custom_metadata_map
            self._format = metadata.get("format")
            if self._format not in {FIRST_FORMAT, GATHERED_FORMAT, FORMAT}:
                raise InvalidModelFile("The file is not a model of this site.")
            self.trunk_sha256 = metadata["trunk_sha256"]
            self.kind = metadata["kind"]
            self.labels = tuple(json.loads(metadata["labels"]))
            thresholds = json.loads(metadata["thresholds"])
            self.thresholds = dict(zip(self.labels, map(float, thresholds), strict=True))
            self.seed = int(metadata["seed"])
            self._zoom = _zoom_from(metadata)
            self._zoomed_head = "closer" if self._format == FIRST_FORMAT else "zoomed"
            self._calibrations = np.array(json.loads(metadata["calibrations"]), np.float32)
        except (*ENGINE_ERRORS, KeyError) as error:
            raise InvalidModelFile(
                "The model file is damaged.", cause=f"{type(error).__name__}: {error}"[:300]
            ) from None
        if self.trunk_sha256 != trunk.sha256:
            raise TrunkMismatch(
                "It was trained for another version of the embedded detector.",
                cause=f"trained={self.trunk_sha256[:12]} present={trunk.sha256[:12]}",
            )
        self._trunk = trunk

    def predict(self, image: Image.Image) -> Prediction:
        """Return what an upright RGB picture shows."""
        whole = Window.around(image.size)
        view = np.asarray(square_view(image, whole))
        if self.kind != "boxes":
            logits = self._of_whole(self._trunk.features_and_pooled(view)[1])
            return Prediction((), self._labels_of(self._scores(logits, np.arange(len(logits)))))
        pooled = None
        if self._format == FIRST_FORMAT:
            features, pooled = self._trunk.features_and_pooled(view)
        else:
            features = self._trunk.features(view)

        def run_pass(window: Window) -> Answer:
            if window == whole:
                return self._of_cells(features, "dense")
            return self._of_cells(self._trunk.features_in(image, window), self._zoomed_head)

        found = find_boxes(image.size, run_pass, self._zoom)
        if pooled is not None:
            scores = self._first_scores(found, self._of_whole(pooled))
        else:
            scores = self._scores(logit(found.scores), found.labels)
        best = np.zeros(len(self.labels), np.float32)
        np.maximum.at(best, found.labels, scores)
        return Prediction(self._boxes(found, scores, image.size), self._labels_of(best))

    def _of_whole(self, pooled: Floats) -> Floats:
        """Return each label's logit of a view as a whole."""
        inputs = {"pooled": pooled[None]}
        if self.kind == "boxes":  # the first format: what a session needs, but not this output
            inputs["cells"] = np.zeros((1, CHANNELS, CELLS, CELLS), np.float32)
        return np.asarray(self._sessions["picture"].run(None, inputs)[0][0])

    def _of_cells(self, features: Features, head: str) -> Answer:
        """Return what a head says of the cells of a view."""
        if self._format == FORMAT:
            inputs = {name: each[None] for name, each in features._asdict().items()}
        else:
            inputs = {"cells": features.cells[None]}
        if self._format == FIRST_FORMAT:  # what a session needs, but not this output
            inputs["pooled"] = np.zeros((1, POOLED), np.float32)
        dense = self._sessions[head].run(None, inputs)[0][0]
        count, flat = len(self.labels), dense.reshape(dense.shape[0], -1)
        return Answer(flat[:count], flat[count : count + 4], flat[count + 4])

    def _scores(self, logits: Floats, labels: np.ndarray) -> Floats:
        """Return calibrated scores from logits, each of a label."""
        if self._format == FIRST_FORMAT:  # whole pictures have the second of the three numbers
            slope, offset = self._calibrations[labels, 1], self._calibrations[labels, 2]
        else:
            slope, offset = self._calibrations[labels].T
        return sigmoid(slope * logits + offset)

    def _first_scores(self, found: Found, picture: Floats) -> Floats:
        """Return the scores of boxes as files of the first format have them.

        They are calibrated for the best box of a label and the picture as a whole. Where a box's
        own score has little weight, all boxes of the label would get nearly the same one. So they
        fall off from the best one by the square of their own: in the right order, not calibrated.
        """
        by_box, by_picture, offset = self._calibrations[found.labels].T
        x = by_box * logit(found.scores) + by_picture * picture[found.labels] + offset
        scores = sigmoid(x)
        for label in np.unique(found.labels[by_box < WEAK]):
            own = found.labels == label
            share = found.scores[own] / found.scores[own].max()
            scores[own] = scores[own].max() * share**2
        return scores

    def _labels_of(self, scores: Floats) -> tuple[tuple[str, float], ...]:
        order = np.argsort(-scores, kind="stable")
        return tuple((self.labels[i], float(scores[i])) for i in order if scores[i] >= FLOOR)

    def _boxes(
        self, found: Found, scores: Floats, size: tuple[int, int]
    ) -> tuple[PredictedBox, ...]:
        corners = np.clip(found.corners / np.array([*size] * 2, np.float32), 0, 1)
        return tuple(
            PredictedBox(
                self.labels[found.labels[i]],
                float(scores[i]),
                *(float(v) for v in corners[i, :2]),
                *(float(v) for v in corners[i, 2:] - corners[i, :2]),
            )
            for i in np.argsort(-scores, kind="stable")
            if scores[i] >= FLOOR
        )


def _zoom_from(metadata: Mapping[str, str]) -> Zoom | None:
    """Return how zoomed passes choose their windows; None if the file has no head for them."""
    if metadata["format"] == FIRST_FORMAT:
        return FIRST_ZOOM if metadata.get("looks_closer") == "yes" else None
    if not metadata["zoom"]:
        return None
    side, passes, min_score = json.loads(metadata["zoom"])
    return Zoom(float(side), int(passes), float(min_score))


def load(model: bytes | Path, trunk: Trunk | None = None) -> EmbeddedModel:
    """Load a version's file over the trunk that ships, or over another one that is still kept.

    Raises InvalidModelFile, TrunkMismatch, and OSError for a path that cannot be read.
    """
    data = model.read_bytes() if isinstance(model, Path) else model
    return EmbeddedModel(data, trunk or shipped_trunk())
