"""The embedded detector: a small net that looks for rubber ducks without asking anybody.

The file beside it holds all that was learnt, calibration included; `training/` made it.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as engine
from PIL import Image

from rubberduck.core.models import Box, Label
from rubberduck.detectors.model_file import MODEL, NAME, WORDS, broken, read_model
from rubberduck.imaging.decode import Picture

SIDE = 320  # the net looks at a square of this many pixels
PADDING = (127, 127, 127)  # what the net takes for nothing at all
LEAST_WORTH_SAYING = 1.0  # percent
LEAST_FOR_A_BOX = 35.0  # percent: what the site calls a rubber duck
SAME_DUCK = 0.45  # boxes that share more than this (IoU) are one duck
# Between these percents a closer look makes answers better (training/README.md has the figures).
UNSURE = (0.5, 98.0)
ROOM = 2.5  # a closer look takes in so many times the longer side of the likeliest duck,
CLOSEST, WIDEST = 0.3, 0.7  # but no less and no more of the picture's longer side
SMALL = 0.12  # of the picture's longer side: the closer look sees such a duck's edges better
LEAST_PROBABLE = 1e-5  # nothing is impossible, or its logit would be endless
MOST_BOXES = 100  # what Rekognition would answer at most
ANSWERS = ["duck", "places", "boxes", "waterfowl"]  # what the file must tell
# What onnxruntime says of broken files; its errors have no parent of their own.
ENGINE_ERRORS = (
    engine.Fail,
    engine.InvalidArgument,
    engine.InvalidGraph,
    engine.InvalidProtobuf,
    engine.NoModel,
    engine.NotImplemented,
    engine.RuntimeException,
    RuntimeError,
    ValueError,
)
Floats = npt.NDArray[np.float32]


class View(NamedTuple):
    """What one look told; all but the corners are probabilities."""

    duck: float
    waterfowl: float
    places: Floats  # (rows, columns): the middle of a duck lies there
    corners: Floats  # (rows, columns, 4): left, top, right, bottom, fractions of the picture

    @property
    def likeliest(self) -> Floats:
        """The corners of the likeliest duck, also of an unlikely one."""
        return np.asarray(self.corners.reshape(-1, 4)[self.places.argmax()])

    def refined(
        self, closer: "View", window: tuple[int, int, int, int], size: tuple[int, int]
    ) -> "View":
        """With the corners that a closer look at a window gave a small duck; large ones it cuts."""
        left, top, right, bottom = (float(side) for side in self.likeliest)
        if max((right - left) * size[0], (bottom - top) * size[1]) >= SMALL * max(size):
            return self
        start, scale = np.array(window[:2] * 2), np.array([*size] * 2)
        span = np.array([window[2] - window[0], window[3] - window[1]] * 2)
        corners = self.corners.copy()
        corners.reshape(-1, 4)[self.places.argmax()] = (closer.likeliest * span + start) / scale
        return self._replace(corners=corners)


class OnnxDetector:
    """The embedded detector: rubber ducks are Duck, Bird and Toy; live waterfowl lack the Toy."""

    name = NAME
    supported_labels = WORDS
    cost_per_call_usd = 0.0

    def __init__(self, model: Path = MODEL) -> None:
        options = onnxruntime.SessionOptions()
        # One thread: the site looks at several pictures at once, and pools do not survive a fork.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong with the file, we say ourselves
        try:
            data = read_model(model)
            self.version = hashlib.sha256(data).hexdigest()
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except ENGINE_ERRORS as error:
            raise broken(model, "is damaged", error) from None
        if [answer.name for answer in self._session.get_outputs()] != ANSWERS:
            raise broken(model, "is not a duck detector", None)
        # What two looks mean together is measured with a file that does not tell it yet.
        learnt = self._session.get_modelmeta().custom_metadata_map
        line = json.loads(learnt.get("together", '{"slope": 1, "offset": 0}'))
        self._slope, self._offset = float(line["slope"]), float(line["offset"])

    def labels(self, picture: Picture) -> list[Label]:
        view = self.look(picture.image)
        toy, bird = view.duck * 100, view.waterfowl * 100
        if UNSURE[0] <= toy <= UNSURE[1]:
            window = around(picture.image.size, view.likeliest)
            closer = self.look(picture.image.crop(window))
            toy = float(self.together(view.duck, closer.duck)) * 100
            view = view.refined(closer, window, picture.image.size)
        found = _boxes(toy, view)
        answers = (
            Label("Duck", max(toy, bird), _named("Duck", found), ("Animal", "Bird")),
            Label("Bird", max(toy, bird), _named("Bird", found), ("Animal",)),
            Label("Toy", toy, _named("Toy", found)),
        )
        return [label for label in answers if label.confidence >= LEAST_WORTH_SAYING]

    def look(self, image: Image.Image) -> View:
        """One look at a whole picture, or at a part of one."""
        square, (left, top, width, height) = letterbox(image)
        duck, places, corners, waterfowl = self._session.run(ANSWERS, {"pixels": square[None]})
        inside = (corners - np.array([left, top, left, top])) / np.array([width, height] * 2)
        return View(float(duck), float(waterfowl), places, np.clip(inside, 0, 1).astype(np.float32))

    def together(self, first: Floats | float, second: Floats | float) -> Floats:
        """One probability from those of two looks, as the file says."""
        evidence = (logit(first) + logit(second)) / 2
        return np.asarray(1 / (1 + np.exp(-(self._slope * evidence + self._offset))))

    def check(self) -> None:
        """Look at nothing, once: what is loaded also answers."""
        self._session.run(ANSWERS, {"pixels": np.zeros((1, SIDE, SIDE, 3), np.uint8)})


def letterbox(image: Image.Image) -> tuple[npt.NDArray[np.uint8], tuple[int, int, int, int]]:
    """The picture in the middle of a square, and where it lies: left, top, width, height."""
    scale = SIDE / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    square = Image.new("RGB", (SIDE, SIDE), PADDING)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.0)
    square.paste(small, (left, top))
    return np.asarray(square), (left, top, width, height)


def around(size: tuple[int, int], corners: Floats) -> tuple[int, int, int, int]:
    """The part of a picture around a place, in pixels: what is small in the whole is larger in it.
    Left, top, right, bottom."""
    left, top, right, bottom = (float(v) for v in corners * np.array([*size] * 2))
    longer = max(size)
    room = ROOM * max(right - left, bottom - top)
    side = min(max(room, CLOSEST * longer), WIDEST * longer)
    width, height = (max(1, round(min(side, limit))) for limit in size)
    x = round(min(max((left + right - width) / 2, 0), size[0] - width))
    y = round(min(max((top + bottom - height) / 2, 0), size[1] - height))
    return x, y, x + width, y + height


def logit(probability: Floats | float) -> Floats:
    probability = np.clip(probability, LEAST_PROBABLE, 1 - LEAST_PROBABLE)
    return np.asarray(np.log(probability / (1 - probability)))


def _boxes(toy: float, view: View) -> list[Box]:
    """Every duck it is sure of, the surest first, as fractions of the picture."""
    if toy < LEAST_FOR_A_BOX:
        return []
    # No place is surer than the picture as a whole, and the surest is what it was judged by.
    percents = np.minimum(view.places * 100, toy)
    percents.flat[view.places.argmax()] = toy
    sure = percents >= LEAST_FOR_A_BOX
    kept: list[Box] = []
    for corner, percent in sorted(
        zip(view.corners[sure], percents[sure], strict=True), key=lambda found: -found[1]
    ):
        x0, y0, x1, y1 = (float(side) for side in corner)
        box = Box(x0, y0, x1 - x0, y1 - y0, "", float(percent))
        if x1 > x0 and y1 > y0 and all(box.overlap(other) <= SAME_DUCK for other in kept):
            kept.append(box)
    return kept[:MOST_BOXES]


def _named(name: str, boxes: list[Box]) -> tuple[Box, ...]:
    return tuple(replace(box, label=name) for box in boxes)
