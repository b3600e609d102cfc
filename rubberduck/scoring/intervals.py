"""95 % intervals of measured shares, F1, AUC and medians.

scipy and statsmodels have Wilson's interval and the bootstrap; a site of 60 MB does not install
them for forty lines.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

Interval = tuple[float, float]  # low, high

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
Z = NormalDist().inv_cdf(1 - TAIL)
RESAMPLES = 10_000


def share_interval(part: int, whole: int) -> Interval | None:
    """Return Wilson's interval of a share; None of nothing.

    >>> [round(end, 3) for end in share_interval(9, 10)]
    [0.596, 0.982]
    """
    if not whole:
        return None
    share = part / whole
    low, high = _wilson(share, whole)
    return min(low, share), max(high, share)  # rounding may pass the share


def _wilson(share: float, size: float) -> Interval:
    square = Z * Z / size
    middle = share + square / 2
    half = Z * math.sqrt(share * (1 - share) / size + square / (4 * size))
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return max(0.0, low), min(1.0, high)


def f1_interval(hits: int, false_alarms: int, misses: int, rejections: int) -> Interval | None:
    """Return the bootstrap interval of F1: pictures drawn again, 10,000 times, from a fixed seed.

    To draw pictures again is to draw the four counts again. None where F1 is undefined.
    """
    counts = np.array([hits, false_alarms, misses, rejections])
    if not counts[:3].sum():
        return None
    drawn = np.random.default_rng(0).multinomial(counts.sum(), counts / counts.sum(), RESAMPLES)
    hit, alarm, miss, _ = drawn.T
    f1 = 2 * hit / np.maximum(2 * hit + alarm + miss, 1)
    low, high = np.quantile(f1, [TAIL, 1 - TAIL])
    return float(low), float(high)


def auc_with_interval(
    positives: Sequence[float], negatives: Sequence[float]
) -> tuple[float, Interval] | None:
    """Return how often a positive scores higher than a negative, equal ones half, and DeLong's
    interval of it. None without positives or negatives. Memory is linear in the scores.

    >>> auc_with_interval([3, 2], [2, 1])[0]
    0.875
    """
    if not positives or not negatives:
        return None
    above = _share_below(positives, negatives)
    below = 1 - _share_below(negatives, positives)
    area = float(above.mean())
    error = math.sqrt(_variance_of_mean(above) + _variance_of_mean(below))
    return area, (max(0.0, area - Z * error), min(1.0, area + Z * error))


def _share_below(scores: Sequence[float], others: Sequence[float]) -> np.ndarray:
    """Return, for each score, the share of the others below it; equal ones count half."""
    ordered = np.sort(others)
    low, high = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return np.asarray((low + high) / (2 * len(ordered)))


def _variance_of_mean(values: np.ndarray) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def median_interval(values: Sequence[float]) -> Interval | None:
    """Return the order statistics that enclose the median; None of nothing."""
    if not values:
        return None
    ordered, half = sorted(values), Z * math.sqrt(len(values)) / 2
    low, high = math.floor(len(values) / 2 - half), math.ceil(len(values) / 2 + half)
    return ordered[max(0, low)], ordered[min(len(values) - 1, high)]


def grouped_share_interval(parts: np.ndarray, wholes: np.ndarray) -> Interval | None:
    """Return Wilson's interval of a share whose cases come in groups, such as boxes of pictures.

    `parts` and `wholes` have one number for each group. Cases of a group resemble each other, so
    they count as fewer: as many as would vary as much if they were independent (Kish's effective
    size, from the ratio's variance between groups), at most all cases and at least the groups that
    have any. Where all cases or none are in the part, nothing tells how alike they are, and each
    group counts once. None of nothing.
    """
    cases, groups = float(wholes.sum()), int((wholes > 0).sum())
    if not cases:
        return None
    share = float(parts.sum()) / cases
    size = float(groups)
    if 0 < share < 1 and groups > 1:
        variance = float(((parts - share * wholes) ** 2).sum()) / cases**2 * groups / (groups - 1)
        size = min(max(share * (1 - share) / variance, groups), cases) if variance else cases
    low, high = _wilson(share, size)
    return min(low, share), max(high, share)


def f1_of_shares(interval: Interval | None) -> Interval | None:
    """Return the interval of F1 from that of right / (right + false + missed).

    F1 is no share, but 2 j / (1 + j) of that one, which is.
    """
    return interval and (2 * interval[0] / (1 + interval[0]), 2 * interval[1] / (1 + interval[1]))


def resamples(groups: int, times: int, seed: int) -> np.ndarray:
    """Return how often each group is drawn when as many are drawn again: a row for each time."""
    chance = np.random.default_rng(seed)
    return chance.multinomial(groups, np.full(groups, 1 / groups), times).astype(np.float64)


def quantile_interval(values: np.ndarray) -> Interval | None:
    """Return what encloses 95 % of the values; NaN are left out. None of nothing."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    return float(low), float(high)
