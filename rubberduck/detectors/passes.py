"""The output of one pass of the network, and the region for a second pass."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 320  # pixels of the longer side of a picture that the network sees
# The network's sides are multiples of this, twice its coarsest stride. So its cells lie on a
# picture as they would in the middle of a square, which the network was trained on.
STEP = 64
PADDING = (127, 127, 127)  # as in training
# The window of a second pass is this many times the duck's longer side,
ROOM = 2.5
CLOSEST, WIDEST = 0.3, 0.7  # limited to these shares of the picture's longer side.
# Sizes of the duck, as shares of the picture's longer side
LARGE = 0.5  # above: zoom out instead, because a window would cut the duck
CORRECTED = 0.35  # below: the second pass gives the better box
SMALL = 0.2  # below: a second pass for the box alone, even if the first is confident
ZOOMED_OUT = 0.5  # share of SIDE for the picture's longer side when zoomed out
MIN_PROBABILITY = 1e-5  # keeps logits finite

Floats = npt.NDArray[np.float32]
Window = tuple[int, int, int, int]  # left, top, right, bottom in pixels


class View(NamedTuple):
    """The output of one pass; all but the corners are probabilities."""

    duck: float
    waterfowl: float
    places: Floats  # (rows, columns): that a duck's centre lies there
    corners: Floats  # (rows, columns, 4): left, top, right, bottom, fractions of the picture

    @property
    def likeliest(self) -> Floats:
        """Return the corners at the most probable place."""
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
    image: Image.Image, share: float = 1.0, step: int = STEP
) -> tuple[npt.NDArray[np.uint8], tuple[int, int, int, int]]:
    """Return the picture as the network takes it, and its left, top, width and height there.

    Its longer side has `share` of SIDE pixels. Each side is filled up with grey to a multiple of
    `step`, and not to a square: a pass over 320 × 256 pixels takes four fifths of the time of one
    over 320 × 320. With a step of SIDE it is a square.
    """
    scale = SIDE * share / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    wide, high = (-(-side // step) * step for side in (width, height))
    left, top = (wide - width) // 2, (high - height) // 2
    boxed = Image.new("RGB", (wide, high), PADDING)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.0)
    boxed.paste(small, (left, top))
    return np.asarray(boxed), (left, top, width, height)


def window_around(size: tuple[int, int], corners: Floats) -> Window:
    """Return the window of a second pass around a duck, in a picture of `size`."""
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
