"""How objects move: Kalman filters with constant speed, one for each axis.

Lengths are in widths and heights of the picture, times in seconds.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from rubberduck.core.models import Box

# Standard deviations: of a box's place (a part of its size, and the shake of a hand), of an unknown
# speed, and of how much a speed changes within a second.
BOX_NOISE, SHAKE, UNKNOWN_SPEED, ACCELERATION = 0.06, 0.015, 0.25, 0.06
SIZE_NOISE = 0.2  # of the logarithm of a side
FAR, FAR_DEVIATIONS = 0.4, 6.0  # in pictures, and in standard deviations
EDGE = 0.005  # of the picture, within which a box ends at its edge
SIZE_GAIN = 0.5  # share of a new size in the mean


class Fit(NamedTuple):
    """How far apart two things are, squared, in standard deviations; and how unlikely that is:
    twice the negative logarithm of the likelihood, without its constant."""

    distance: float
    cost: float

    def plus(self, other: "Fit") -> "Fit":
        return Fit(self.distance + other.distance, self.cost + other.cost)


@dataclass(frozen=True)
class Axis:
    """The estimate of a place and a speed, with variances and the covariance of the two."""

    place: float
    speed: float
    place_variance: float
    covariance: float
    speed_variance: float

    @classmethod
    def seen(cls, place: float, noise: float) -> "Axis":
        """Return what is known after one measurement; `noise` is its variance."""
        return cls(place, 0.0, noise, 0.0, UNKNOWN_SPEED**2)

    def predicted(self, age: float) -> "Axis":
        """Return the estimate after some time without a measurement."""
        changed = ACCELERATION**2 * age
        return Axis(
            self.place + self.speed * age,
            self.speed,
            self.place_variance
            + 2 * age * self.covariance
            + age * age * (self.speed_variance + changed / 3),
            self.covariance + age * (self.speed_variance + changed / 2),
            self.speed_variance + changed,
        )

    def corrected(self, place: float, noise: float) -> "Axis":
        """Return the estimate after a measurement."""
        whole = self.place_variance + noise
        gain, speed_gain = self.place_variance / whole, self.covariance / whole
        off = place - self.place
        return Axis(
            self.place + gain * off,
            self.speed + speed_gain * off,
            (1 - gain) * self.place_variance,
            (1 - gain) * self.covariance,
            self.speed_variance - speed_gain * self.covariance,
        )

    def fit(self, place: float, noise: float) -> Fit:
        """Return how well a measurement fits."""
        variance = self.place_variance + noise
        distance = (place - self.place) ** 2 / variance
        return Fit(distance, distance + math.log(variance))


@dataclass(frozen=True)
class Spot:
    """A box by its centre and size.

    `cut_x`, `cut_y`: -1 where it ends at the picture's left or upper edge, 1 at the right or lower
    one, which then may have cut off a part of the object; else 0.
    """

    x: float
    y: float
    width: float
    height: float
    cut_x: int = 0
    cut_y: int = 0

    @classmethod
    def of(cls, box: Box, camera: tuple[float, float] = (0.0, 0.0)) -> "Spot":
        """Return the place of a box, as if the camera had not moved so far."""
        x, y = box.left + box.width / 2 - camera[0], box.top + box.height / 2 - camera[1]
        cuts = _cut(box.left, box.width), _cut(box.top, box.height)
        return cls(x, y, max(box.width, 1e-4), max(box.height, 1e-4), *cuts)

    def uncut(self, width: float, height: float) -> "Spot":
        """Return the place of the whole object, if it is so large."""
        width = max(width, self.width) if self.cut_x else self.width
        height = max(height, self.height) if self.cut_y else self.height
        x = self.x + self.cut_x * (width - self.width) / 2
        y = self.y + self.cut_y * (height - self.height) / 2
        return Spot(x, y, width, height)


@dataclass(frozen=True)
class Motion:
    """Where an object is, how it moves and how large it is, as of one moment."""

    x: Axis
    y: Axis
    width: float
    height: float

    @classmethod
    def seen(cls, spot: Spot) -> "Motion":
        x, y = Axis.seen(spot.x, _noise(spot.width)), Axis.seen(spot.y, _noise(spot.height))
        return cls(x, y, spot.width, spot.height)

    def predicted(self, age: float) -> "Motion":
        return Motion(self.x.predicted(age), self.y.predicted(age), self.width, self.height)

    def corrected(self, spot: Spot) -> "Motion":
        spot = spot.uncut(self.width, self.height)
        return Motion(
            self.x.corrected(spot.x, _noise(spot.width)),
            self.y.corrected(spot.y, _noise(spot.height)),
            self.width + SIZE_GAIN * (spot.width - self.width),
            self.height + SIZE_GAIN * (spot.height - self.height),
        )

    def fit(self, spot: Spot) -> Fit:
        """Return how well a box fits."""
        spot = spot.uncut(self.width, self.height)
        x = self.x.fit(spot.x, _noise(spot.width))
        return x.plus(self.y.fit(spot.y, _noise(spot.height))).plus(self.size_fit(spot))

    def is_far(self, spot: Spot) -> bool:
        """Return whether a box is so far away that no comparison is needed."""
        x, y = spot.x - self.x.place, spot.y - self.y.place
        most = FAR + FAR_DEVIATIONS * math.sqrt(self.x.place_variance + self.y.place_variance)
        return x * x + y * y > most * most

    def size_fit(self, other: Spot) -> Fit:
        """Return how well two sizes fit."""
        width = math.log(other.width / self.width) / SIZE_NOISE
        height = math.log(other.height / self.height) / SIZE_NOISE
        return Fit(width * width + height * height, width * width + height * height)


def _cut(start: float, size: float) -> int:
    """Return at which edge of the picture a box ends: -1 or 1; 0 for none, or for both."""
    return int(start + size > 1 - EDGE) - int(start < EDGE)


def _noise(side: float) -> float:
    """Return the variance of a box's place along one axis."""
    return (BOX_NOISE * side) ** 2 + SHAKE**2
