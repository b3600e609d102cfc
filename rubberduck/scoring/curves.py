"""Precision over recall, average precision and calibration, from scored answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BINS = 10  # of the calibration


@dataclass(frozen=True)
class Scored:
    """The answers of one label in all pictures, and how many targets it has.

    Arrays of the same length: scores 0 to 1, whether the answer is right, its picture's group.
    `targets` counts those of each group.
    """

    scores: Floats
    right: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.intp]
    targets: Floats

    @classmethod
    def of(
        cls, answers: Sequence[tuple[float, bool, int]], targets: Sequence[int], groups: int
    ) -> "Scored":
        """Collect (score, right, group); `targets` has one group for each target."""
        rows = sorted(answers, key=lambda row: -row[0])
        return cls(
            np.array([row[0] for row in rows], dtype=np.float64),
            np.array([row[1] for row in rows], dtype=np.bool_),
            np.array([row[2] for row in rows], dtype=np.intp),
            np.bincount(np.asarray(targets, dtype=np.intp), minlength=groups).astype(np.float64),
        )

    def counts(self, threshold: float) -> tuple[Floats, Floats, Floats]:
        """Return right, false and missed of each group, of answers from the threshold on."""
        said, size = self.scores >= threshold, len(self.targets)
        right = np.bincount(self.groups[said & self.right], minlength=size).astype(np.float64)
        false = np.bincount(self.groups[said & ~self.right], minlength=size).astype(np.float64)
        return right, false, self.targets - right


@dataclass(frozen=True)
class CurvePoint:
    """With answers from `score` on (0 to 1), precision and recall are these."""

    score: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Bin:
    """The answers with scores of one tenth: mean score, share that is right, number."""

    score: float
    right: float
    answers: int


def curve(scored: Scored) -> list[CurvePoint]:
    """Return a point for each distinct score, highest first; empty without targets."""
    total = scored.targets.sum()
    if not total or not len(scored.scores):
        return []
    last = np.append(scored.scores[1:] != scored.scores[:-1], True)
    right = np.cumsum(scored.right)[last]
    said = np.arange(1, len(scored.scores) + 1)[last]
    columns = (scored.scores[last], right / said, right / total)
    return [CurvePoint(*map(float, row)) for row in zip(*columns, strict=True)]


def average_precision(scored: Scored, weights: Floats | None = None) -> Floats:
    """Return the area under precision over recall, of answers from any score on.

    Precision at a recall is the best that any recall from there on has (the rule of VOC since
    2010); equal scores are one step. `weights` has a row for each resample and a column for each
    group, and the result one value for each row; NaN without targets.
    """
    weights = np.ones((1, len(scored.targets))) if weights is None else weights
    total = weights @ scored.targets
    result = np.full(len(weights), np.nan)
    has = total > 0
    result[has] = 0.0
    if not len(scored.scores) or not has.any():
        return result
    last = np.append(scored.scores[1:] != scored.scores[:-1], True)
    mine = weights[has][:, scored.groups]
    right = np.cumsum(mine * scored.right, axis=1)[:, last]
    said = np.cumsum(mine, axis=1)[:, last]
    precision = np.divide(right, said, out=np.zeros_like(right), where=said > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    steps = np.diff(right, axis=1, prepend=0.0)
    result[has] = (steps * envelope).sum(axis=1) / total[has]
    return result


def calibration(scores: Sequence[float], right: Sequence[bool]) -> list[Bin]:
    """Return the tenths of the scores that have answers."""
    said, truth = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    bins = []
    for low, high in pairwise(np.linspace(0, 1, BINS + 1)):
        here = (said >= low) & ((said < high) | (high == 1))
        if here.any():
            bins.append(Bin(float(said[here].mean()), float(truth[here].mean()), int(here.sum())))
    return bins
