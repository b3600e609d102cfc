"""What one look of the net gives, and where to look again."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 320  # pixels of the net's square input
PADDING = (127, 127, 127)  # what the net was trained to see as nothing
# A second look at a small or middling duck takes in this many times its longer side,
ROOM = 2.5
CLOSEST, WIDEST = 0.3, 0.7  # within these shares of the picture's longer side.
LARGE = 0.5  # a duck longer than this share of the picture would be cut: zoom out instead
ZOOMED_OUT = 0.5  # share of the square's side that the picture then gets
CORRECTED = 0.35  # share of the picture up to which a look from near gives the better box
SMALL = 0.2  # up to which a sure first look gets one for its box alone
MIN_PROBABILITY = 1e-5  # keeps logits finite

Floats = npt.NDArray[np.float32]
Window = tuple[int, int, int, int]  # left, top, right, bottom in pixels


class View(NamedTuple):
    """What one look gave; all but the corners are probabilities."""

    duck: float
    waterfowl: float
    places: Floats  # (rows, columns): the middle of a duck lies there
    corners: Floats  # (rows, columns, 4): left, top, right, bottom, fractions of the picture

    @property
    def likeliest(self) -> Floats:
        """The corners of the likeliest duck, also of an unlikely one."""
        return np.asarray(self.corners.reshape(-1, 4)[self.places.argmax()])

    def longest_side(self, size: tuple[int, int]) -> float:
        """Return the likeliest duck's longer side as a share of the picture's."""
        left, top, right, bottom = (float(side) for side in self.likeliest)
        return max((right - left) * size[0], (bottom - top) * size[1]) / max(size)

    def with_likeliest(self, corners: Floats) -> "View":
        """Return this view with other corners of the likeliest duck."""
        all_corners = self.corners.copy()
        all_corners.reshape(-1, 4)[self.places.argmax()] = corners
        return self._replace(corners=all_corners)


def letterbox(
    image: Image.Image, share: float = 1.0
) -> tuple[npt.NDArray[np.uint8], tuple[int, int, int, int]]:
    """Return the picture in the middle of a square, and its left, top, width and height there.

    Its longer side gets `share` of the square's.
    """
    scale = SIDE * share / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    square = Image.new("RGB", (SIDE, SIDE), PADDING)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.0)
    square.paste(small, (left, top))
    return np.asarray(square), (left, top, width, height)


def window_around(size: tuple[int, int], corners: Floats) -> Window:
    """Return the part of a picture of `size` around a place, in which it looks larger."""
    left, top, right, bottom = (float(v) for v in corners * np.array([*size] * 2))
    longer = max(size)
    room = ROOM * max(right - left, bottom - top)
    side = min(max(room, CLOSEST * longer), WIDEST * longer)
    width, height = (max(1, round(min(side, limit))) for limit in size)
    x = round(min(max((left + right - width) / 2, 0), size[0] - width))
    y = round(min(max((top + bottom - height) / 2, 0), size[1] - height))
    return x, y, x + width, y + height


def from_window(corners: Floats, window: Window, size: tuple[int, int]) -> Floats:
    """Return corners that are fractions of a window as fractions of the picture."""
    start, scale = np.array(window[:2] * 2), np.array([*size] * 2)
    span = np.array([window[2] - window[0], window[3] - window[1]] * 2)
    return np.asarray((corners * span + start) / scale, np.float32)


def logit(probability: float) -> float:
    """Return log odds, finite also for 0 and 1."""
    bounded = min(max(probability, MIN_PROBABILITY), 1 - MIN_PROBABILITY)
    return float(np.log(bounded / (1 - bounded)))
