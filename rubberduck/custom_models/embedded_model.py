"""A trained version of an embedded model: loaded from its file, it answers about pictures."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.custom_models.decoding import Answer, Found
from rubberduck.custom_models.looking import find
from rubberduck.custom_models.trunk import Features, Floats, Trunk, Window, shipped_trunk
from rubberduck.custom_models.version_errors import InvalidModelFile, TrunkMismatch
from rubberduck.detectors.onnx_session import ENGINE_ERRORS, open_session

FORMAT = "1"
FLOOR = 0.01  # calibrated scores below are left out
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
            self._session = open_session(data)
            metadata = self._session.get_modelmeta().custom_metadata_map
            if metadata.get("format") != FORMAT:
                raise InvalidModelFile("The file is not a model of this site.")
            self.trunk_sha256 = metadata["trunk_sha256"]
            self.kind = metadata["kind"]
            self.labels = tuple(json.loads(metadata["labels"]))
            thresholds = json.loads(metadata["thresholds"])
            self.thresholds = dict(zip(self.labels, map(float, thresholds), strict=True))
            self.seed = int(metadata["seed"])
            self._looks_closer = metadata.get("looks_closer") == "yes"
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
        features = self._trunk.look(image, whole)
        picture, first = self._ask(features)
        if first is None:
            scores = self._scores(np.zeros_like(picture), picture)
            return Prediction((), self._labels_of(scores))

        def look(window: Window) -> Answer:
            if window == whole:
                return first
            return self._ask(self._trunk.look(image, window), "closer")[1] or first

        boxes = self._boxes(find(image.size, look, self._looks_closer), picture, image.size)
        best = np.zeros(len(self.labels), np.float32)
        for box in boxes:
            number = self.labels.index(box.label)
            best[number] = max(best[number], box.score)
        return Prediction(boxes, self._labels_of(best))

    def _ask(self, features: Features, head: str = "dense") -> tuple[Floats, Answer | None]:
        """Return the logits of a view as a whole, and in a model for boxes of its cells."""
        inputs = {"pooled": features.pooled[None]}
        if self.kind != "boxes":
            return self._session.run(["picture"], inputs)[0][0], None
        inputs["cells"] = features.cells[None]
        picture, dense = self._session.run(["picture", head], inputs)
        count, flat = len(self.labels), dense[0].reshape(dense.shape[1], -1)
        return picture[0], Answer(flat[:count], flat[count : count + 4], flat[count + 4])

    def _scores(self, boxes: Floats, picture: Floats) -> Floats:
        """Return calibrated scores from each label's logits."""
        by_box, by_picture, offset = self._calibrations.T
        x = by_box * boxes + by_picture * picture + offset
        return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)

    def _labels_of(self, scores: Floats) -> tuple[tuple[str, float], ...]:
        order = np.argsort(-scores, kind="stable")
        return tuple((self.labels[i], float(scores[i])) for i in order if scores[i] >= FLOOR)

    def _boxes(
        self, found: Found, picture: Floats, size: tuple[int, int]
    ) -> tuple[PredictedBox, ...]:
        corners = np.clip(found.corners / np.array([*size] * 2, np.float32), 0, 1)
        logits = np.log(found.scores / (1 - found.scores + 1e-6))
        by_box, by_picture, offset = self._calibrations[found.labels].T
        x = by_box * logits + by_picture * picture[found.labels] + offset
        scores = 1 / (1 + np.exp(-np.clip(x, -30, 30)))
        # A stopgap: where the calibration gives a box's own score little weight (below WEAK), all
        # boxes of the label would get nearly the score of the best one. So they fall off from it by
        # the square of their own uncalibrated scores. The results are in the right order, but not
        # calibrated; a calibration of single boxes, fitted in training, would replace this.
        for label in np.unique(found.labels[by_box < WEAK]):
            own = found.labels == label
            share = found.scores[own] / found.scores[own].max()
            scores[own] = scores[own].max() * share**2
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


def load(model: bytes | Path, trunk: Trunk | None = None) -> EmbeddedModel:
    """Load a version's file over the trunk that ships, or over another one that is still kept.

    Raises InvalidModelFile, TrunkMismatch, and OSError for a path that cannot be read.
    """
    data = model.read_bytes() if isinstance(model, Path) else model
    return EmbeddedModel(data, trunk or shipped_trunk())
