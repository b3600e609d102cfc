"""How good are the answers? Figures over pictures whose truth is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Annotated

import numpy as np
from pydantic import AllowInfNan, Strict

from rubberduck.core.models import Box, Label
from rubberduck.core.rules import Question, judge

Pixels = Annotated[float, Strict(), AllowInfNan(False)]
Corners = tuple[Pixels, Pixels, Pixels, Pixels]  # left, top, right, bottom
DUCK, NO_DUCK = "duck", "no-duck"  # the folders of the truth
GOOD_BOX = 0.5  # intersection over union, as detection benchmarks count a hit


@dataclass(frozen=True)
class Outcome:
    """One picture: the truth, our answer, and how well the best box fits, if boxes are known.

    `score` is percent and goes on below the threshold, so that answers can be ranked.
    `kind` is the folder that the picture lies in, such as "duck/costume".
    """

    kind: str
    truth: bool
    found: bool
    score: float
    milliseconds: float
    overlap: float | None = None
    boxes: tuple[Box, ...] = ()  # of the answer

    @property
    def wrong(self) -> bool:
        return self.found != self.truth

    @property
    def wrongness(self) -> float:
        """How far from the truth, in percent."""
        return 100 - self.score if self.truth else self.score


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


def rank(question: Question, labels: Iterable[Label]) -> float:
    """The score without any threshold, so that also the noes have an order."""
    return judge(replace(question, min_confidence=0.0), labels).score or 0.0


def as_fractions(known: Iterable[Corners], size: tuple[int, int]) -> list[Box]:
    width, height = size
    return [
        Box(left / width, top / height, (right - left) / width, (bottom - top) / height, "", 100)
        for left, top, right, bottom in known
    ]


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


def by_kind(outcomes: Iterable[Outcome]) -> dict[str, Figures]:
    kinds: dict[str, list[Outcome]] = {}
    for each in outcomes:
        kinds.setdefault(each.kind, []).append(each)
    return {kind: measure(kinds[kind]) for kind in sorted(kinds)}


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
    return max((one.overlap(other) for one in answers for other in truths), default=0.0)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
