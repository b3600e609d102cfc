"""Follow objects through the samples of a video: greedy matching by overlap, with speed.

Libraries looked at: supervision no longer has ByteTrack; norfair needs numpy below 2; motpy is of
2021; trackers brings OpenCV and supervision (400 MB) and returns its rows in another order. All
count frames, not seconds, while the samples of a video lie at irregular times.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from rubberduck.core.models import Box
from rubberduck.videos.models import Sighting, Track

# What leaves the picture for longer counts anew, in seconds; and what was seen only once so far.
MAX_GAP, MAX_GAP_OF_NEW = 2.0, 0.7
MIN_SIGHTINGS = 3  # of a track's scores, missing ones are 0: a single one is not believed
# Standard deviations of the motion, in widths and heights of the picture: of a box's place (a part
# of its size, and the shake of a hand), of the first speed, of its change, a second.
BOX_NOISE, SHAKE, FIRST_SPEED, ACCELERATION = 0.06, 0.02, 0.25, 0.05
SIZE_NOISE = 0.2  # of the logarithm of a side
MAX_DISTANCE = 18.0  # squared, in standard deviations


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
class _Axis:
    """A Kalman filter of one coordinate with constant speed: place, speed, and their covariance."""

    place: float
    noise: float  # variance of a measurement
    speed: float = 0.0
    place_variance: float = 0.0
    covariance: float = 0.0
    speed_variance: float = 0.0

    def __post_init__(self) -> None:
        self.place_variance = self.noise
        self.speed_variance = FIRST_SPEED**2

    def predicted(self, age: float) -> "_Axis":
        """Return the filter after some seconds without a measurement."""
        jerk = ACCELERATION**2 * age
        return replace_variances(
            self,
            self.place + self.speed * age,
            self.place_variance
            + 2 * age * self.covariance
            + age**2 * self.speed_variance
            + jerk * age**2 / 3,
            self.covariance + age * self.speed_variance + jerk * age / 2,
            self.speed_variance + jerk,
        )

    def fit(self, place: float) -> tuple[float, float]:
        """Return how far a measurement is from here, squared, in standard deviations; and how
        unlikely it is: twice its negative logarithmic likelihood."""
        variance = self.place_variance + self.noise
        distance = (place - self.place) ** 2 / variance
        return distance, distance + math.log(variance)

    def corrected(self, place: float, noise: float) -> "_Axis":
        total = self.place_variance + noise
        gain, speed_gain = self.place_variance / total, self.covariance / total
        off = place - self.place
        corrected = replace_variances(
            self,
            self.place + gain * off,
            (1 - gain) * self.place_variance,
            (1 - gain) * self.covariance,
            self.speed_variance - speed_gain * self.covariance,
        )
        corrected.speed = self.speed + speed_gain * off
        corrected.noise = noise
        return corrected


def replace_variances(
    axis: _Axis, place: float, place_variance: float, covariance: float, speed_variance: float
) -> _Axis:
    changed = _Axis(place, axis.noise, axis.speed)
    changed.place_variance = place_variance
    changed.covariance = covariance
    changed.speed_variance = speed_variance
    return changed


@dataclass
class _Path:
    """A track that grows."""

    sightings: list[Sighting]
    strong: list[Sighting]
    labels: Counter[str]
    x: _Axis
    y: _Axis
    width: float
    height: float

    @classmethod
    def begin(cls, sighting: Sighting, box: Box) -> "_Path":
        x, y = _centre(box)
        axes = _Axis(x, _noise(box.width)), _Axis(y, _noise(box.height))
        return cls([sighting], [sighting], Counter([box.label]), *axes, box.width, box.height)

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]

    def is_over(self, seconds: float, before: float | None) -> bool:
        """Return whether it was unseen for too long, and in at least one sample, the one before."""
        most = MAX_GAP if len(self.sightings) > 1 else MAX_GAP_OF_NEW
        missed = before is not None and self.last.seconds < before
        return missed and seconds - self.last.seconds > most

    @property
    def is_new(self) -> bool:
        return len(self.sightings) == 1

    def fit(self, box: Box, seconds: float) -> tuple[float, float]:
        """Return how far the box is from where the object should be, and how unlikely it is."""
        age = seconds - self.last.seconds
        x, y = _centre(box)
        far_x, unlikely_x = self.x.predicted(age).fit(x)
        far_y, unlikely_y = self.y.predicted(age).fit(y)
        size = _log_ratio(box.width, self.width) ** 2 + _log_ratio(box.height, self.height) ** 2
        return far_x + far_y + size, unlikely_x + unlikely_y + size

    def add(self, sighting: Sighting, box: Box, *, is_strong: bool) -> None:
        age = sighting.seconds - self.last.seconds
        x, y = _centre(box)
        self.x = self.x.predicted(age).corrected(x, _noise(box.width))
        self.y = self.y.predicted(age).corrected(y, _noise(box.height))
        self.width += (box.width - self.width) / 2
        self.height += (box.height - self.height) / 2
        self.sightings.append(sighting)
        if is_strong:
            self.strong.append(sighting)
            self.labels[box.label] += 1

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
    before: float | None = None  # time of the sample before

    def add(self, now: Observation) -> None:
        alive: list[_Path] = []
        for path in self.alive:
            is_over = now.is_cut or path.is_over(now.seconds, self.before)
            (self.ended if is_over else alive).append(path)
        self.alive = alive
        strong = [each for each in now.detections if each.is_strong]
        weak = [each for each in now.detections if not each.is_strong]
        new = self._match(now, strong)
        self._match(now, weak)
        self.alive += [_Path.begin(_sighting(now, each), each.box) for each in new]
        self.before = now.seconds

    def _match(
        self, now: Observation, found: list[Detection], *, is_new: bool = False
    ) -> list[Detection]:
        """Continue tracks with what was found, the best fit first; return the rest.

        Tracks of one sighting, which may be of a false box, get what others leave.
        """
        pairs = sorted(
            (fit[1], number, index)
            for number, path in enumerate(self.alive)
            if path.last.pts != now.pts and path.is_new == is_new
            for index, each in enumerate(found)
            if (fit := path.fit(each.box, now.seconds))[0] <= MAX_DISTANCE
        )
        taken: set[int] = set()
        for _, number, index in pairs:
            path, each = self.alive[number], found[index]
            if index not in taken and path.last.pts != now.pts:
                taken.add(index)
                path.add(_sighting(now, each), each.box, is_strong=each.is_strong)
        left = [each for index, each in enumerate(found) if index not in taken]
        return left if is_new else self._match(now, left, is_new=True)

    def end(self) -> list[_Path]:
        return self.ended + self.alive


def _noise(side: float) -> float:
    """Return the variance of a box's place along one axis."""
    return (BOX_NOISE * side) ** 2 + SHAKE**2


def _log_ratio(side: float, other: float) -> float:
    return math.log(max(side, 1e-6) / max(other, 1e-6)) / SIZE_NOISE


def _centre(box: Box) -> tuple[float, float]:
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
