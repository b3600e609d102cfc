"""Calibrated scores, and each label's threshold, from pictures that were not trained on."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rubberduck.custom_models.decoding import Found, overlaps, sigmoid
from rubberduck.custom_models.training.views import Ints
from rubberduck.custom_models.trunk import Floats

STEPS = 60  # of Newton's method; it ends long before
# Pull the numbers to what a good head's raw score would need, as if so many answers said so.
PRIOR_WEIGHT = np.array([2.0, 0.05])
LEAST_SLOPE = 0.05  # a surer answer never lowers the score
RIGHT = 0.5  # IoU of a box with the truth
NEGATIVES_EACH = (
    6.0  # pictures without a label, for each one with it, that a threshold reckons with
)
NEARLY_BEST = 0.005  # F1: the threshold is the middle of all that are so near the best
LOGITS = np.linspace(-3.5, 3.5, 141)  # of the thresholds tried: 0.03 to 0.97
HIGHEST = 0.97


class Calibration(NamedTuple):
    """Of one label: score = sigmoid(slope * logit + offset)."""

    slope: float
    offset: float

    def scores(self, logits: Floats) -> Floats:
        """Return scores 0 to 1 from the logits of boxes, or of whole pictures."""
        return sigmoid(np.asarray(self.slope * logits + self.offset, np.float32))


def fit_calibration(logits: Floats, truth: Floats, usual_slope: float = 1.0) -> Calibration:
    """Fit a logistic regression of whether answers are right (1 or 0) on their logits."""
    x = np.stack([logits, np.ones_like(logits)], 1).astype(np.float64)
    # Platt's targets: never quite 0 or 1, so that separable data has an end.
    positives, negatives = truth.sum(), (1 - truth).sum()
    y = np.where(truth > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    prior = np.array([usual_slope, 0.0])
    w = prior.copy()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (p - y) + PRIOR_WEIGHT * (w - prior)
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.diag(PRIOR_WEIGHT)
        w = w - np.clip(np.linalg.solve(curve, slope), -1, 1)
    return Calibration(max(float(w[0]), LEAST_SLOPE), float(w[1]))


def right_boxes(found: Found, corners: Floats, labels: Ints) -> npt.NDArray[np.bool_]:
    """Return which boxes are right, given the true ones of their picture.

    As in evaluations, the surest box of a label chooses first among the true ones.
    """
    right = np.zeros(len(found.labels), bool)
    for label in np.unique(labels[labels >= 0]):
        own = np.flatnonzero(found.labels == label)
        own = own[np.argsort(-found.scores[own], kind="stable")]
        overlap = overlaps(found.corners[own], corners[labels == label])
        for row, number in enumerate(own):
            best = int(overlap[row].argmax())
            if overlap[row, best] >= RIGHT:
                right[number] = True
                overlap[:, best] = 0
    return right


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
