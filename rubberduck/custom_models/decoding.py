"""Read boxes out of the dense head's answer, for predicting and for choosing thresholds alike."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rubberduck.custom_models.trunk import CELLS, Floats
from rubberduck.detectors.passes import SIDE

STRIDE = SIDE // CELLS
# Pixels added to a distance before its logarithm is taken: the middle of a tiny box may lie half a
# cell from the middle of its cell, so that one side is passed.
SHIFT = STRIDE / 2 + 1.0
FLOOR = 0.01  # scores below are left out
MAX_CANDIDATES = 200  # of a label, before overlapping ones are merged
MAX_FOUND = 50  # of a label
SAME = 0.4  # IoU from which the weaker of two boxes of a label is dropped
AVERAGED = 0.6  # IoU from which boxes count for the mean
MIDDLES = (np.arange(CELLS, dtype=np.float32) + 0.5) * STRIDE


class Answer(NamedTuple):
    """The dense head's answer about one view."""

    logits: Floats  # (labels, cells)
    sides: Floats  # (4, cells): logarithms of SHIFT plus the pixels to the sides
    quality: Floats  # (cells,): logit of the overlap expected


class Found(NamedTuple):
    """Boxes of one view."""

    labels: npt.NDArray[np.int64]  # (n,)
    scores: Floats  # (n,), 0 to 1, not calibrated
    corners: Floats  # (n, 4) in pixels of the view


def boxes_of(answer: Answer, area: Floats) -> Found:
    """Return the boxes of an answer, the best of a label first; `area` is the picture's corners."""
    all_scores = sigmoid(answer.logits) * np.sqrt(sigmoid(answer.quality))
    # Most cells, and of most pictures all, have no score above the floor.
    cells = np.flatnonzero((all_scores >= FLOOR).any(0))
    if not len(cells):
        return Found(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 4), np.float32))
    corners = _corners(cells, answer.sides[:, cells], area)
    is_real = ((corners[:, 2:] - corners[:, :2]) >= 1).all(1)
    found = []
    for label, scores in enumerate(all_scores[:, cells] * is_real):
        order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
        order = order[scores[order] >= FLOOR]
        kept, means = merged(corners[order], scores[order])
        found.append((np.full(len(kept), label), scores[order][kept], means))
    labels, scores_of, corners_of = zip(*found, strict=True)
    return Found(np.concatenate(labels), np.concatenate(scores_of), np.concatenate(corners_of))


def _corners(cells: npt.NDArray[np.int64], sides: Floats, area: Floats) -> Floats:
    """Return the corners (n, 4) of the boxes of cells, cut at the edges of the picture."""
    x, y = MIDDLES[cells % CELLS], MIDDLES[cells // CELLS]
    reach = np.exp(np.minimum(sides, np.log(2 * SIDE))) - np.float32(SHIFT)
    corners = np.stack([x - reach[0], y - reach[1], x + reach[2], y + reach[3]], 1)
    inside = np.clip(corners, np.tile(area[:2], 2), np.tile(area[2:], 2))
    return np.asarray(inside, np.float32)


def merged(corners: Floats, scores: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Drop boxes that overlap a better one; `scores` descend.

    Return the indices kept, and for each the mean of the boxes that overlap it much, by score.
    """
    overlap = overlaps(corners, corners)
    waiting = np.ones(len(corners), bool)
    kept, means = [], []
    for i in range(len(corners)):
        if not waiting[i]:
            continue
        alike = overlap[i] >= AVERAGED
        weights = scores[alike, None]
        means.append((corners[alike] * weights).sum(0) / weights.sum())
        waiting &= overlap[i] < SAME
        kept.append(i)
        if len(kept) == MAX_FOUND:
            break
    return np.array(kept, np.int64), np.array(means, np.float32).reshape(-1, 4)


def overlaps(some: Floats, others: Floats) -> Floats:
    """Return the IoU of each of some corners (n, 4) with each of others (m, 4)."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    both = np.maximum(high - low, 0).prod(2)
    whole = (some[:, 2:] - some[:, :2]).prod(1)[:, None]
    other = (others[:, 2:] - others[:, :2]).prod(1)[None]
    return np.asarray(both / np.maximum(whole + other - both, 1e-9), np.float32)


def logit(scores: Floats) -> Floats:
    """Return the logits of scores that are above 0."""
    return np.asarray(np.log(scores / (1 - scores + 1e-6)), np.float32)


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)
