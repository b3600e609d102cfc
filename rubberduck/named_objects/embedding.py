"""The embedding of an object in a picture: a vector that is near those of its other photos."""

import hashlib
import threading
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rubberduck.core.models import Box
from rubberduck.custom_models.trunk import Trunk, Window, shipped_trunk
from rubberduck.detectors.boxes import boxes_of
from rubberduck.detectors.embedded import DECISION, OnnxDetector
from rubberduck.named_objects.features import (
    cells_and_colours,
    features,
    object_mask,
    window_around,
)
from rubberduck.named_objects.projection import Floats, Projection, shipped_projection

CODE = 1  # of this package: raised by whatever changes the vectors


@dataclass(frozen=True)
class Embedded:
    """A vector of length 1, and where the duck is; without a box it is of the whole picture."""

    vector: Floats
    box: Box | None


class Embedder:
    """Finds the duck in a picture and embeds it. Safe to share between threads."""

    def __init__(self, detector: OnnxDetector, trunk: Trunk, projection: Projection) -> None:
        self.detector, self.trunk, self.projection = detector, trunk, projection
        parts = f"{CODE} {detector.version} {trunk.sha256} {projection.sha256}"
        self.version = hashlib.sha256(parts.encode()).hexdigest()[:32]

    def embed(self, image: Image.Image) -> Embedded:
        """Return the embedding of the likeliest duck of an RGB picture, or of the whole picture."""
        box = self.find(image)
        if box is None:
            return Embedded(self._vector(image, Window.around(image.size)), None)
        return Embedded(self._vector(image, window_around(box.corners(image.size))), box)

    def find(self, image: Image.Image) -> Box | None:
        """Return the box of the likeliest duck, None if there is none."""
        evidence, view = self.detector.evidence(image)
        percent = self.detector.percent(evidence)
        return boxes_of(view, percent)[0] if percent >= DECISION * 100 else None

    def _vector(self, image: Image.Image, window: Window) -> Floats:
        cells, colours = cells_and_colours(image, window, self.trunk)
        found = features(cells, colours, object_mask(cells, self.projection))
        values = (found - self.projection.offset) @ self.projection.axes
        return of_length_one(np.asarray(values, np.float32))


def of_length_one(vectors: Floats) -> Floats:
    """Return vectors (…, dimensions) scaled to length 1."""
    length = np.sqrt((vectors**2).sum(-1, keepdims=True))
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)


_lock = threading.Lock()
_embedders: list[Embedder] = []


def shipped_embedder() -> Embedder:
    """Return the embedder of the files that ship, loaded once in a process.

    Raises InvalidModel for a damaged file.
    """
    with _lock:
        if not _embedders:
            _embedders.append(Embedder(OnnxDetector(), shipped_trunk(), shipped_projection()))
        return _embedders[0]
