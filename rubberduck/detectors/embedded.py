"""The embedded detector: a small net that looks for rubber ducks without asking anybody.

The file beside it holds all that was learnt, calibration included; `training/` made it.
"""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as engine
from PIL import Image

from rubberduck.core.models import Box, Label
from rubberduck.detectors.boxes import boxes_of
from rubberduck.detectors.looks import (
    CORRECTED,
    LARGE,
    SIDE,
    SMALL,
    ZOOMED_OUT,
    View,
    from_window,
    letterbox,
    logit,
    window_around,
)
from rubberduck.detectors.model_file import MODEL, NAME, WORDS, broken, read_model
from rubberduck.imaging.decode import Picture

MIN_PERCENT = 1.0  # labels below are not answered
# Between these probabilities of the first look a second one makes answers better; figures are in
# training/README.md.
UNSURE = (0.005, 0.8)
MAX_TAKEN_BACK = 2.5  # of the first look's logit by the second's: a sure first one stands
# The site's rule counts a label from 35 % and shows its boxes above 50 %. So that verdict and boxes
# agree, nothing is answered between: the decision is at 50 %, and a no is scaled to below 35 %.
DECISION, HIGHEST_NO = 0.5, 34.0
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
        facts = self._session.get_modelmeta().custom_metadata_map
        line = json.loads(facts.get("evidence", '{"slope": 1, "offset": 0}'))
        self._slope, self._offset = float(line["slope"]), float(line["offset"])

    def labels(self, picture: Picture) -> list[Label]:
        """Return Duck, Bird and Toy in percent, with boxes where it is a rubber duck."""
        evidence, view = self.evidence(picture.image)
        toy, bird = self.percent(evidence), view.waterfowl * 100
        found = boxes_of(view, toy) if toy >= DECISION * 100 else []
        answers = (
            Label("Duck", max(toy, bird), _named("Duck", found), ("Animal", "Bird")),
            Label("Bird", max(toy, bird), _named("Bird", found), ("Animal",)),
            Label("Toy", toy, _named("Toy", found)),
        )
        return [label for label in answers if label.confidence >= MIN_PERCENT]

    def evidence(self, image: Image.Image) -> tuple[float, View]:
        """Return the logit of a rubber duck after one or two looks, and where it is."""
        first = self.look(image)
        side = first.longest_side(image.size)
        is_unsure = UNSURE[0] <= first.duck <= UNSURE[1]
        is_small = first.duck > UNSURE[1] and side < SMALL  # its box is not good enough
        if not is_unsure and not is_small:
            return logit(first.duck), first
        second, view = self._look_again(image, first)
        mean = (logit(first.duck) + logit(second.duck)) / 2
        return max(mean, logit(first.duck) - MAX_TAKEN_BACK), view

    def _look_again(self, image: Image.Image, first: View) -> tuple[View, View]:
        """Return a look from afar or from near, and the first one, its box perhaps corrected."""
        side = first.longest_side(image.size)
        if side > LARGE:
            return self.look(image, ZOOMED_OUT), first
        window = window_around(image.size, first.likeliest)
        second = self.look(image.crop(window))
        if side >= CORRECTED:
            return second, first
        return second, first.with_likeliest(from_window(second.likeliest, window, image.size))

    def percent(self, evidence: float) -> float:
        """Return calibrated percent: 50 and more for a yes, below 35 for a no."""
        probability = 1 / (1 + math.exp(-(self._slope * evidence + self._offset)))
        if probability >= DECISION:
            return 100 * probability
        return HIGHEST_NO * probability / DECISION

    def look(self, image: Image.Image, share: float = 1.0) -> View:
        """Look once at a picture or a part of one, letterboxed to `share` of the net's square."""
        square, (left, top, width, height) = letterbox(image, share)
        duck, places, corners, waterfowl = self._session.run(ANSWERS, {"pixels": square[None]})
        inside = (corners - np.array([left, top, left, top])) / np.array([width, height] * 2)
        return View(float(duck), float(waterfowl), places, np.clip(inside, 0, 1).astype(np.float32))

    def check(self) -> None:
        """Look at nothing, once: what is loaded also answers."""
        self._session.run(ANSWERS, {"pixels": np.zeros((1, SIDE, SIDE, 3), np.uint8)})


def _named(name: str, boxes: list[Box]) -> tuple[Box, ...]:
    return tuple(replace(box, label=name) for box in boxes)
