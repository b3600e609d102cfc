"""False boxes at the ends of tracks: one alone, where the object cannot have been.

While a track grows, a false box shortly before an object comes in may pass for its first sighting.
Later more is known: how the object moved, and how the camera did, by the other objects.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum, hypot
from statistics import fmean, linear_regression, median

from rubberduck.videos.hypotheses import Node
from rubberduck.videos.motion import Spot

NEAREST, FEWEST = 5, 3  # sightings by which a movement is known, and without which it is not
NOISE = 0.05  # standard deviation of a box's place, as a part of its size
# Squared distance, in standard deviations, from which a box is false. In 2,000 generated clips all
# true boxes were below 10, and the false ones above 29.
MAX_DISTANCE = 18.0

NodePath = list[Node]  # of one object, by time
_BySample = Mapping[int, Mapping[int, Node]]  # sample → track → node


def without_false_ends(paths: Sequence[NodePath]) -> list[NodePath]:
    """Return the tracks of a scene, without a false sighting before or after a gap at an end."""
    seen: dict[int, dict[int, Node]] = defaultdict(dict)
    for number, path in enumerate(paths):
        for node in path:
            seen[node.sample][number] = node
    kept = []
    for number, path in enumerate(paths):
        starts_false = _is_false(number, path[: NEAREST + 1], seen)
        ends_false = _is_false(number, path[: -NEAREST - 2 : -1], seen)
        kept.append(path[int(starts_false) : len(path) - int(ends_false)])
    return kept


def _is_false(number: int, nodes: Sequence[Node], seen: _BySample) -> bool:
    """Return whether the first node is alone, and not where the next ones say it was.

    That is so if it is false beside each other object: beside one the camera does not matter.
    Without any, nobody could tell whether the object or the camera had moved.
    """
    if len(nodes) <= FEWEST or abs(nodes[0].sample - nodes[1].sample) < 2:
        return False
    distances = []
    for other in seen[nodes[0].sample].keys() - {number}:
        both = [node for node in nodes if other in seen[node.sample]]
        if len(both) > FEWEST:
            distances.append(_distance(both, [seen[node.sample][other] for node in both]))
    return min(distances, default=0.0) > MAX_DISTANCE


def _distance(nodes: Sequence[Node], others: Sequence[Node]) -> float:
    """Return how far the first box is from where steady movement beside another object leads.

    It is squared, in standard deviations. `others` are of the other object, at the same times.
    """
    seconds = [node.seconds for node in nodes]
    spots, beside = _uncut(nodes), _uncut(others)
    pairs = list(zip(spots, beside, strict=True))
    x = _miss(seconds, [one.x - other.x for one, other in pairs])
    y = _miss(seconds, [one.y - other.y for one, other in pairs])
    width, height = hypot(spots[0].width, beside[0].width), hypot(spots[0].height, beside[0].height)
    return ((x / width) ** 2 + (y / height) ** 2) / (NOISE**2 * _spread(seconds))


def _uncut(nodes: Sequence[Node]) -> list[Spot]:
    """Return the places of the whole object, which has one size."""
    width = median(node.spot.width for node in nodes[1:])
    height = median(node.spot.height for node in nodes[1:])
    return [replace(n.spot.uncut(width, height), width=width, height=height) for n in nodes]


def _miss(seconds: Sequence[float], places: Sequence[float]) -> float:
    """Return how far the first place is from the line through the others."""
    slope, start = linear_regression(seconds[1:], places[1:])
    return places[0] - start - slope * seconds[0]


def _spread(seconds: Sequence[float]) -> float:
    """Return how many times the variance of a place that of `_miss` is."""
    middle = fmean(seconds[1:])
    around = fsum((each - middle) ** 2 for each in seconds[1:])
    return 1 + 1 / (len(seconds) - 1) + (seconds[0] - middle) ** 2 / around
