"""Find faces with MediaPipe's BlazeFace: a first look at the whole picture, a second at each face.

The nets and their decoding are described in "BlazeFace: Sub-millisecond Neural Face Detection on
Mobile GPUs" (arXiv 1907.05047).
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from rubberduck.faces.windows import Floats, Window, pixels_in

# The first look may be wrong: the second one decides.
FIRST_SIDE, MIN_FIRST = 256, 0.5  # pixels of the net's square input; probability
SECOND_SIDE, MIN_SECOND = 128, 0.7
ROOM = 2.4  # the window of the second look, as a multiple of the face's side
MIN_OVERLAP = 0.3  # intersection over union of two boxes of the same face
GRID = ((16, 2), (8, 6))  # of both nets: cells in a row, anchors in a cell
OUTPUTS = ["Identity:0", "Identity_1:0", "Identity_2:0", "Identity_3:0"]
INPUT = "input:0"


class Session(Protocol):
    """What is used of onnxruntime.InferenceSession."""

    def run(self, outputs: list[str], inputs: dict[str, npt.NDArray[Any]]) -> list[Floats]: ...


class Detection(NamedTuple):
    """A face: left, top, right, bottom in pixels of the picture, also beyond it; 0 to 1."""

    corners: Floats
    probability: float


def _anchors() -> Floats:
    """Return the middles of all anchors, (896, 2): x and y as fractions of the square."""
    grids = []
    for cells, anchors in GRID:
        middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(middles, middles)
        grids.append(np.stack([x, y], axis=-1).reshape(-1, 2).repeat(anchors, axis=0))
    return np.concatenate(grids)


ANCHORS = _anchors()


class BlazeFace:
    """One of the two nets, with `side` pixels of input. Safe to share between threads."""

    def __init__(self, session: Session, side: int) -> None:
        self._session = session
        self._side = side

    def look(self, image: Image.Image, window: Window, minimum: float) -> list[Detection]:
        """Return the faces in a window with at least this probability, the likeliest first."""
        pixels = pixels_in(image, window, self._side).astype(np.float32) / 127.5 - 1
        *logits, first, second = self._session.run(OUTPUTS, {INPUT: pixels[None]})
        probabilities = _sigmoid(np.concatenate(logits, axis=1)[0, :, 0])
        boxes = np.concatenate([first, second], axis=1)[0, :, :4] / self._side
        chosen = probabilities >= minimum
        middles, sides = ANCHORS[chosen] + boxes[chosen, :2], boxes[chosen, 2:]
        corners = np.concatenate([middles - sides / 2, middles + sides / 2], axis=1)
        start = np.array([window.left, window.top] * 2, np.float32)
        return merged(corners * np.float32(window.side) + start, probabilities[chosen])


def merged(corners: Floats, probabilities: Floats) -> list[Detection]:
    """Return one detection for each group of overlapping ones, as BlazeFace wants it: the mean of
    its corners, weighted by probability. The likeliest comes first.
    """
    order = np.argsort(-probabilities, kind="stable")
    corners, probabilities = corners[order], probabilities[order]
    result = []
    while len(corners):
        same = overlaps(corners[0], corners) >= MIN_OVERLAP
        same[0] = True  # also if its area is 0
        mean = np.average(corners[same], axis=0, weights=probabilities[same])
        result.append(Detection(mean.astype(np.float32), float(probabilities[0])))
        corners, probabilities = corners[~same], probabilities[~same]
    return result


def overlaps(one: Floats, many: Floats) -> Floats:
    """Return the intersection over union of one box, (4,), with each of others, (n, 4)."""
    start, end = np.maximum(one[:2], many[:, :2]), np.minimum(one[2:], many[:, 2:])
    shared = np.prod(np.maximum(end - start, 0), axis=1)
    whole = np.prod(one[2:] - one[:2]) + np.prod(many[:, 2:] - many[:, :2], axis=1) - shared
    return np.asarray(shared / np.maximum(whole, np.float32(1e-9)), np.float32)


class FaceDetector:
    """Finds faces with both nets."""

    def __init__(self, first: Session, second: Session) -> None:
        self._first = BlazeFace(first, FIRST_SIDE)
        self._second = BlazeFace(second, SECOND_SIDE)

    def find(self, image: Image.Image) -> list[Detection]:
        """Return the faces of an RGB picture, in no order."""
        candidates = self._first.look(image, Window.whole(image.size), MIN_FIRST)
        confirmed = [face for each in candidates if (face := self._confirmed(image, each))]
        if not confirmed:
            return []
        # Two candidates may have come to the same face.
        return merged(
            np.stack([face.corners for face in confirmed]),
            np.array([face.probability for face in confirmed], np.float32),
        )

    def _confirmed(self, image: Image.Image, candidate: Detection) -> Detection | None:
        """Return what a second look, from near, finds in the candidate's place."""
        window = Window.around(candidate.corners, ROOM)
        for face in self._second.look(image, window, MIN_SECOND):
            if overlaps(candidate.corners, face.corners[None])[0] >= MIN_OVERLAP:
                return face
        return None


def _sigmoid(logits: Floats) -> Floats:
    # Clipped: exp of more than 88 overflows float32, with a warning.
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
