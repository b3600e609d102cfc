"""Find faces with MediaPipe's BlazeFace: a first pass over the picture, a second at each face.

The nets and their decoding are described in "BlazeFace: Sub-millisecond Neural Face Detection on
Mobile GPUs" (arXiv 1907.05047).
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from rubberduck.faces.windows import Floats, Window, pixels_in

FIRST_SIDE, SECOND_SIDE = 256, 128  # pixels of the nets' square inputs
ROOM = 2.4  # the window of the second pass, as a multiple of the face's side
# A first pass alone calls many things faces. Its candidates get a second one, and the mean of both
# probabilities decides. Chosen on other pictures than those of docs/faces-figures.md.
MIN_CANDIDATE, MIN_FACE = 0.4, 0.7  # probabilities
MIN_SECOND = 0.1  # below, the second pass found nothing: then 0
MIN_OVERLAP = 0.3  # intersection over union of two boxes of the same face
# Small faces are looked for only where others were found: a pass over every part of every picture
# would take five times as long, and find more that is no face.
SMALL = 0.12  # the faces' median side, as a share of the picture's longer side
TILE = 0.56  # of the picture's longer side
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

    def detect(self, image: Image.Image, window: Window, minimum: float) -> list[Detection]:
        """Return the faces in a window with at least this probability, the likeliest first."""
        return self._detections_in(pixels_in(image, window, self._side), window, minimum)

    def detect_with_mirror_image(
        self, image: Image.Image, window: Window, minimum: float
    ) -> tuple[list[Detection], list[Detection]]:
        """Return the faces in a window, and those seen in its mirror image, mirrored back."""
        pixels = pixels_in(image, window, self._side)
        mirrored = self._detections_in(pixels[:, ::-1], window, minimum)
        # Left and right change places, and both are mirrored at the window's middle.
        axis, signs = 2 * window.left + window.side, np.array([-1, 1, -1, 1], np.float32)
        shift = np.array([axis, 0, axis, 0], np.float32)
        return self._detections_in(pixels, window, minimum), [
            Detection(face.corners[[2, 1, 0, 3]] * signs + shift, face.probability)
            for face in mirrored
        ]

    def points(self, image: Image.Image, window: Window) -> Floats | None:
        """Return six points of the likeliest face in a window, (6, 2) pixels of the picture.

        The eyes, the nose, the mouth and the ears; of each pair first what is left in the picture
        of an upright face. None if there is no face.
        """
        pixels = pixels_in(image, window, self._side)
        probabilities, values = self._run(pixels)
        best = int(np.argmax(probabilities))
        if probabilities[best] < MIN_SECOND:
            return None
        offsets = values[best, 4:16].reshape(6, 2) / self._side
        start = np.array([window.left, window.top], np.float32)
        return np.asarray((ANCHORS[best] + offsets) * window.side + start, np.float32)

    def _run(self, pixels: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return the probabilities of all anchors, and their 16 values: a box and six points."""
        values = pixels.astype(np.float32) / 127.5 - 1
        *logits, first, second = self._session.run(OUTPUTS, {INPUT: values[None]})
        probabilities = _sigmoid(np.concatenate(logits, axis=1)[0, :, 0])
        return probabilities, np.concatenate([first, second], axis=1)[0]

    def _detections_in(
        self, pixels: npt.NDArray[np.uint8], window: Window, minimum: float
    ) -> list[Detection]:
        probabilities, values = self._run(pixels)
        boxes = values[:, :4] / self._side
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


def merged_detections(found: list[Detection]) -> list[Detection]:
    if len(found) < 2:
        return found
    probabilities = np.array([each.probability for each in found], np.float32)
    return merged(np.stack([each.corners for each in found]), probabilities)


def overlaps(one: Floats, many: Floats) -> Floats:
    """Return the intersection over union of one box, (4,), with each of others, (n, 4)."""
    start, end = np.maximum(one[:2], many[:, :2]), np.minimum(one[2:], many[:, 2:])
    shared = np.prod(np.maximum(end - start, 0), axis=1)
    whole = np.prod(one[2:] - one[:2]) + np.prod(many[:, 2:] - many[:, :2], axis=1) - shared
    return np.asarray(shared / np.maximum(whole, np.float32(1e-9)), np.float32)


def are_small(faces: list[Detection], size: tuple[int, int]) -> bool:
    """Return whether there are faces so small that others may be too small for one pass."""
    sides = [float(face.corners[2] - face.corners[0]) / max(size) for face in faces]
    return bool(sides) and float(np.median(sides)) < SMALL


def tiles(size: tuple[int, int]) -> list[Window]:
    """Return squares that cover a picture, overlapping by a small face at least."""
    side = max(size) * TILE
    xs, ys = (sorted({0.0, max(length - side, 0.0)}) for length in size)
    return [Window(x, y, side) for y in ys for x in xs]


class FaceDetector:
    """Finds faces with both nets."""

    def __init__(self, first: Session, second: Session) -> None:
        self._first = BlazeFace(first, FIRST_SIDE)
        self._second = BlazeFace(second, SECOND_SIDE)

    def find(self, image: Image.Image) -> list[Detection]:
        """Return the faces of an RGB picture, the likeliest first."""
        candidates = self._candidates(image, [Window.whole(image.size)])
        faces = self._faces_among(image, candidates)
        if are_small(faces, image.size):
            candidates += self._candidates(image, tiles(image.size))
            faces = self._faces_among(image, candidates)
        return faces

    def points(self, image: Image.Image, corners: Floats) -> Floats | None:
        """Return the points of the face that is there, as BlazeFace does."""
        return self._second.points(image, Window.around(corners, ROOM))

    def _candidates(self, image: Image.Image, windows: list[Window]) -> list[Detection]:
        """Return what first passes over these windows find."""
        passes = [self._first.detect(image, window, MIN_CANDIDATE) for window in windows]
        return [each for found in passes for each in found]

    def _faces_among(self, image: Image.Image, found: list[Detection]) -> list[Detection]:
        """Return the candidates that second passes confirm, the likeliest first."""
        candidates = merged_detections(found)
        # Two candidates may come to the same face.
        return merged_detections(
            [face for each in candidates if (face := self._confirmed(image, each))]
        )

    def _confirmed(self, image: Image.Image, candidate: Detection) -> Detection | None:
        """Return the candidate as seen from near, and mirrored; None if it is no face."""
        window = Window.around(candidate.corners, ROOM)
        both = self._second.detect_with_mirror_image(image, window, MIN_SECOND)
        accepted = [face for found in both if (face := self._in_place(found, candidate))]
        second = sum(face.probability for face in accepted) / 2
        probability = (candidate.probability + second) / 2
        if not accepted or probability < MIN_FACE:
            return None
        corners = np.stack([face.corners for face in accepted]).mean(axis=0)
        return Detection(np.asarray(corners, np.float32), probability)

    @staticmethod
    def _in_place(faces: list[Detection], candidate: Detection) -> Detection | None:
        """Return the likeliest of the faces that are where the candidate is."""
        for face in faces:
            if overlaps(candidate.corners, face.corners[None])[0] >= MIN_OVERLAP:
                return face
        return None


def _sigmoid(logits: Floats) -> Floats:
    # Clipped: exp of more than 88 overflows float32, with a warning.
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
