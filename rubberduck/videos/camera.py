"""How far a camera has moved between two samples, by several objects that moved alike."""

import math
from collections.abc import Iterator, Sequence

from rubberduck.videos.motion import Motion, Spot

STEADY = 0.025  # standard deviation of what is not explained by the camera, in pictures
USUAL_SHIFT = 0.1  # of a camera's shift
MIN_GAIN = 0.6  # objects that a shift explains better than no shift
MIN_OBJECTS = 2

Shift = tuple[float, float]


def camera_shift(expected: Sequence[Motion], found: Sequence[Spot]) -> Shift:
    """Return the shift of the picture that explains best where the objects are found by now.

    Without at least two objects it is (0, 0): nobody can tell whether one moved or the camera.
    """
    still = (0.0, 0.0)
    if len(expected) < MIN_OBJECTS or len(found) < MIN_OBJECTS:
        return still
    unmoved = _support(still, expected, found)
    if min(len(expected), len(found)) - unmoved < MIN_GAIN:
        return still  # no shift could explain so much more
    supports = {shift: _support(shift, expected, found) for shift in _shifts(expected, found)}
    best = max(supports, key=supports.__getitem__, default=still)
    return best if supports.get(best, 0.0) - unmoved >= MIN_GAIN else still


def _shifts(expected: Sequence[Motion], found: Sequence[Spot]) -> Iterator[Shift]:
    """Yield the shifts by which some object would be exactly where it was expected."""
    for motion in expected:
        for spot in found:
            shift = spot.x - motion.x.place, spot.y - motion.y.place
            if math.hypot(*shift) <= 3 * USUAL_SHIFT:
                yield shift


def _support(shift: Shift, expected: Sequence[Motion], found: Sequence[Spot]) -> float:
    """Return about how many objects a shift explains, less for a shift that is unusually far."""
    left = list(found)
    support = -(shift[0] ** 2 + shift[1] ** 2) / (2 * USUAL_SHIFT**2)
    for motion in expected:
        if not left:
            break
        fits = [_fit(shift, motion, spot) for spot in left]
        best = max(range(len(left)), key=fits.__getitem__)
        support += fits[best]
        del left[best]
    return support


def _fit(shift: Shift, motion: Motion, spot: Spot) -> float:
    """Return 1 where a box is exactly as expected after a shift, down to 0."""
    x = (spot.x - motion.x.place - shift[0]) / STEADY
    y = (spot.y - motion.y.place - shift[1]) / STEADY
    return math.exp(-(x * x + y * y + motion.size_fit(spot).distance) / 2)
