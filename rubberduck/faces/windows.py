"""Square windows of a picture, as the face nets see them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]


class Window(NamedTuple):
    """A square of a picture, in its pixels; it may reach over the edges."""

    left: float
    top: float
    side: float

    @classmethod
    def whole(cls, size: tuple[int, int]) -> "Window":
        """Return the smallest window with all of a picture, which is in its middle."""
        side = max(size)
        return cls((size[0] - side) / 2, (size[1] - side) / 2, side)

    @classmethod
    def around(cls, corners: Floats, zoom: float) -> "Window":
        """Return the window around corners (left, top, right, bottom), `zoom` times their side."""
        left, top, right, bottom = (float(value) for value in corners)
        side = max(zoom * max(right - left, bottom - top), 1.0)
        return cls((left + right - side) / 2, (top + bottom - side) / 2, side)


def pixels_in(image: Image.Image, window: Window, side: int) -> npt.NDArray[np.uint8]:
    """Return what a window shows of an RGB picture, (side, side, 3), black beyond its edges."""
    scale = side / window.side
    left, top = max(window.left, 0.0), max(window.top, 0.0)
    right = min(window.left + window.side, float(image.width))
    bottom = min(window.top + window.side, float(image.height))
    square = Image.new("RGB", (side, side))
    if right > left and bottom > top:
        size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
        shown = image.resize(
            size, Image.Resampling.BILINEAR, (left, top, right, bottom), reducing_gap=2.0
        )
        square.paste(
            shown, (round((left - window.left) * scale), round((top - window.top) * scale))
        )
    return np.asarray(square)
