"""The sides of a project's labelled pictures: train, validation and test.

A picture that has a side keeps it, so that versions are compared on the same test. New groups are
shared out among the sides by label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rubberduck.custom_models.dataset import SPLITS
from rubberduck.custom_models.near_duplicates import bursts, near_duplicates
from rubberduck.custom_models.splits import EMPTY, SHARES, groups_of, split


@dataclass(frozen=True)
class Placed:
    """A labelled picture, as far as its side depends on it; `hash` finds near duplicates."""

    id: str
    labels: frozenset[str]  # names or ids; empty: nothing is in it
    side: str | None = None
    group: str | None = None
    hash: bytes | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True)
class Place:
    side: str
    group: int


def groups_of_placed(pictures: Sequence[Placed]) -> list[int]:
    """Return the number of each picture's group: of a video, a burst or near duplicates."""
    pairs = [
        *near_duplicates([picture.hash for picture in pictures]),
        *bursts((picture.taken_at, None) for picture in pictures),
    ]
    return groups_of([picture.group for picture in pictures], pairs)


def place(pictures: Sequence[Placed], seed: int = 0) -> dict[str, Place]:
    """Return the side and the group of each picture.

    Videos, bursts and near duplicates are one group, and never on two sides. A group with a picture
    that has a side goes there; where they disagree, to the test before validation before training,
    so that what was tested with is never trained with.
    """
    groups = groups_of_placed(pictures)
    kept: dict[int, str] = {}
    for picture, group in zip(pictures, groups, strict=True):
        if picture.side:
            kept[group] = max(kept.get(group, SPLITS[0]), picture.side, key=SPLITS.index)
    labels = [picture.labels or EMPTY for picture in pictures]
    sides = split(labels, groups, SHARES, seed, kept)
    return {
        picture.id: Place(side, group)
        for picture, side, group in zip(pictures, sides, groups, strict=True)
    }
