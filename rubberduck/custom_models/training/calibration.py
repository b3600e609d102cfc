"""Calibrated scores, and each label's threshold, from pictures that were not trained on."""

from typing import NamedTuple

import numpy as np

from rubberduck.custom_models.training.network import sigmoid
from rubberduck.custom_models.trunk import Floats

STEPS = 60  # of Newton's method; it ends long before
# Pulls the numbers to what a good head's raw score would need, as if so many pictures said so.
PRIOR = np.array([1.0, 0.25, 0.0])
PRIOR_WEIGHT = np.array([2.0, 4.0, 0.05])
NEGATIVES_EACH = (
    6.0  # pictures without a label, for each one with it, that a threshold reckons with
)
NEARLY_BEST = 0.005  # F1: the threshold is the middle of all that are so near the best
LOGITS = np.linspace(-3.5, 3.5, 141)  # of the thresholds tried: 0.03 to 0.97
HIGHEST = 0.97


class Calibration(NamedTuple):
    """Of one label: score = sigmoid(by_box * box + by_picture * picture + offset), of logits."""

    by_box: float
    by_picture: float
    offset: float

    def scores(self, boxes: Floats, picture: Floats | float) -> Floats:
        """Return scores 0 to 1 from the logits of boxes and of their picture."""
        return sigmoid(
            np.asarray(self.by_box * boxes + self.by_picture * picture + self.offset, np.float32)
        )


def fit_calibration(boxes: Floats, pictures: Floats, truth: Floats) -> Calibration:
    """Fit by logistic regression: the best box's logit, the picture's, and whether it is there."""
    x = np.stack([boxes, pictures, np.ones_like(boxes)], 1).astype(np.float64)
    # Platt's targets: never quite 0 or 1, so that separable data has an end.
    positives, negatives = truth.sum(), (1 - truth).sum()
    y = np.where(truth > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    w = PRIOR.copy()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (p - y) + PRIOR_WEIGHT * (w - PRIOR)
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.diag(PRIOR_WEIGHT)
        w = w - np.clip(np.linalg.solve(curve, slope), -1, 1)
    # A surer box or picture never lowers the score.
    return Calibration(max(float(w[0]), 0.05), max(float(w[1]), 0.0), float(w[2]))


def best_threshold(scores: Floats, truth: Floats) -> float:
    """Return the threshold of the best F1, if pictures without the label are the common case."""
    positives, negatives = scores[truth > 0], scores[truth == 0]
    if not len(positives):
        return HIGHEST
    grid = 1 / (1 + np.exp(-LOGITS))
    hits = (positives[None] >= grid[:, None]).sum(1)
    scale = NEGATIVES_EACH * len(positives) / max(len(negatives), 1)
    alarms = scale * (negatives[None] >= grid[:, None]).sum(1) if len(negatives) else 0
    f1 = 2 * hits / (hits + alarms + len(positives))
    low = high = int(f1.argmax())
    while low > 0 and f1[low - 1] >= f1.max() - NEARLY_BEST:
        low -= 1
    while high + 1 < len(grid) and f1[high + 1] >= f1.max() - NEARLY_BEST:
        high += 1
    logit = (LOGITS[low] + LOGITS[high]) / 2
    return float(1 / (1 + np.exp(-logit)))
