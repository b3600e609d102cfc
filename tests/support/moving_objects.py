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

KINDS = ("crossing", "occlusion", "shake", "cut", "leaving")
RATE, SECONDS = 5, 20  # samples a second; of a clip
GONE = 2.0  # seconds after which an object counts anew
MAX_MISSES = 3  # samples in a row in which the detector overlooks an object
MISSED, FALSE = 0.08, 1 / 300  # shares of boxes, and of samples with a false one
APART = 2 * RATE  # samples between two false boxes: one alone must not count
UPON = 0.2  # overlap (IoU) of objects that lie upon each other
HIDDEN = 0.45  # of the area behind another object: only the front one is found
PLACE_NOISE, SIZE_NOISE = 0.04, 0.05  # standard deviations, in sizes of the object
# Of the camera, in pictures between two samples: it sways, trembles, and is pushed now and then.
SWAY, TREMBLE, PUSH, PUSHED = 0.012, 0.006, 0.08, 0.02

Key = tuple[int, float, float]  # pts, left and top of a box


@dataclass
class Moving:
    """An object; sizes and places in shares of the picture, speeds a second, times in seconds.

    It goes straight on and sways: `sway` is how far, how often a second, and its phase.
    """

    x: float
    y: float
    width: float
    height: float
    speed: float
    depth: float
    start: float
    sway: tuple[float, float, float] = (0.0, 0.0, 0.0)
    hidden: tuple[float, float] = (0.0, 0.0)

    def box(self, seconds: float, shift: tuple[float, float]) -> Box:
        far, often, phase = self.sway
        angle = math.tau * often * (seconds - self.start) + phase
        x = self.x + self.speed * (seconds - self.start) + far * math.sin(angle) + shift[0]
        y = self.y + far * math.cos(angle) + shift[1]
        return Box(x - self.width / 2, y - self.height / 2, self.width, self.height, "Duck", 0.0)


@dataclass
class Clip:
    """Samples, and for each different object the keys of its boxes.

    `unclear` are boxes of objects that lie upon each other: nobody could tell whose they are.
    """

    kinds: tuple[str, ...]
    samples: list[Sample] = field(default_factory=list)
    truth: dict[int, list[Key]] = field(default_factory=lambda: defaultdict(list))
    unclear: set[Key] = field(default_factory=set)


def make_clip(seed: int) -> Clip:
    """Return a clip with some of the KINDS."""
    rng = random.Random(seed)
    kinds = tuple(kind for kind in KINDS if rng.random() < 0.5) or (rng.choice(KINDS),)
    clip = Clip(kinds)
    cuts = sorted(rng.sample(range(4, SECONDS - 4, 4), 2)) if "cut" in kinds else []
    for start, end in pairwise([0, *cuts, SECONDS]):
        _Scene(rng, clip, kinds, start, end).film()
    return clip


class _Scene:
    """From one cut to the next."""

    def __init__(
        self, rng: random.Random, clip: Clip, kinds: Sequence[str], start: int, end: int
    ) -> None:
        self.rng, self.clip, self.kinds, self.start, self.end = rng, clip, kinds, start, end
        self.objects: list[Moving] = []
        lanes = rng.randint(1, 3)
        for lane in range(lanes):
            self._add((lane + 0.5) / lanes, min(0.24, 0.7 / lanes), is_last=lane == lanes - 1)
        if "crossing" in kinds and end - start > 4:
            self._add_crossing(self.objects[0])
        self.ids: dict[int, int] = {}
        self.last_seen: dict[int, float] = {}
        self.misses: dict[int, int] = defaultdict(int)
        self.sway = self.shift = (0.0, 0.0)
        self.next_false = 0

    def _add(self, y: float, max_size: float, *, is_last: bool) -> None:
        rng, span = self.rng, self.end - self.start
        size = rng.uniform(0.1, max_size)
        way = rng.uniform(-0.5, 0.5)
        moving = Moving(
            x=0.5 - way / 2 + rng.uniform(-0.1, 0.1),
            y=y,
            width=size * rng.uniform(0.8, 1.1),
            height=size,
            speed=way / span,
            depth=rng.random(),
            start=self.start,
            sway=(rng.uniform(0, 0.25) * size, rng.uniform(0.05, 0.15), rng.uniform(0, math.tau)),
        )
        if "leaving" in self.kinds and is_last and span > 9:
            away = self.start + rng.uniform(2.0, 4.0)
            moving.hidden = (away, away + rng.uniform(GONE + 0.7, GONE + 2.0))
        elif "occlusion" in self.kinds and span > 4:
            away = self.start + rng.uniform(1.0, span - 2.5)
            moving.hidden = (away, away + rng.uniform(0.4, 1.2))
        self.objects.append(moving)

    def _add_crossing(self, other: Moving) -> None:
        """Add an object that meets the other one in the middle and goes on."""
        rng, half = self.rng, (self.end - self.start) / 2
        speed = math.copysign(rng.uniform(0.15, 0.3), -other.speed)
        size = other.height * rng.uniform(0.85, 1.15)
        x = other.x + other.speed * half - speed * half
        y = other.y + rng.uniform(-0.3, 0.3) * size
        self.objects.append(Moving(x, y, size, size, speed, rng.random(), self.start))

    def film(self) -> None:
        for step in range(self.start * RATE, self.end * RATE):
            seconds, boxes = step / RATE, []
            for index, box in self._visible(seconds, self._shift()):
                if self.rng.random() < MISSED and self.misses[index] < MAX_MISSES:
                    self.misses[index] += 1
                    continue
                self.misses[index] = 0
                boxes.append(self._found(index, step, box, seconds))
            if self.rng.random() < FALSE and step >= self.next_false:
                self.next_false = step + APART
                size = self.rng.uniform(0.08, 0.25)
                place = self.rng.uniform(0, 1 - size), self.rng.uniform(0, 1 - size)
                boxes.append(Box(*place, size, size, "Duck", self.rng.uniform(50, 80)))
            is_cut = step == self.start * RATE > 0
            self.clip.samples.append(_sample(step, seconds, boxes, is_cut=is_cut))

    def _found(self, index: int, step: int, box: Box, seconds: float) -> Box:
        """Note the object's box in the truth, and return it as the detector finds it."""
        if index not in self.ids or round(seconds - self.last_seen[index], 3) > GONE:
            self.ids[index] = len(self.clip.truth)
        self.last_seen[index] = seconds
        found = self._noisy(box)
        key = (step, found.left, found.top)
        self.clip.truth[self.ids[index]].append(key)
        others = (each for each in self.objects if each is not self.objects[index])
        if any(box.overlap(other.box(seconds, self.shift)) > UPON for other in others):
            self.clip.unclear.add(key)
        return found

    def _shift(self) -> tuple[float, float]:
        """Return how far the camera has moved."""
        if "shake" in self.kinds:
            push = PUSH if self.rng.random() < PUSHED else 0.0
            self.sway = self._swayed(self.sway[0], push), self._swayed(self.sway[1], push)
            x, y = (each + self.rng.gauss(0, TREMBLE) for each in self.sway)
            self.shift = (x, y)
        return self.shift

    def _swayed(self, sway: float, push: float) -> float:
        return 0.9 * sway + self.rng.gauss(0, SWAY) + self.rng.choice((-push, push))

    def _visible(self, seconds: float, shift: tuple[float, float]) -> list[tuple[int, Box]]:
        """Return what is mostly inside the picture, and not behind something."""
        shown: list[tuple[int, Box]] = []
        for index in sorted(range(len(self.objects)), key=lambda i: self.objects[i].depth):
            moving = self.objects[index]
            box = moving.box(seconds, shift)
            is_away = moving.hidden[0] <= seconds < moving.hidden[1] or _inside(box) < 0.6
            if not is_away and all(_covered(box, front) < HIDDEN for _, front in shown):
                shown.append((index, box))
        return shown

    def _noisy(self, box: Box) -> Box:
        """Return the box a little wrong, and clipped."""
        noise = self.rng.gauss
        width, height = box.width * noise(1, SIZE_NOISE), box.height * noise(1, SIZE_NOISE)
        left = box.left + noise(0, PLACE_NOISE) * box.width
        top = box.top + noise(0, PLACE_NOISE) * box.height
        right, bottom = min(left + width, 1.0), min(top + height, 1.0)
        left, top = max(left, 0.0), max(top, 0.0)
        return Box(left, top, right - left, bottom - top, "Duck", self.rng.uniform(60, 95))


def _inside(box: Box) -> float:
    """Return the share of the box that is in the picture."""
    return _covered(box, Box(0, 0, 1, 1, "", 0))


def _covered(box: Box, front: Box) -> float:
    width = min(box.left + box.width, front.left + front.width) - max(box.left, front.left)
    height = min(box.top + box.height, front.top + front.height) - max(box.top, front.top)
    return max(0.0, width) * max(0.0, height) / (box.width * box.height)


def _sample(step: int, seconds: float, boxes: list[Box], *, is_cut: bool) -> Sample:
    score = max((box.confidence for box in boxes), default=0.0)
    names = ("Duck", "Bird", "Toy") if boxes else ()
    return Sample(step, seconds, tuple(Label(name, score, tuple(boxes)) for name in names), is_cut)


def mistakes(clip: Clip, tracks: Sequence[Track]) -> list[str]:
    """Return what is wrong with the tracks: their number, who is who, the first and last time.

    A false box between the true ones of an object that was overlooked then is no mistake.
    """
    who = {key: number for number, keys in clip.truth.items() for key in keys}
    truth = {number: keys for number, keys in clip.truth.items() if len(keys) > 1}
    wrong = []
    if len(tracks) != len(truth):
        wrong.append(f"{len(tracks)} tracks of {len(truth)} objects")
    for track in tracks:
        seen = [(each.pts, each.box.left, each.box.top) for each in track.sightings if each.box]
        names = {who[key] for key in seen if key in who and key not in clip.unclear}
        if len(names) != 1:
            wrong.append(f"track {track.id} is of {sorted(names)}")
            continue
        keys = clip.truth[names.pop()]
        if (seen[0][0], seen[-1][0]) != (keys[0][0], keys[-1][0]):
            wrong.append(f"track {track.id} is seen from {seen[0][0]} to {seen[-1][0]}")
    return wrong
