"""Split a data set into train, validation and test, so that figures on the test are honest.

Pictures that belong together (frames of a video, a burst, near duplicates) stay together, or a
model is tested on what it has learnt by heart. Each label is shared out by groups, the rarest
first, as Sechidis, Tsoumakas and Vlahavas describe for several labels a picture (iterative
stratification, 2011), and then improved by moving single groups. Own code: scikit-learn's
StratifiedGroupKFold knows one label a picture and wants folds of equal size,
iterative-stratification knows no groups, scikit-multilearn has had no release since 2018.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rubberduck.custom_models.dataset import SPLITS, Picture

SHARES = (0.6, 0.2, 0.2)
NOTHING = ""  # stands for the label of pictures with nothing in them
EMPTY = frozenset({NOTHING})
MAX_PASSES = 20
MAX_SWAPS = 50  # tried for each group
SIZE_WEIGHT = 0.01  # of the number of pictures, beside the labels
BEYOND_WEIGHT = 10  # of a deviation by more than one group


@dataclass(frozen=True)
class Group:
    """Pictures that stay together: their number, and all their labels."""

    size: int
    labels: frozenset[str]


def labels_of(picture: Picture) -> frozenset[str]:
    """Return the labels of a picture, or EMPTY if there is none."""
    return frozenset((*(box.label for box in picture.boxes), *picture.labels)) or EMPTY


def groups_of(names: Iterable[Hashable | None], pairs: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Return the number of each picture's group, from 0 on.

    Pictures are joined that have the same name of a group (None is none), or that are a pair, also
    by way of others.

    >>> groups_of(["clip", None, "clip", None, None], [(3, 4)])
    [0, 1, 0, 2, 2]
    """
    parents: list[int] = []
    first: dict[Hashable, int] = {}
    for index, name in enumerate(names):
        parents.append(index if name is None else first.setdefault(name, index))
    for one, other in pairs:
        parents[_root(parents, one)] = _root(parents, other)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(_root(parents, i), len(numbers)) for i in range(len(parents))]


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def split(
    labels: Sequence[frozenset[str]],
    groups: Sequence[int],
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    kept: Mapping[int, str] | None = None,
) -> list[str]:
    """Return train, validation or test for each picture; the same seed gives the same split.

    Of a label with at least five groups, each side gets its share of them, give or take one. A
    label of one group is trained on. `kept` has groups that are on a side already, and stay there:
    the others are shared out so that all together come nearest to the shares.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    units = [
        Group(len(own), frozenset().union(*(labels[index] for index in own)))
        for own in members.values()
    ]
    fixed = (
        {number: SPLITS.index(kept[group]) for number, group in enumerate(members) if group in kept}
        if kept
        else {}
    )
    sides = _Assignment(units, shares, random.Random(seed), fixed).run()
    names = [""] * len(labels)
    for own, side in zip(members.values(), sides, strict=True):
        for index in own:
            names[index] = SPLITS[side]
    return names


def _cost(deviation: float) -> float:
    """Weigh how far a label is from its share of groups: more than one is much worse."""
    return deviation**2 + BEYOND_WEIGHT * max(0.0, abs(deviation) - 1) ** 2


class _Assignment:
    """Assign each group to a side, by its number."""

    def __init__(
        self,
        groups: list[Group],
        shares: Sequence[float],
        chance: random.Random,
        fixed: Mapping[int, int],
    ) -> None:
        self.groups, self.chance, self.fixed = groups, chance, fixed
        self.shares = [share / sum(shares) for share in shares]
        self.totals = Counter(label for group in groups for label in group.labels)
        self.size = sum(group.size for group in groups)
        # Wanted and not yet given: groups of each label, and pictures.
        self.missing = [
            {label: share * total for label, total in self.totals.items()} for share in self.shares
        ]
        self.room = [share * self.size for share in self.shares]
        self.sides = [-1] * len(groups)

    def run(self) -> list[int]:
        by_label: dict[str, list[int]] = defaultdict(list)
        for index, side in self.fixed.items():
            self._move(index, side)
        order = [index for index in range(len(self.groups)) if index not in self.fixed]
        self.chance.shuffle(order)
        order.sort(key=lambda index: -self.groups[index].size)
        for index in order:
            for label in self.groups[index].labels:
                by_label[label].append(index)
        for label in sorted(self.totals, key=lambda label: (self.totals[label], label)):
            for index in by_label[label]:
                if self.sides[index] < 0:
                    self._move(index, self._neediest(label))
        for _ in range(MAX_PASSES):
            self.chance.shuffle(order)
            if not sum(self._improve(index) for index in order):
                break
        for label in self.totals:
            self._swap(by_label[label], label)
        self._train_on_lone_labels(by_label)
        return self.sides

    def _neediest(self, label: str) -> int:
        sides = [side for side, share in enumerate(self.shares) if share]
        return max(sides, key=lambda side: (round(self.missing[side][label], 9), self.room[side]))

    def _move(self, index: int, side: int) -> None:
        group, before = self.groups[index], self.sides[index]
        for where, sign in ((before, 1), (side, -1)):
            if where >= 0:
                self.room[where] += sign * group.size
                for label in group.labels:
                    self.missing[where][label] += sign
        self.sides[index] = side

    def _improve(self, index: int) -> bool:
        """Move a group if that brings all its labels nearer to their shares."""
        before = self.sides[index]
        sides = [side for side, share in enumerate(self.shares) if share and side != before]
        gains = [(self._gain(index, before, side), side) for side in sides]
        gain, side = max(gains, default=(0.0, before))
        if gain <= 1e-9:
            return False
        self._move(index, side)
        return True

    def _swap(self, own: list[int], label: str) -> None:
        """Exchange groups of a label that is still off by more than one, where moving one fails."""
        for _ in range(MAX_PASSES):
            sides = [side for side, share in enumerate(self.shares) if share]
            few = max(sides, key=lambda side: self.missing[side][label])
            many = min(sides, key=lambda side: self.missing[side][label])
            if max(self.missing[few][label], -self.missing[many][label]) <= 1:
                return
            others = [index for index, side in enumerate(self.sides) if side == few]
            others = self.chance.sample(others, min(len(others), MAX_SWAPS))
            if not any(
                self._try_swap(index, other)
                for index in own
                if self.sides[index] == many
                for other in others
            ):
                return

    def _try_swap(self, index: int, other: int) -> bool:
        many, few = self.sides[index], self.sides[other]
        gain = self._gain(index, many, few)
        self._move(index, few)
        gain += self._gain(other, few, many)
        if gain > 1e-9:
            self._move(other, many)
            return True
        self._move(index, many)
        return False

    def _gain(self, index: int, before: int, after: int) -> float:
        """Return by how much the deviations fall when a group moves."""
        group = self.groups[index]
        gain = 0.0
        for label in group.labels:
            given, wanted = self.missing[before][label], self.missing[after][label]
            gain += _cost(given) - _cost(given + 1) + _cost(wanted) - _cost(wanted - 1)
        mean = self.size / len(self.groups)
        size, given, wanted = group.size / mean, self.room[before] / mean, self.room[after] / mean
        change = given**2 - (given + size) ** 2 + wanted**2 - (wanted - size) ** 2
        return gain + SIZE_WEIGHT * change

    def _train_on_lone_labels(self, by_label: dict[str, list[int]]) -> None:
        trained = {
            label
            for index in self.fixed
            if self.sides[index] == 0
            for label in self.groups[index].labels
        }
        for label, own in by_label.items():
            is_trained = label in trained or any(self.sides[index] == 0 for index in own)
            if self.shares[0] and own and not is_trained:
                self._move(own[0], 0)
