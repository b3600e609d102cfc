"""The embedded detector: a small neural network for rubber ducks, run by onnxruntime.

The model file beside this module contains weights and calibration; `training/` produces it.
"""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.core.models import Box, Label
from rubberduck.detectors.boxes import boxes_of
from rubberduck.detectors.model_file import (
    DETECTOR_NAME,
    MODEL,
    SUPPORTED_LABELS,
    broken,
    read_model,
)
from rubberduck.detectors.onnx_session import ENGINE_ERRORS, open_session
from rubberduck.detectors.passes import (
    CORRECTED,
    LARGE,
    SIDE,
    SMALL,
    STEP,
    ZOOMED_OUT,
    View,
    from_window,
    letterbox,
    logit,
    window_around,
)
from rubberduck.imaging.decode import Picture

MIN_PERCENT = 1.0  # labels below are left out
# Between these probabilities of the first pass, a second pass is more accurate; training/README.md
# has the figures.
UNSURE = (0.005, 0.8)
MAX_LOGIT_DROP = 2.5  # by the second pass: a confident first pass prevails
# The site's rule counts labels from 35 % and shows boxes above 50 %. So that verdict and boxes
# agree, no confidence lies in between: a yes has 50 % or more, and a no is scaled to below 35 %.
DECISION, HIGHEST_NO = 0.5, 34.0
OUTPUTS = ["duck", "places", "boxes", "waterfowl"]  # of the model


class OnnxDetector:
    """Labels rubber ducks as Duck, Bird and Toy, and live waterfowl as Duck and Bird."""

    name = DETECTOR_NAME
    supported_labels = SUPPORTED_LABELS
    cost_per_call_usd = 0.0

    def __init__(self, model: Path = MODEL) -> None:
        try:
            data = read_model(model)
            self.version = hashlib.sha256(data).hexdigest()
            self._session = open_session(data)
        except ENGINE_ERRORS as error:
            raise broken(model, "is damaged", error) from None
        if [output.name for output in self._session.get_outputs()] != OUTPUTS:
            raise broken(model, "is not a duck detector", None)
        # Files from before training/model/free_sides.py take squares only.
        is_free = isinstance(self._session.get_inputs()[0].shape[1], str)
        self._step = STEP if is_free else SIDE
        metadata = self._session.get_modelmeta().custom_metadata_map
        line = json.loads(metadata.get("evidence", '{"slope": 1, "offset": 0}'))
        self._slope, self._offset = float(line["slope"]), float(line["offset"])

    def labels(self, picture: Picture) -> list[Label]:
        """Return Duck, Bird and Toy in percent, with boxes where it is a rubber duck."""
        evidence, view = self.evidence(picture.image)
        toy, bird = self.percent(evidence), view.waterfowl * 100
        found = boxes_of(view, toy) if toy >= DECISION * 100 else []
        labels = (
            Label("Duck", max(toy, bird), _named("Duck", found), ("Animal", "Bird")),
            Label("Bird", max(toy, bird), _named("Bird", found), ("Animal",)),
            Label("Toy", toy, _named("Toy", found)),
        )
        return [label for label in labels if label.confidence >= MIN_PERCENT]

    def evidence(self, image: Image.Image) -> tuple[float, View]:
        """Return the logit of a rubber duck after one or two passes, and where it is."""
        first = self.run_pass(image)
        side = first.longest_side(image.size)
        is_unsure = UNSURE[0] <= first.duck <= UNSURE[1]
        is_small = first.duck > UNSURE[1] and side < SMALL  # its box is too inaccurate
        if not is_unsure and not is_small:
            return logit(first.duck), first
        second, view = self._second_pass(image, first)
        mean = (logit(first.duck) + logit(second.duck)) / 2
        return max(mean, logit(first.duck) - MAX_LOGIT_DROP), view

    def _second_pass(self, image: Image.Image, first: View) -> tuple[View, View]:
        """Run a second pass, zoomed in or out. Return it, and the first one with the better box."""
        side = first.longest_side(image.size)
        if side > LARGE:
            return self.run_pass(image, ZOOMED_OUT), first
        window = window_around(image.size, first.likeliest)
        second = self.run_pass(image.crop(window))
        if side >= CORRECTED:
            return second, first
        return second, first.with_likeliest(from_window(second.likeliest, window, image.size))

    def percent(self, evidence: float) -> float:
        """Return calibrated percent: 50 and more for a yes, below 35 for a no."""
        probability = 1 / (1 + math.exp(-(self._slope * evidence + self._offset)))
        if probability >= DECISION:
            return 100 * probability
        return HIGHEST_NO * probability / DECISION

    def run_pass(self, image: Image.Image, share: float = 1.0) -> View:
        """Run the network on an image whose longer side has `share` of SIDE pixels."""
        # Zoomed out, a picture keeps all of its square: with less grey around it logits differ by
        # 0.5 to 0.7 (standard deviation), of whole pictures by 0.2 to 0.4.
        step = self._step if share == 1 else SIDE
        pixels, (left, top, width, height) = letterbox(image, share, step)
        duck, places, corners, waterfowl = self._session.run(OUTPUTS, {"pixels": pixels[None]})
        inside = (corners - np.array([left, top, left, top])) / np.array([width, height] * 2)
        return View(float(duck), float(waterfowl), places, np.clip(inside, 0, 1).astype(np.float32))

    def check(self) -> None:
        """Run the network once, on an empty picture."""
        self._session.run(OUTPUTS, {"pixels": np.zeros((1, SIDE, SIDE, 3), np.uint8)})


def _named(name: str, boxes: list[Box]) -> tuple[Box, ...]:
    return tuple(replace(box, label=name) for box in boxes)
