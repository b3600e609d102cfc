"""Figures for a trained net: found, false alarms, boxes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from training.dataset.scenes import SIDE
from training.model.net import Net, corners, peaks
from training.model.targets import overlap
from training.model.train import predict

COLD = -6.0  # peaks below are nothing, and there are too many of them
ON_A_DUCK = 0.4
SIZES = (0.0, 0.06, 0.12, 0.25, 0.5, 1.0)


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
    """The heat of every peak, and whether its box lies on a duck."""
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
    """The share of pairs, one with and one without a duck, that are the right way round."""
    without = np.sort(marks.logits[~marks.has_duck])
    return float(np.searchsorted(without, marks.logits[marks.has_duck]).mean() / len(without))


def figures(marks: Predictions, threshold: float) -> dict[str, float]:
    positive = marks.logits >= threshold
    true = float((positive & marks.has_duck).sum())
    precision = true / max(1.0, float(positive.sum()))
    recall = true / float(marks.has_duck.sum())
    return {
        "precision": precision,
        "recall": recall,
        "F1": 2 * precision * recall / max(1e-9, precision + recall),
        "false alarms": float((positive & ~marks.has_duck).sum() / (~marks.has_duck).sum()),
        "recall at 2 % false alarms": recall_at(marks, 0.02),
        "AUC": area_under_curve(marks),
        "box IoU >= 0.5": float((marks.best[marks.has_duck] >= 0.5).mean()),
    }


def by_size(marks: Predictions, boxes: list[np.ndarray], threshold: float) -> Iterator[str]:
    """Recall and boxes by the largest duck's longer side, as a share of the frame."""
    sides = [float((b[:, 2:] - b[:, :2]).max()) / SIDE if len(b) else 0.0 for b in boxes]
    for low, high in pairwise(SIZES):
        here = (np.array(sides) > low) & (np.array(sides) <= high)
        found = (marks.logits[here] >= threshold).mean()
        good = (marks.best[here] >= 0.5).mean()
        yield f"{low:4.0%} to {high:4.0%}: {found:.2f} found, {good:.2f} well boxed, {here.sum()}"


def by_kind(marks: Predictions, kinds: list[str], threshold: float) -> Iterator[str]:
    """How often each kind of scene without a duck is called one."""
    for kind in sorted(set(kinds)):
        here = (np.array(kinds) == kind) & ~marks.has_duck
        if not here.any():
            continue
        positive = (marks.logits[here] >= threshold).mean()
        yield f"{kind}: {positive:.3f} false alarms, of {here.sum()}"
