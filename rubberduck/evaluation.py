"""How good are the answers? Figures over pictures whose truth is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from rubberduck.model import Box

GOOD_BOX = 0.5  # intersection over union, as detection benchmarks count a hit


@dataclass(frozen=True)
class Outcome:
    """One picture: the truth, our answer, and how well the best box fits, if boxes are known.

    `score` is percent and goes on below the threshold, so that answers can be ranked.
    """

    truth: bool
    found: bool
    score: float
    milliseconds: float
    overlap: float | None = None


@dataclass(frozen=True)
class Figures:
    """None where there was nothing to count."""

    pictures: int
    ducks: int
    found: int
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarm_rate: float | None
    boxed_pictures: int
    good_box_share: float | None
    auc: float | None
    milliseconds: float | None


def measure(outcomes: Sequence[Outcome]) -> Figures:
    truths = [each for each in outcomes if each.truth]
    others = [each for each in outcomes if not each.truth]
    hits = sum(each.found for each in truths)
    alarms = sum(each.found for each in others)
    boxed = [each.overlap for each in outcomes if each.overlap is not None]
    times = [each.milliseconds for each in outcomes]
    return Figures(
        pictures=len(outcomes),
        ducks=len(truths),
        found=hits + alarms,
        precision=_share(hits, hits + alarms),
        recall=_share(hits, len(truths)),
        f1=_share(2 * hits, hits + alarms + len(truths)),
        false_alarm_rate=_share(alarms, len(others)),
        boxed_pictures=len(boxed),
        good_box_share=fmean(overlap >= GOOD_BOX for overlap in boxed) if boxed else None,
        auc=auc([each.score for each in truths], [each.score for each in others]),
        milliseconds=median(times) if times else None,
    )


def auc(truths: Sequence[float], others: Sequence[float]) -> float | None:
    """How often a true one scores higher than another one; equal scores count half.

    >>> auc([3, 2], [2, 1])
    0.875
    """
    if not truths or not others:
        return None
    difference = np.subtract.outer(truths, others)
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def best_overlap(answers: Iterable[Box], truths: Iterable[Box]) -> float:
    """The best intersection over union between any answer and any truth; 0 without answers."""
    truths = tuple(truths)
    return max((overlap(one, other) for one in answers for other in truths), default=0.0)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union.

    >>> overlap(Box(0, 0, 1, 1, "", 0), Box(0.5, 0, 1, 1, "", 0))
    0.3333333333333333
    """
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(width, 0.0) * max(height, 0.0)
    whole = one.width * one.height + other.width * other.height - shared
    return shared / whole if whole else 0.0


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
