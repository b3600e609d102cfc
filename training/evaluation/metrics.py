"""Metrics of a trained net on precomputed features: recall, AUC, boxes."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.model.net import Net, corners, peaks
from training.model.targets import overlap
from training.model.train import predict

COLD = -6.0  # peaks below are nothing, and there are too many of them
ON_A_DUCK = 0.4


@dataclass(frozen=True)
class Predictions:
    """Verdict logits, whether each picture has a duck, and its best box's overlap (or nan)."""

    logits: np.ndarray
    has_duck: np.ndarray
    best: np.ndarray


@torch.no_grad()
def evaluate(net: Net, fine: Tensor, boxes: list[np.ndarray]) -> Predictions:
    logits: list[float] = []
    best: list[float] = []
    for verdicts, seen in predict(net, fine):
        heat = seen.heat.flatten(1).argmax(1)
        peak_scores = corners(seen.sides).flatten(2)
        for i in range(len(verdicts)):
            truth = torch.from_numpy(boxes[len(logits)])
            found = peak_scores[i, :, heat[i]][None].expand(len(truth), 4)
            logits.append(float(verdicts[i]))
            best.append(float(overlap(found, truth)[0].max()) if len(truth) else np.nan)
    return Predictions(np.array(logits), np.array([len(b) > 0 for b in boxes]), np.array(best))


@torch.no_grad()
def peak_scores(net: Net, fine: Tensor, boxes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the heat of every peak, and whether its box lies on a duck."""
    heats, right, i = [], [], 0
    for _, seen in predict(net, fine):
        heat, found = peaks(seen.heat)[:, 0], corners(seen.sides)
        for place in range(len(heat)):
            truth = torch.from_numpy(boxes[i])
            for row, column in (heat[place] > COLD).nonzero():
                box = found[place, :, row, column][None].expand(len(truth), 4)
                hit = len(truth) > 0 and float(overlap(box, truth)[0].max()) >= ON_A_DUCK
                heats.append(float(heat[place, row, column]))
                right.append(hit)
            i += 1
    return np.array(heats), np.array(right)


def recall_at(marks: Predictions, false_alarms: float) -> float:
    level = np.quantile(marks.logits[~marks.has_duck], 1 - false_alarms)
    return float((marks.logits[marks.has_duck] > level).mean())


def area_under_curve(marks: Predictions) -> float:
    """Return the area under the ROC curve."""
    without = np.sort(marks.logits[~marks.has_duck])
    return float(np.searchsorted(without, marks.logits[marks.has_duck]).mean() / len(without))
