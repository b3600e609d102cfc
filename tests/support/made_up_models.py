"""Models whose heads are made up, not trained: they answer at once, and mean nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rubberduck.custom_models.training import TrainedModel, TrainingPicture
from rubberduck.custom_models.training.calibration import Calibration
from rubberduck.custom_models.training.dense_head import (
    COMPONENTS,
    EXTRA_OUTPUTS,
    HIDDEN,
    Projection,
)
from rubberduck.custom_models.training.export import Heads, to_onnx
from rubberduck.custom_models.training.network import Perceptron
from rubberduck.custom_models.training.picture_head import PictureHead
from rubberduck.custom_models.trunk import CHANNELS, POOLED
from rubberduck.detectors.model_file import shipped_trunk_sha256

SIDES = 4.0  # of boxes: logarithms of pixels


def made_up_training(
    pictures: Sequence[TrainingPicture], labels: Sequence[str], kind: str, seed: int, progress: Any
) -> TrainedModel:
    """Take the place of custom_models.training.train."""
    for picture in pictures:
        assert picture.load().mode == "RGB"
    return made_up_model(labels, shipped_trunk_sha256(), seed, kind)


def made_up_model(
    labels: Sequence[str], trunk_sha256: str, seed: int = 0, kind: str = "pictures"
) -> TrainedModel:
    names, rng = tuple(labels), np.random.default_rng(seed)
    projection = dense = head = None
    if kind == "boxes":
        matrix = rng.standard_normal((COMPONENTS, CHANNELS)) / 10
        projection = Projection(np.zeros(CHANNELS, np.float32), matrix.astype(np.float32))
        dense = Perceptron(COMPONENTS * 9, HIDDEN, len(names) + EXTRA_OUTPUTS, rng)
        dense.parameters["b2"][len(names) : len(names) + 4] = SIDES
    else:
        weights = rng.standard_normal((POOLED, len(names))).astype(np.float32)
        head = PictureHead(weights, np.zeros(len(names), np.float32))
    calibrations = [Calibration(1.0, 0.0)] * len(names)
    thresholds = [0.5] * len(names)
    made = Heads(
        names, kind, seed, trunk_sha256, projection, dense, head, calibrations, thresholds, 9
    )
    return TrainedModel(
        to_onnx(made), names, kind, dict(zip(names, thresholds, strict=True)),
        trunk_sha256, seed, 9,
    )  # fmt: skip
