"""The embedded face finder: small neural networks beside this module, run by onnxruntime.

LICENCES.md says where they come from.
"""

import hashlib
import threading
from pathlib import Path

import onnxruntime

from rubberduck.core.errors import DetectorFailed, InvalidModel
from rubberduck.core.models import Box
from rubberduck.detectors.model_file import broken, read_model
from rubberduck.detectors.onnx_session import ENGINE_ERRORS, open_session
from rubberduck.faces.detection import Detection, FaceDetector
from rubberduck.faces.models import FACE, MAX_FACES, Face, FaceAnswer
from rubberduck.imaging.decode import Picture

FOLDER = Path(__file__).parent
MAKER = "make faces"


class EmbeddedFaces:
    """Finds faces on this machine. Opens its networks on the first call; safe between threads."""

    name = "embedded face finder"

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._detector: FaceDetector | None = None
        self._version = ""

    def faces(self, picture: Picture, *, with_gender: bool = False) -> FaceAnswer:
        """Return the faces of the picture, the largest first. Raises DetectorFailed."""
        detector = self._opened()
        try:
            found = detector.find(picture.image)
        except ENGINE_ERRORS as error:
            raise DetectorFailed("The embedded face finder failed.", cause=str(error)) from error
        boxes = [_box(detection, picture.image.size) for detection in found]
        faces = [Face(box) for box in boxes if box.width > 0 and box.height > 0]
        faces.sort(key=lambda face: face.box.width * face.box.height, reverse=True)
        return FaceAnswer(tuple(faces[:MAX_FACES]), self.name, self._version)

    def _opened(self) -> FaceDetector:
        with self._lock:
            if self._detector is None:
                try:
                    self._detector = self._open()
                except InvalidModel as error:
                    reason = "The embedded face finder cannot be loaded."
                    raise DetectorFailed(reason, cause=str(error)) from error
            return self._detector

    def _open(self) -> FaceDetector:
        sha256 = hashlib.sha256()
        first = self._session("blazeface_256.onnx", sha256)
        second = self._session("blazeface_128.onnx", sha256)
        self._version = sha256.hexdigest()
        return FaceDetector(first, second)

    def _session(self, name: str, sha256: "hashlib._Hash") -> onnxruntime.InferenceSession:
        """Open a network and add its bytes to the checksum. Raises InvalidModel."""
        path = self._folder / name
        data = read_model(path, MAKER)
        sha256.update(data)
        try:
            return open_session(data)
        except ENGINE_ERRORS as error:
            raise broken(path, "is damaged", error, MAKER) from None


def _box(detection: Detection, size: tuple[int, int]) -> Box:
    """Return a face's box, clipped to the picture, of `size` pixels: without area if outside."""
    width, height = size
    left, top, right, bottom = (float(value) for value in detection.corners)
    left, right = max(left / width, 0.0), min(right / width, 1.0)
    top, bottom = max(top / height, 0.0), min(bottom / height, 1.0)
    return Box(left, top, right - left, bottom - top, FACE, 100 * detection.probability)
