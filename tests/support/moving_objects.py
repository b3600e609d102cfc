"""A seeded generator of clips: objects that move, cross, hide and leave, as a detector sees them.

The truth is known: which box is of which object, and which objects count as different ones.
"""

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rubberduck.core.models import Box, Label
from rubberduck.videos.models import Sample, Track

RATE = 5  # samples a second
SECONDS = 20
MAX_MISSES = 3  # samples in a row in which the detector overlooks an object
MISSED, FALSE = 0.08, 0.01  # shares of boxes and of samples
UPON = 0.2  # overlap (IoU) of objects that lie upon each other
HIDDEN = 0.45  # of the area behind another object: only the front one is found


@dataclass
class Moving:
    """An object with its way; sizes and places in shares of the picture, speeds a second."""

    x: float
    y: float
    width: float
    height: float
    speed_x: float
    speed_y: float
    depth: float
    hidden: tuple[tuple[float, float], ...] = ()  # behind something, from and to
    from_seconds: float = 0.0
    to_seconds: float = math.inf

    def box(self, seconds: float) -> Box:
        age = seconds - self.from_seconds
        x, y = self.x + self.speed_x * age, self.y + self.speed_y * age
        return Box(x - self.width / 2, y - self.height / 2, self.width, self.height, "Duck", 0.0)

    def is_hidden(self, seconds: float) -> bool:
        return any(start <= seconds < end for start, end in self.hidden)


@dataclass
class Clip:
    """Samples, and for each different object its boxes as (pts, left, top).

    `unclear` are boxes of objects that lie upon each other: nobody could tell whose they are.
    """

    kinds: tuple[str, ...]
    unclear: set[tuple[int, float, float]] = field(default_factory=set)
    samples: list[Sample] = field(default_factory=list)
    truth: dict[int, list[tuple[int, float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )


def clip(seed: int) -> Clip:
    """Return a clip with one to four of: crossings, occlusion, shake, cuts, leaving."""
    rng = random.Random(seed)
    names = ("crossing", "occlusion", "shake", "cut", "leaving")
    kinds = tuple(name for name in names if rng.random() < 0.5) or (rng.choice(names),)
    made = Clip(kinds)
    cuts = sorted(rng.sample(range(4, SECONDS - 4, 4), 2)) if "cut" in kinds else []
    edges = [0, *cuts, SECONDS]
    number = 0
    for start, end in pairwise(edges):
        objects = _scene(rng, kinds, float(start), float(end))
        number = _film(rng, made, objects, (start, end), number, shakes="shake" in kinds)
    return made


def mistakes(made: Clip, tracks: Sequence[Track]) -> list[str]:
    """Return what is wrong with the tracks: their number, who is who, the first and last time."""
    who = {box: number for number, boxes in made.truth.items() for box in boxes}
    wrong = []
    if len(tracks) != len(made.truth):
        wrong.append(f"{len(tracks)} tracks of {len(made.truth)} objects")
    for track in tracks:
        seen = [(each.pts, each.box.left, each.box.top) for each in track.sightings if each.box]
        names = {who.get(box, -1) for box in seen if box not in made.unclear}
        if len(names) != 1 or -1 in names:
            wrong.append(f"track {track.id} is of {sorted(names)}")
            continue
        truth = made.truth[names.pop()]
        if (seen[0][0], seen[-1][0]) != (truth[0][0], truth[-1][0]):
            wrong.append(f"track {track.id} is seen from {seen[0][0]} to {seen[-1][0]}")
    return wrong


def _scene(rng: random.Random, kinds: tuple[str, ...], start: float, end: float) -> list[Moving]:
    lane_count = rng.randint(1, 3)
    objects = []
    for lane in range(lane_count):
        y = (lane + 0.5) / lane_count
        size = rng.uniform(0.1, min(0.24, 0.7 / lane_count))
        width = size * rng.uniform(0.8, 1.1)
        span = end - start
        speed = rng.uniform(-0.5, 0.5) / span
        x = 0.5 - speed * span / 2 + rng.uniform(-0.1, 0.1)
        hidden: tuple[tuple[float, float], ...] = ()
        if "occlusion" in kinds and span > 4:
            at = start + rng.uniform(1.0, span - 2.5)
            hidden = ((at, at + rng.uniform(0.4, 1.2)),)
        moving = Moving(x, y, width, size, speed, 0.0, rng.random(), hidden, start)
        objects.append(moving)
        if "crossing" in kinds and lane == 0 and span > 4:
            objects += _crossing(rng, moving, start, end)
        if "leaving" in kinds and lane == lane_count - 1 and span > 9:
            objects[objects.index(moving)] = _leaving(rng, moving)
    return objects


def _crossing(rng: random.Random, other: Moving, start: float, end: float) -> list[Moving]:
    """Return an object that meets the other one in the middle and goes on."""
    meet = (start + end) / 2
    there = other.box(meet)
    speed = math.copysign(rng.uniform(0.15, 0.3), -other.speed_x)
    x = there.left + there.width / 2 - speed * (meet - start)
    size = other.height * rng.uniform(0.85, 1.15)
    y = other.y + rng.uniform(-0.3, 0.3) * size
    return [Moving(x, y, size, size, speed, 0.0, rng.random(), (), start)]


def _leaving(rng: random.Random, moving: Moving) -> Moving:
    """Return it as hidden for longer than an object may be away: it counts anew."""
    at = moving.from_seconds + rng.uniform(2.0, 4.0)
    moving.hidden = ((at, at + rng.uniform(2.7, 4.0)),)
    return moving


def _film(
    rng: random.Random,
    made: Clip,
    objects: list[Moving],
    span: tuple[int, int],
    number: int,
    *,
    shakes: bool,
) -> int:
    ids = {index: number + index for index in range(len(objects))}
    number += len(objects)
    last_seen: dict[int, float] = {}
    misses: dict[int, int] = defaultdict(int)
    for step in range(span[0] * RATE, span[1] * RATE):
        seconds = step / RATE
        shift = (rng.gauss(0, 0.02), rng.gauss(0, 0.02)) if shakes else (0.0, 0.0)
        visible = _visible(objects, seconds)
        boxes = []
        for index, box in visible:
            if rng.random() < MISSED and misses[index] < MAX_MISSES:
                misses[index] += 1
                continue
            misses[index] = 0
            if index in last_seen and seconds - last_seen[index] > 2.0:
                ids[index] = number
                number += 1
            last_seen[index] = seconds
            found = _noisy(rng, box, shift)
            boxes.append(found)
            made.truth[ids[index]].append((step, found.left, found.top))
            others = (other.box(seconds) for other in objects if other is not objects[index])
            if any(box.overlap(other) > UPON for other in others):
                made.unclear.add((step, found.left, found.top))
        if rng.random() < FALSE:
            boxes.append(_false_box(rng))
        is_cut = step == span[0] * RATE > 0
        made.samples.append(_sample(step, seconds, boxes, is_cut=is_cut))
    return number


def _visible(objects: list[Moving], seconds: float) -> list[tuple[int, Box]]:
    """Return what is mostly inside the picture and not behind another object."""
    shown: list[tuple[int, Box]] = []
    for index in sorted(range(len(objects)), key=lambda index: objects[index].depth):
        moving = objects[index]
        box = moving.box(seconds)
        left, right = max(box.left, 0.0), min(box.left + box.width, 1.0)
        if right - left < 0.6 * box.width or moving.is_hidden(seconds):
            continue
        if any(_covered(box, front) > HIDDEN for _, front in shown):
            continue
        shown.append((index, box))
    return shown


def _covered(box: Box, front: Box) -> float:
    width = min(box.left + box.width, front.left + front.width) - max(box.left, front.left)
    height = min(box.top + box.height, front.top + front.height) - max(box.top, front.top)
    return max(0.0, width) * max(0.0, height) / (box.width * box.height)


def _noisy(rng: random.Random, box: Box, shift: tuple[float, float]) -> Box:
    """Return the box as a detector finds it: clipped, moved and sized a little wrong."""
    width, height = box.width * rng.gauss(1, 0.05), box.height * rng.gauss(1, 0.05)
    left = box.left + rng.gauss(0, 0.04) * box.width + shift[0]
    top = box.top + rng.gauss(0, 0.04) * box.height + shift[1]
    left, right = max(left, 0.0), min(left + width, 1.0)
    return Box(left, top, max(right - left, 0.01), height, "Duck", rng.uniform(60, 95))


def _false_box(rng: random.Random) -> Box:
    size = rng.uniform(0.08, 0.25)
    return Box(rng.uniform(0, 1 - size), rng.uniform(0, 1 - size), size, size, "Duck", 65.0)


def _sample(step: int, seconds: float, boxes: list[Box], *, is_cut: bool) -> Sample:
    if not boxes:
        return Sample(step, seconds, (), is_cut)
    score = max(box.confidence for box in boxes)
    labels = tuple(Label(name, score, tuple(boxes)) for name in ("Duck", "Bird", "Toy"))
    return Sample(step, seconds, labels, is_cut)
