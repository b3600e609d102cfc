"""Where the eyes and the nose of a face are."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Landmarks:
    """Points as fractions of the upright picture. Left is the left of who looks at it."""

    eye_left: tuple[float, float]
    eye_right: tuple[float, float]
    nose: tuple[float, float]

    def roll(self, size: tuple[int, int]) -> float:
        """Return how far the head is turned clockwise in a picture of this size, in degrees.

        >>> Landmarks((0.2, 0.4), (0.4, 0.4), (0.3, 0.5)).roll((200, 100))
        0.0
        >>> round(Landmarks((0.2, 0.4), (0.3, 0.6), (0.2, 0.5)).roll((200, 100)))
        45
        """
        across = (self.eye_right[0] - self.eye_left[0]) * size[0]
        down = (self.eye_right[1] - self.eye_left[1]) * size[1]
        return math.degrees(math.atan2(down, across))
