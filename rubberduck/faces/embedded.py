"""The embedded face finder: small neural networks beside this module, run by onnxruntime.

LICENCES.md says where they come from.
"""

import hashlib
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from rubberduck.core.errors import DetectorFailed, InvalidModel
from rubberduck.core.models import Box
from rubberduck.detectors.model_file import broken, read_model
from rubberduck.detectors.onnx_session import ENGINE_ERRORS, open_session
from rubberduck.faces.detection import Detection, FaceDetector
from rubberduck.faces.expressions import FaceDescriber
from rubberduck.faces.landmarks import Landmarks
from rubberduck.faces.models import FACE, MAX_FACES, Face, FaceAnswer
from rubberduck.imaging.decode import Picture

FOLDER = Path(__file__).parent
MAKER = "make faces"
NETWORKS = ("blazeface_256.onnx", "blazeface_128.onnx", "expressions.onnx", "age_gender.onnx")


class _Networks(NamedTuple):
    """All networks, opened, and the checksum of their files."""

    detector: FaceDetector
    describer: FaceDescriber
    version: str


class EmbeddedFaces:
    """Finds faces on this machine. Opens its networks on the first call; safe between threads."""

    name = "embedded face finder"

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._networks: _Networks | None = None

    def faces(self, picture: Picture, *, with_gender: bool = False) -> FaceAnswer:
        """Return the faces of the picture, the largest first. Raises DetectorFailed."""
        networks = self._opened()
        image = picture.image
        try:
            found = _largest_inside(networks.detector.find(image), image.size)
            corners = [detection.corners for detection, _ in found]
            described = networks.describer.describe(image, corners, with_gender=with_gender)
        except ENGINE_ERRORS as error:
            raise DetectorFailed("The embedded face finder failed.", cause=str(error)) from error
        faces = tuple(
            Face(box, each.smile, each.emotions, each.ages, each.gender)
            for (_, box), each in zip(found, described, strict=True)
        )
        return FaceAnswer(faces, self.name, networks.version)

    def landmarks(self, picture: Picture, box: Box) -> Landmarks | None:
        """Return where the eyes and the nose of a found face are. Raises DetectorFailed."""
        width, height = picture.image.size
        right, bottom = box.left + box.width, box.top + box.height
        sides = np.array([box.left, box.top, right, bottom], np.float32)
        corners = sides * np.array([width, height] * 2, np.float32)
        try:
            points = self._opened().detector.points(picture.image, corners)
        except ENGINE_ERRORS as error:
            raise DetectorFailed("The embedded face finder failed.", cause=str(error)) from error
        if points is None:
            return None
        left, right_eye, nose = ((float(x) / width, float(y) / height) for x, y in points[:3])
        return Landmarks(left, right_eye, nose)

    def _opened(self) -> _Networks:
        with self._lock:
            if self._networks is None:
                try:
                    self._networks = self._open()
                except InvalidModel as error:
                    raise DetectorFailed(
                        "The embedded face finder cannot be loaded.", cause=str(error)
                    ) from error
            return self._networks

    def _open(self) -> _Networks:
        """Open all networks. Raises InvalidModel."""
        sha256 = hashlib.sha256()
        first, second, expressions, age_gender = (self._session(name, sha256) for name in NETWORKS)
        detector = FaceDetector(first, second)
        return _Networks(detector, FaceDescriber(expressions, age_gender), sha256.hexdigest())

    def _session(self, name: str, sha256: "hashlib._Hash") -> onnxruntime.InferenceSession:
        """Open a network and add its bytes to the checksum. Raises InvalidModel."""
        path = self._folder / name
        data = read_model(path, MAKER)
        sha256.update(data)
        try:
            return open_session(data)
        except ENGINE_ERRORS as error:
            raise broken(path, "is damaged", error, MAKER) from None


def _largest_inside(found: list[Detection], size: tuple[int, int]) -> list[tuple[Detection, Box]]:
    """Return the faces inside the picture, with their boxes: at most MAX_FACES, largest first."""
    boxed = [(detection, _box(detection, size)) for detection in found]
    inside = [(each, box) for each, box in boxed if box.width > 0 and box.height > 0]
    inside.sort(key=lambda pair: pair[1].width * pair[1].height, reverse=True)
    return inside[:MAX_FACES]


def _box(detection: Detection, size: tuple[int, int]) -> Box:
    """Return a face's box, clipped to the picture, of `size` pixels: without area if outside."""
    width, height = size
    left, top, right, bottom = (float(value) for value in detection.corners)
    left, right = max(left / width, 0.0), min(right / width, 1.0)
    top, bottom = max(top / height, 0.0), min(bottom / height, 1.0)
    return Box(left, top, right - left, bottom - top, FACE, 100 * detection.probability)
