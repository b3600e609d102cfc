"""Measure a version of a model on its test pictures, with 95 % intervals.

pycocotools and torchmetrics have average precision, but no intervals, no groups and no thresholds
of a label; the service's console has one threshold chosen on the test itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

import numpy as np

from rubberduck.custom_models.evaluation import (
    BOXES,
    Cell,
    Evaluation,
    Figures,
    LabelFigures,
    Matrix,
    Tested,
    ThresholdSource,
)
from rubberduck.scoring.curves import (
    CurvePoint,
    Floats,
    Scored,
    average_precision,
    calibration,
    curve,
)
from rubberduck.scoring.intervals import (
    auc_with_interval,
    f1_of_shares,
    grouped_share_interval,
    quantile_interval,
    resamples,
)
from rubberduck.scoring.matching import MISTAKES, Mistake, TestedPicture, judge_picture, match

RESAMPLES = 1000
CHUNK = 100  # resamples at a time, to bound the memory
MAX_MISTAKES = 100  # kept of each kind, the surest first
MAX_POINTS = 100  # kept of a curve


def evaluate(  # noqa: PLR0913 - the last three are only passed on
    pictures: Sequence[TestedPicture],
    thresholds: Mapping[str, float],
    kind: str,
    thresholds_from: ThresholdSource,
    *,
    trained: int = 0,
    validated: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Return the figures of a model on its test pictures.

    `thresholds` has all labels (0 to 1) and must not be chosen on these pictures. The intervals of
    precision, recall and F1 are Wilson's over groups, those of average precision and of means are
    of a bootstrap over groups, from the seed.
    """
    numbers = {name: n for n, name in enumerate(dict.fromkeys(p.group for p in pictures))}
    groups = [numbers[picture.group] for picture in pictures]
    drawn = resamples(len(numbers), RESAMPLES, seed) if numbers else np.zeros((0, 0))
    counts: list[tuple[Floats, Floats, Floats]] = []
    labels, means, areas, all_scored = [], [], [], []
    for label, threshold in thresholds.items():
        scored = _scored(pictures, label, groups, len(numbers))
        figures, resampled = _figures(pictures, label, scored, threshold, drawn)
        counts.append(scored.counts(threshold))
        by_picture = None
        if kind == BOXES:
            whole = _by_picture(pictures, label, groups, len(numbers))
            by_picture, _ = _figures(pictures, label, whole, threshold, drawn)
        labels.append(LabelFigures(label, threshold, figures, by_picture, _thin(curve(scored))))
        areas.append(resampled)
        means.append(figures)
        all_scored.append(scored)
    verdicts = [judge_picture(picture, thresholds) for picture in pictures]
    totals = [sum((part[i] for part in counts), np.zeros(len(numbers))) for i in range(3)]
    mistakes = [mistake for verdict in verdicts for mistake in verdict.mistakes]
    pairs = Counter(pair for verdict in verdicts for pair in verdict.pairs)
    scores = [float(s) for scored in all_scored for s in scored.scores]
    right = [bool(r) for scored in all_scored for r in scored.right]
    return Evaluation(
        kind=kind,
        thresholds_from=thresholds_from,
        pictures=len(pictures),
        groups=len(numbers),
        trained=trained,
        validated=validated,
        overall=_with_counts(len(pictures), *totals),
        mean=_mean(len(pictures), means, areas, counts, drawn),
        labels=tuple(labels),
        matrix=Matrix(
            (*thresholds, ""),
            tuple(Cell(*pair, count) for pair, count in sorted(pairs.items())),
        ),
        calibration=tuple(calibration(scores, right)),
        mistake_counts={kind: sum(m.kind == kind for m in mistakes) for kind in MISTAKES},
        mistakes=_surest(mistakes),
        tested=tuple(
            Tested(
                picture.id,
                picture.group,
                picture.revision,
                *(sum(count[i] for count in verdict.counts.values()) for i in range(3)),
            )
            for picture, verdict in zip(pictures, verdicts, strict=True)
        ),
        seed=seed,
    )


def _scored(
    pictures: Sequence[TestedPicture], label: str, groups: Sequence[int], number: int
) -> Scored:
    answers, targets = [], []
    for picture, group in zip(pictures, groups, strict=True):
        matched = match(picture, label)
        answers += [(answer.score, target is not None, group) for answer, target in matched.answers]
        targets += [group] * len(matched.targets)
    return Scored.of(answers, targets, number)


def _by_picture(
    pictures: Sequence[TestedPicture], label: str, groups: Sequence[int], number: int
) -> Scored:
    """Return each picture as one answer: whether the label is in it."""
    answers = [
        (picture.score(label), picture.has(label), group)
        for picture, group in zip(pictures, groups, strict=True)
        if any(answer.label == label for answer in picture.answers)
    ]
    targets = [g for p, g in zip(pictures, groups, strict=True) if p.has(label)]
    return Scored.of(answers, targets, number)


def _figures(
    pictures: Sequence[TestedPicture],
    label: str,
    scored: Scored,
    threshold: float,
    drawn: Floats,
) -> tuple[Figures, Floats]:
    """Return the figures, and the average precision of each resample."""
    having = [picture.score(label) for picture in pictures if picture.has(label)]
    others = [picture.score(label) for picture in pictures if not picture.has(label)]
    figures = _with_counts(len(having), *scored.counts(threshold))
    intervals = dict(figures.intervals)
    parts = [
        average_precision(scored, drawn[start : start + CHUNK])
        for start in range(0, len(drawn), CHUNK)
    ]
    resampled = np.concatenate(parts) if parts else np.zeros(0)
    area = float(average_precision(scored)[0])
    if ends := quantile_interval(resampled):
        intervals["average_precision"] = ends
    if auc := auc_with_interval(having, others):
        intervals["auc"] = auc[1]
    figures = replace(
        figures,
        average_precision=None if np.isnan(area) else area,
        auc=auc and auc[0],
        intervals=intervals,
    )
    return figures, resampled


def _with_counts(pictures: int, right: Floats, false: Floats, missed: Floats) -> Figures:
    """Return precision, recall and F1 of the groups' counts, with Wilson's intervals."""
    hits, alarms, misses = (float(part.sum()) for part in (right, false, missed))
    intervals = {
        "precision": grouped_share_interval(right, right + false),
        "recall": grouped_share_interval(right, right + missed),
        "f1": f1_of_shares(grouped_share_interval(right, right + false + missed)),
    }
    return Figures(
        pictures=pictures,
        right=int(hits),
        false=int(alarms),
        missed=int(misses),
        precision=_share(hits, hits + alarms),
        recall=_share(hits, hits + misses),
        f1=_share(2 * hits, 2 * hits + alarms + misses),
        intervals={name: ends for name, ends in intervals.items() if ends},
    )


def _mean(
    pictures: int,
    labels: Sequence[Figures],
    areas: Sequence[Floats],
    counts: Sequence[tuple[Floats, Floats, Floats]],
    drawn: Floats,
) -> Figures:
    """Return the means of the labels where they are defined, with bootstrap intervals."""
    if len(labels) == 1:
        return replace(labels[0], pictures=pictures)

    def mean(name: str) -> float | None:
        known = [value for one in labels if (value := getattr(one, name)) is not None]
        return sum(known) / len(known) if known else None

    resampled: dict[str, list[Floats]] = {"average_precision": list(areas)}
    for right, false, missed in counts:
        hits, alarms, misses = (drawn @ part for part in (right, false, missed))
        for name, part, whole in (
            ("precision", hits, hits + alarms),
            ("recall", hits, hits + misses),
            ("f1", 2 * hits, 2 * hits + alarms + misses),
        ):
            empty = np.full(len(drawn), np.nan)
            resampled.setdefault(name, []).append(
                np.divide(part, whole, out=empty, where=whole > 0)
            )
    names = ("precision", "recall", "f1", "average_precision")
    intervals = {name: quantile_interval(_mean_of_known(resampled[name])) for name in names}
    return Figures(
        pictures=pictures,
        right=None,
        false=None,
        missed=None,
        **{name: mean(name) for name in names},
        intervals={name: ends for name, ends in intervals.items() if ends},
    )


def _mean_of_known(rows: Sequence[Floats]) -> Floats:
    """Return the mean over the rows, leaving NaN out; NaN where all are."""
    table = np.stack(rows)
    known = ~np.isnan(table)
    total, number = np.where(known, table, 0).sum(axis=0), known.sum(axis=0)
    means: Floats = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
    return means


def _surest(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    kept: list[Mistake] = []
    for kind in MISTAKES:
        own = sorted((m for m in mistakes if m.kind == kind), key=lambda m: -(m.score or 0))
        kept += own[:MAX_MISTAKES]
    return tuple(kept)


def _thin(points: Sequence[CurvePoint]) -> tuple[CurvePoint, ...]:
    """Keep the best and the worst precision of each recall, or of some of the recalls.

    At a recall precision only falls, so what lies between is on the line between both.
    """
    falls = [tuple(same) for _, same in groupby(points, key=attrgetter("recall"))]
    step = max(1, -(-2 * len(falls) // MAX_POINTS))
    kept = [fall for i, fall in enumerate(falls) if i % step == 0 or i == len(falls) - 1]
    return tuple(
        point
        for fall in kept
        for point in (fall[:1] + fall[-1:] if fall[0].precision > fall[-1].precision else fall[-1:])
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
