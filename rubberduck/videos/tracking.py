"""Follow objects through the samples of a video: greedy matching by overlap, with speed.

Libraries looked at: supervision no longer has ByteTrack; norfair needs numpy below 2; motpy is of
2021; trackers brings OpenCV and supervision (400 MB) and returns its rows in another order. All
count frames, not seconds, while the samples of a video lie at irregular times.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

from rubberduck.core.models import Box
from rubberduck.videos.models import Sighting, Track

# What leaves the picture for longer counts anew, in seconds.
MAX_GAP = 2.0
MIN_SIGHTINGS = 3  # of a track's scores, missing ones are 0: a single one is not believed
MIN_AFFINITY = -1.0
MAX_SIZE_RATIO = 2.5
SMOOTHING = 0.5  # share of a new speed


@dataclass(frozen=True)
class Detection:
    """One object in one sample; `score` in percent. A weak one only continues a track."""

    box: Box
    score: float
    is_strong: bool = True


@dataclass(frozen=True)
class Observation:
    """What was found in one sample, which lasts until the next one; times in seconds."""

    pts: int
    seconds: float
    lasts: float
    detections: tuple[Detection, ...]
    is_cut: bool = False


def track_score(scores: Iterable[float]) -> float:
    """Return the median of a track's scores, padded with zeros to three.

    >>> track_score([90.0]), track_score([90.0, 80.0]), track_score([90.0, 10.0, 80.0])
    (0.0, 80.0, 80.0)
    """
    found = list(scores)
    return median(found + [0.0] * (MIN_SIGHTINGS - len(found)))


def follow(observations: Iterable[Observation]) -> tuple[Track, ...]:
    """Return the tracks of all objects, by the time at which each was first seen."""
    tracker = _Tracker()
    for observation in observations:
        tracker.add(observation)
    paths = sorted(tracker.end(), key=lambda path: path.sightings[0].seconds)
    return tuple(path.track(number) for number, path in enumerate(paths, 1))


@dataclass
class _Path:
    """A track that grows. Speeds are widths and heights of the picture a second."""

    sightings: list[Sighting]
    strong: list[Sighting]
    labels: Counter[str]
    speed: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def begin(cls, sighting: Sighting, label: str) -> "_Path":
        return cls([sighting], [sighting], Counter([label]))

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]

    def place(self, seconds: float) -> tuple[float, float]:
        """Return where the centre of the object should be."""
        x, y = _centre(self.last.box)
        age = seconds - self.last.seconds
        return x + self.speed[0] * age, y + self.speed[1] * age

    def add(self, sighting: Sighting, label: str, *, is_strong: bool) -> None:
        x, y = _centre(sighting.box)
        before_x, before_y = _centre(self.last.box)
        if (age := sighting.seconds - self.last.seconds) > 0:
            share = 1.0 if len(self.sightings) == 1 else SMOOTHING
            old = self.speed
            new = (x - before_x) / age, (y - before_y) / age
            self.speed = (
                old[0] + share * (new[0] - old[0]),
                old[1] + share * (new[1] - old[1]),
            )
        self.sightings.append(sighting)
        if is_strong:
            self.strong.append(sighting)
            self.labels[label] += 1

    def track(self, number: int) -> Track:
        last = self.strong[-1]
        seen = tuple(s for s in self.sightings if s.seconds <= last.seconds)
        return Track(
            id=number,
            label=self.labels.most_common(1)[0][0],
            score=track_score(sighting.score for sighting in self.strong),
            first_seconds=seen[0].seconds,
            last_seconds=last.seconds,
            seen_seconds=sum(sighting.lasts for sighting in seen),
            best=max(self.strong, key=_quality),
            sightings=seen,
        )


@dataclass
class _Tracker:
    alive: list[_Path] = field(default_factory=list)
    ended: list[_Path] = field(default_factory=list)

    def add(self, observation: Observation) -> None:
        oldest = observation.seconds - MAX_GAP
        for path in self.alive:
            if observation.is_cut or path.last.seconds < oldest:
                self.ended.append(path)
        if observation.is_cut:
            self.alive = []
        self.alive = [path for path in self.alive if path.last.seconds >= oldest]
        strong = [each for each in observation.detections if each.is_strong]
        weak = [each for each in observation.detections if not each.is_strong]
        unmatched = self._match(observation, strong, self.alive)
        seen = [path for path in self.alive if path.last.pts != observation.pts]
        self._match(observation, weak, seen)
        for each in unmatched:
            self.alive.append(_Path.begin(_sighting(observation, each), each.box.label))

    def _match(
        self, observation: Observation, found: list[Detection], paths: list[_Path]
    ) -> list[Detection]:
        """Continue paths with what was found, the best fit first; return the rest."""
        pairs = sorted(_pairs(observation, found, paths), reverse=True)
        taken: set[int] = set()
        for _, detection_index, path_index in pairs:
            path, detection = paths[path_index], found[detection_index]
            if detection_index in taken or path.last.pts == observation.pts:
                continue
            taken.add(detection_index)
            path.add(
                _sighting(observation, detection),
                detection.box.label,
                is_strong=detection.is_strong,
            )
        return [each for index, each in enumerate(found) if index not in taken]

    def end(self) -> list[_Path]:
        return self.ended + self.alive


def _pairs(
    observation: Observation, found: list[Detection], paths: list[_Path]
) -> Iterator[tuple[float, int, int]]:
    for path_index, path in enumerate(paths):
        x, y = path.place(observation.seconds)
        before = path.last.box
        assert before is not None
        here = Box(
            x - before.width / 2, y - before.height / 2, before.width, before.height, "", 0.0
        )
        for index, detection in enumerate(found):
            affinity = _affinity(here, detection.box)
            if affinity >= MIN_AFFINITY:
                yield affinity, index, path_index


def _affinity(place: Box, box: Box) -> float:
    """Return how well a box fits: its overlap less the distance in sizes of the object."""
    ratio = (place.width * place.height or 1e-9) / (box.width * box.height or 1e-9)
    if not 1 / MAX_SIZE_RATIO**2 <= ratio <= MAX_SIZE_RATIO**2:
        return -math.inf
    x, y = _centre(place)
    to_x, to_y = _centre(box)
    width, height = (place.width + box.width) / 2, (place.height + box.height) / 2
    distance = math.hypot((to_x - x) / width, (to_y - y) / height)
    return place.overlap(box) - distance


def _centre(box: Box | None) -> tuple[float, float]:
    assert box is not None
    return box.left + box.width / 2, box.top + box.height / 2


def _sighting(observation: Observation, detection: Detection) -> Sighting:
    return Sighting(
        observation.pts, observation.seconds, detection.score, detection.box, observation.lasts
    )


def _quality(sighting: Sighting) -> float:
    """Return how good a picture of the object it is: sure, large, and not cut by the edge."""
    box = sighting.box
    if box is None:
        return sighting.score
    inside = min(box.left, box.top, 1 - box.left - box.width, 1 - box.top - box.height)
    return sighting.score + 10 * math.sqrt(box.width * box.height) - (20 if inside < 0.005 else 0)
