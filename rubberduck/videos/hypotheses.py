"""Which boxes are of which objects: several hypotheses at once, until one is clearly the best.

Where two objects meet, often one box is found, and nobody can tell whose it is; how they move when
they part says it. So the likeliest hypotheses are followed until then (multiple hypothesis
tracking). In a plain scene there is one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from rubberduck.videos.motion import Fit, Motion, Spot

# Seconds: what leaves the picture for longer counts anew; what was seen only once may be false.
MAX_GAP, MAX_GAP_OF_NEW = 2.0, 0.85
ROUNDING = 1e-6
# Costs are twice the negative logarithms of likelihoods, as in `Fit`: of an object that is
# overlooked, of a new one, and of one that turns, for instance in a hand.
OVERLOOKED, NEW, TURN = 4.0, 2.0, 8.0
TURN_SECONDS = 0.45  # without a sighting, after which a turn is not expected
PLAIN = 6.0  # squared distance below which it goes straight on
MAX_DISTANCE = 25.0  # squared, in standard deviations, of a box from where its object is expected
# How many hypotheses are followed, how much worse they may be than the best, and how many ways to
# go on are looked at for each.
MOST, WORSE, MAX_CHOICES = 40, 14.0, 60
MAX_TRIED = 1000  # assignments of boxes that lie close together
SETTLED_SECONDS = 2.5  # without a doubt, after which only the best hypothesis is followed

Tracks = tuple[int | None, ...]  # of each box, its track; None: a new one
Choice = tuple[float, Tracks]  # the cost, and the tracks
Options = list[tuple[float, int | None]]  # for one box: the cost of each track


@dataclass(frozen=True)
class Node:
    """The newest sighting of a track, with the motion of its object; and the one before it.

    `sample` is the number of the sample, and `box` that of the box in it.
    """

    sample: int
    box: int
    seconds: float
    spot: Spot
    motion: Motion
    before: "Node | None" = None

    def is_over(self, sample: int, seconds: float) -> bool:
        """Return whether it was unseen for too long, and in at least one sample."""
        most = MAX_GAP if self.before else MAX_GAP_OF_NEW
        return seconds - self.seconds > most + ROUNDING and self.sample < sample - 1

    def expected(self, seconds: float) -> Motion:
        return self.motion.predicted(seconds - self.seconds)

    def cost(self, expected: Motion, seconds: float, spot: Spot) -> float | None:
        """Return how unlikely it is that a box is of this object; None if it is not."""
        if expected.is_far(spot):
            return None
        fits = [expected.fit(spot)]
        may_turn = self.before and seconds - self.seconds <= TURN_SECONDS
        if may_turn and fits[0].distance > PLAIN:
            turned = Motion.seen(self.spot).predicted(seconds - self.seconds).fit(spot)
            fits.append(Fit(turned.distance, turned.cost + TURN))
        return min((fit.cost for fit in fits if fit.distance <= MAX_DISTANCE), default=None)

    def followed(self, sample: int, box: int, seconds: float, spot: Spot) -> "Node":
        """Return the node of the object's next sighting."""
        motion = self.expected(seconds)
        is_turn = motion.fit(spot).distance > MAX_DISTANCE
        motion = Motion.seen(spot) if is_turn else motion.corrected(spot)
        return Node(sample, box, seconds, spot, motion, self)

    def path(self) -> "list[Node]":
        """Return the sightings of the object, by time."""
        nodes = [self]
        while before := nodes[-1].before:
            nodes.append(before)
        return nodes[::-1]


@dataclass(frozen=True)
class Ended:
    """A track that ended, and those that ended before."""

    node: Node
    others: "Ended | None"


@dataclass(frozen=True)
class Hypothesis:
    """Tracks that go on, tracks that ended, and how unlikely all this is."""

    cost: float = 0.0
    alive: tuple[Node, ...] = ()
    ended: Ended | None = None

    def without_ended(self, sample: int, seconds: float) -> "Hypothesis":
        alive, ended = [], self.ended
        for node in self.alive:
            if node.is_over(sample, seconds):
                ended = Ended(node, ended)
            else:
                alive.append(node)
        return Hypothesis(self.cost, tuple(alive), ended)

    def tracks(self) -> list[Node]:
        """Return the newest node of each track."""
        nodes, ended = list(self.alive), self.ended
        while ended:
            nodes.append(ended.node)
            ended = ended.others
        return nodes


@dataclass
class Hypotheses:
    """The hypotheses about a scene, the best one first."""

    known: list[Hypothesis] = field(default_factory=lambda: [Hypothesis()])
    doubted_at: float = 0.0

    def expected(self, seconds: float) -> list[Motion]:
        """Return where the objects of the best hypothesis should be."""
        return [node.expected(seconds) for node in self.known[0].alive]

    def add(
        self, sample: int, seconds: float, strong: dict[int, Spot], weak: dict[int, Spot]
    ) -> None:
        """Add the boxes of a sample, by their numbers. Weak ones only continue tracks."""
        grown: list[Hypothesis] = []
        for number, known in enumerate(self.known):
            hypothesis = known.without_ended(sample, seconds)
            choices = _choices(hypothesis.alive, seconds, list(strong.values()))
            if number == 0 and len(choices) > 1:
                self.doubted_at = seconds
            for cost, tracks in choices:
                chosen = dict(zip(strong, tracks, strict=True))
                grown.append(_grown(hypothesis, cost, chosen, (sample, seconds, strong)))
        grown.sort(key=lambda each: each.cost)
        is_settled = seconds - self.doubted_at > SETTLED_SECONDS
        most = grown[0].cost + WORSE
        kept = [each for each in grown[: 1 if is_settled else MOST] if each.cost <= most]
        self.known = [_with_weak(each, sample, seconds, weak) for each in kept]


def _grown(
    hypothesis: Hypothesis,
    cost: float,
    chosen: dict[int, int | None],
    now: tuple[int, float, dict[int, Spot]],
) -> Hypothesis:
    """Return a hypothesis with the boxes of a sample, each added to its track or to a new one."""
    sample, seconds, spots = now
    alive = list(hypothesis.alive)
    for box, track in chosen.items():
        spot = spots[box]
        if track is None:
            alive.append(Node(sample, box, seconds, spot, Motion.seen(spot)))
        else:
            alive[track] = alive[track].followed(sample, box, seconds, spot)
    return Hypothesis(hypothesis.cost + cost, tuple(alive), hypothesis.ended)


def _with_weak(
    hypothesis: Hypothesis, sample: int, seconds: float, weak: dict[int, Spot]
) -> Hypothesis:
    """Continue with weak boxes the tracks that have no other, the best fit first."""
    if not weak:
        return hypothesis
    alive = list(hypothesis.alive)
    fits = sorted(
        (cost, track, box)
        for track, node in enumerate(alive)
        for box, spot in weak.items()
        if (cost := node.cost(node.expected(seconds), seconds, spot)) is not None
    )
    used: set[int] = set()
    for _, track, box in fits:
        if alive[track].sample != sample and box not in used:
            used.add(box)
            alive[track] = alive[track].followed(sample, box, seconds, weak[box])
    return Hypothesis(hypothesis.cost, tuple(alive), hypothesis.ended)


def _choices(alive: Sequence[Node], seconds: float, spots: Sequence[Spot]) -> list[Choice]:
    """Return the ways to assign boxes to tracks, or to new ones, the likeliest first."""
    expected = [node.expected(seconds) for node in alive]
    options: list[Options] = []
    for spot in spots:
        fits: Options = [(NEW, None)]
        for track, node in enumerate(alive):
            if (cost := node.cost(expected[track], seconds, spot)) is not None:
                fits.append((cost - OVERLOOKED, track))
        options.append(sorted(fits, key=_cost))
    choices: list[Choice] = [(OVERLOOKED * len(alive), (None,) * len(spots))]
    for boxes in _groups(options):
        found = islice(_assignments([options[box] for box in boxes]), MAX_TRIED)
        choices = _likely(
            (cost + more, _replaced(tracks, boxes, chosen))
            for more, chosen in _likely(found)
            for cost, tracks in choices
        )
    return choices


def _likely(choices: Iterable[Choice]) -> list[Choice]:
    """Return the choices that are not much worse than the best, the likeliest first."""
    in_order = sorted(choices, key=_cost)[:MAX_CHOICES]
    return [choice for choice in in_order if choice[0] <= in_order[0][0] + WORSE]


def _cost(choice: tuple[float, object]) -> float:
    return choice[0]


def _replaced(tracks: Tracks, boxes: Sequence[int], chosen: Tracks) -> Tracks:
    new = list(tracks)
    for box, track in zip(boxes, chosen, strict=True):
        new[box] = track
    return tuple(new)


def _groups(options: Sequence[Options]) -> list[list[int]]:
    """Return the boxes in groups, so that those of two groups never fit the same track."""
    groups: list[tuple[set[int], list[int]]] = []
    for box, fits in enumerate(options):
        tracks = {track for _, track in fits if track is not None}
        touched = [group for group in groups if not tracks.isdisjoint(group[0])]
        groups = [group for group in groups if tracks.isdisjoint(group[0])]
        merged = [each for group in touched for each in group[1]]
        groups.append((tracks.union(*(group[0] for group in touched)), [*merged, box]))
    return [boxes for _, boxes in groups]


def _assignments(options: Sequence[Options]) -> Iterator[Choice]:
    """Yield assignments in which no track has two boxes; of each box, the likeliest first."""
    if not options:
        yield 0.0, ()
        return
    for cost, track in options[0]:
        rest = [
            [each for each in fits if track is None or each[1] != track] for fits in options[1:]
        ]
        for more, tracks in _assignments(rest):
            yield cost + more, (track, *tracks)
