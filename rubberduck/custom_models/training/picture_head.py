"""The head for whole pictures: a logistic regression on the trunk's pooled features."""

from typing import NamedTuple

import numpy as np

from rubberduck.custom_models.decoding import sigmoid
from rubberduck.custom_models.training.network import Adam
from rubberduck.custom_models.trunk import POOLED, Floats

STEPS, RATE, DECAY = 150, 0.05, 0.02
SCALE = np.float32(30.0)  # features have length 1, so their numbers are tiny


class PictureHead(NamedTuple):
    weights: Floats  # (POOLED, labels), for features of length 1
    bias: Floats  # (labels,)

    def logits(self, pooled: Floats) -> Floats:
        return np.asarray(pooled @ self.weights + self.bias, np.float32)


def fit_pictures(pooled: Floats, shown: Floats) -> PictureHead:
    """Train on features (n, POOLED) and what they show (n, labels), 0 or 1.

    Of each label, the pictures with it and those without weigh the same.
    """
    count = shown.sum(0)
    weight = shown * (0.5 / np.maximum(count, 1)) + (1 - shown) * (
        0.5 / np.maximum(len(shown) - count, 1)
    )
    mean = pooled.mean(0)
    x = (pooled - mean) * SCALE
    parameters = {
        "w": np.zeros((POOLED, shown.shape[1]), np.float32),
        "b": np.zeros(shown.shape[1], np.float32),
    }
    adam = Adam(parameters, RATE, DECAY, STEPS)
    for _ in range(STEPS):
        slope = np.asarray((sigmoid(x @ parameters["w"] + parameters["b"]) - shown) * weight)
        adam.apply({"w": x.T @ slope, "b": slope.sum(0)})
    weights = parameters["w"] * SCALE
    return PictureHead(weights, parameters["b"] - mean @ weights)
