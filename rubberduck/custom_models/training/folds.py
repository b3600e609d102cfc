"""Folds for cross-validation: whole groups, each label in every fold where it can be."""

from collections.abc import Hashable, Sequence

import numpy as np

from rubberduck.custom_models.training.network import Random


def folds_of(
    groups: Sequence[Hashable], shown: Sequence[Sequence[int]], count: int, rng: Random
) -> list[int]:
    """Return the fold of each picture, 0 to `count` - 1; pictures of a group share one.

    `shown` has the labels' numbers of each picture. Groups with rare labels are dealt out first,
    each to the fold that has the fewest of them.
    """
    frequency: dict[int, int] = {}
    for labels in shown:
        for label in labels:
            frequency[label] = frequency.get(label, 0) + 1
    members: dict[Hashable, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, []).append(number)
    order = list(members)
    order = [order[i] for i in rng.permutation(len(order))]
    rarity = {
        group: min((frequency[x] for i in members[group] for x in shown[i]), default=10**9)
        for group in order
    }
    order.sort(key=lambda group: rarity[group])
    have = [dict[int, int]() for _ in range(count)]
    sizes = np.zeros(count)
    fold_of = [0] * len(groups)
    for group in order:
        labels = [label for i in members[group] for label in shown[i]]
        rarest = min(labels, key=lambda label: frequency[label], default=-1)
        best = min(range(count), key=lambda fold: (have[fold].get(rarest, 0), sizes[fold], fold))
        sizes[best] += len(members[group])
        for label in labels:
            have[best][label] = have[best].get(label, 0) + 1
        for i in members[group]:
            fold_of[i] = best
    return fold_of
