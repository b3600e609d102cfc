"""Precision, recall, F1, AUC and box overlap over labelled pictures, with intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Annotated

from pydantic import AllowInfNan, Strict

from rubberduck.core.models import Box, Label
from rubberduck.core.rules import Question, judge
from rubberduck.scoring.intervals import (
    Interval,
    auc_with_interval,
    f1_interval,
    median_interval,
    share_interval,
)

Pixels = Annotated[float, Strict(), AllowInfNan(False)]
Corners = tuple[Pixels, Pixels, Pixels, Pixels]  # left, top, right, bottom
DUCK, NO_DUCK = "duck", "no-duck"  # the folders of the truth
GOOD_BOX = 0.5  # intersection over union, as detection benchmarks count a hit


@dataclass(frozen=True)
class Outcome:
    """One picture: the truth, the answer, and the best box's overlap, if the boxes are known.

    `score` is percent (see `deciding_score`) and is not cut off at the threshold.
    `kind` is the picture's folder, such as "duck/costume".
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
        """Return the distance from the truth, in percent."""
        return 100 - self.score if self.truth else self.score


@dataclass(frozen=True)
class Figures:
    """Figures of a set of pictures; None if undefined. `intervals` are of 95 %, by figure."""

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
    intervals: Mapping[str, Interval] = field(default_factory=dict)


def deciding_score(question: Question, labels: Iterable[Label]) -> float:
    """Return the highest threshold, in percent, at which the answer is a yes.

    Every group of the question needs a label, so the group with the lowest confidence decides. The
    displayed score is the mean of the groups, which would rank a live duck above a missed one.
    """
    labels = tuple(labels)
    excluding = tuple(group for group in question.groups if group.none_of)
    if set(judge(question, labels).unmatched_groups) & {group.name for group in excluding}:
        return 0.0
    needed = tuple(group for group in question.groups if not group.none_of)
    verdict = judge(replace(question, groups=needed, min_confidence=0.0), labels)
    if not verdict.found:
        return 0.0
    return min(label.confidence for label in verdict.matched_labels)


def as_fractions(known: Iterable[Corners], size: tuple[int, int]) -> list[Box]:
    width, height = size
    return [
        Box(left / width, top / height, (right - left) / width, (bottom - top) / height, "", 100)
        for left, top, right, bottom in known
    ]


def measure(outcomes: Sequence[Outcome]) -> Figures:
    """Return the figures of these pictures, with their intervals."""
    positives = [outcome for outcome in outcomes if outcome.truth]
    negatives = [outcome for outcome in outcomes if not outcome.truth]
    hits = sum(outcome.found for outcome in positives)
    alarms = sum(outcome.found for outcome in negatives)
    boxed = [outcome.overlap for outcome in outcomes if outcome.overlap is not None]
    good = sum(overlap >= GOOD_BOX for overlap in boxed)
    times = [outcome.milliseconds for outcome in outcomes]
    area = auc_with_interval(
        [outcome.score for outcome in positives], [outcome.score for outcome in negatives]
    )
    misses, rejections = len(positives) - hits, len(negatives) - alarms
    intervals = {
        "precision": share_interval(hits, hits + alarms),
        "recall": share_interval(hits, len(positives)),
        "f1": f1_interval(hits, alarms, misses, rejections),
        "false_alarm_rate": share_interval(alarms, len(negatives)),
        "good_box_share": share_interval(good, len(boxed)),
        "auc": area and area[1],
        "milliseconds": median_interval(times),
    }
    return Figures(
        pictures=len(outcomes),
        ducks=len(positives),
        found=hits + alarms,
        precision=_share(hits, hits + alarms),
        recall=_share(hits, len(positives)),
        f1=_share(2 * hits, hits + alarms + len(positives)),
        false_alarm_rate=_share(alarms, len(negatives)),
        boxed_pictures=len(boxed),
        good_box_share=_share(good, len(boxed)),
        auc=area and area[0],
        milliseconds=median(times) if times else None,
        intervals={name: ends for name, ends in intervals.items() if ends},
    )


def by_kind(outcomes: Iterable[Outcome]) -> dict[str, Figures]:
    kinds: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.kind, []).append(outcome)
    return {kind: measure(kinds[kind]) for kind in sorted(kinds)}


def best_overlap(answers: Iterable[Box], truths: Iterable[Box]) -> float:
    """Return the best intersection over union of any answer with any truth; 0 without answers."""
    truths = tuple(truths)
    return max((one.overlap(other) for one in answers for other in truths), default=0.0)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
