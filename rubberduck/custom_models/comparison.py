"""Compare two versions on the pictures that neither trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rubberduck.custom_models.evaluation import ENOUGH, Evaluation, Tested
from rubberduck.custom_models.measuring import RESAMPLES
from rubberduck.scoring.curves import Floats
from rubberduck.scoring.intervals import Interval, quantile_interval, resamples

Outcome = Literal["better", "worse", "no difference", "too few pictures", "unknown"]


@dataclass(frozen=True)
class Comparison:
    """F1 of two versions (0 to 1) and what may be said: `outcome` is of the second one.

    `how` is "paired" (both were tested on `pictures` pictures with the same truth; `difference` is
    second minus first, with its bootstrap interval) or "intervals" (they share none, or the service
    keeps no single answers: their own intervals are compared, which sees less).
    """

    how: Literal["paired", "intervals"]
    outcome: Outcome
    pictures: int
    first: float | None
    second: float | None
    difference: float | None = None
    interval: Interval | None = None


def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """Return whether the second version is better, worse, or not to be told apart."""
    known = {tested.picture: tested for tested in first.tested}
    pairs = [
        (known[tested.picture], tested)
        for tested in second.tested
        if tested.picture in known and known[tested.picture].revision == tested.revision
    ]
    return _paired(pairs) if pairs else _by_intervals(first, second)


def _paired(pairs: Sequence[tuple[Tested, Tested]]) -> Comparison:
    names = {name: n for n, name in enumerate(dict.fromkeys(new.group for _, new in pairs))}
    groups = [names[new.group] for _, new in pairs]
    sums = [_by_group([pair[side] for pair in pairs], groups, len(names)) for side in (0, 1)]
    first, second = (_f1(np.ones((1, len(names))), counts)[0] for counts in sums)
    drawn = resamples(len(names), RESAMPLES, seed=0)
    interval = quantile_interval(_f1(drawn, sums[1]) - _f1(drawn, sums[0]))
    outcome: Outcome = "no difference"
    if len(pairs) < ENOUGH:
        outcome = "too few pictures"
    elif interval and interval[0] > 0:
        outcome = "better"
    elif interval and interval[1] < 0:
        outcome = "worse"
    known = not np.isnan([first, second]).any()
    return Comparison(
        "paired",
        outcome,
        len(pairs),
        float(first) if known else None,
        float(second) if known else None,
        float(second - first) if known else None,
        interval,
    )


def _by_group(tested: Sequence[Tested], groups: Sequence[int], number: int) -> Floats:
    """Return right, false and missed of each group, as columns."""
    counts = np.zeros((number, 3))
    np.add.at(counts, groups, [[one.right, one.false, one.missed] for one in tested])
    return counts


def _f1(weights: Floats, counts: Floats) -> Floats:
    right, false, missed = (weights @ counts).T
    whole = 2 * right + false + missed
    empty = np.full(len(whole), np.nan)
    f1: Floats = np.divide(2 * right, whole, out=empty, where=whole > 0)
    return f1


def _by_intervals(first: Evaluation, second: Evaluation) -> Comparison:
    one, other = first.overall, second.overall
    ends, others = one.intervals.get("f1"), other.intervals.get("f1")
    outcome: Outcome = "no difference"
    if not (one.is_enough and other.is_enough):
        outcome = "too few pictures"
    elif ends is None or others is None:
        outcome = "unknown"
    elif others[0] > ends[1]:
        outcome = "better"
    elif others[1] < ends[0]:
        outcome = "worse"
    return Comparison("intervals", outcome, 0, one.f1, other.f1)
