"""How a decoded frame is turned upright, and its size then."""

import struct
from fractions import Fraction
from typing import NamedTuple

FIXED = struct.Struct("=9i")  # a display matrix: 16.16 fixed point, the last column 2.30


class Turn(NamedTuple):
    """What makes a frame upright: FFmpeg's filters, and whether width and height change places."""

    filters: tuple[str, ...] = ()
    is_sideways: bool = False
    is_mirrored: bool = False


UPRIGHT = Turn()


def turn_of(matrix: bytes | None) -> Turn:
    """Return the turn that a display matrix asks for, to the next quarter.

    A point (x, y) of the frame is shown at (a x + c y, b x + d y). A negative determinant mirrors:
    an angle alone, such as `VideoFrame.rotation` of PyAV, cannot say that.
    """
    if matrix is None or len(matrix) != FIXED.size:
        return UPRIGHT
    a, b, _, c, d, *_ = FIXED.unpack(matrix)
    is_mirrored = a * d - b * c < 0
    if abs(a) + abs(d) >= abs(b) + abs(c):
        flips = (("hflip",) if a < 0 else ()) + (("vflip",) if d < 0 else ())
        return Turn(flips, is_mirrored=is_mirrored)
    name = {(True, False): "clock", (False, True): "cclock", (True, True): "cclock_flip"}.get(
        (b > 0, c > 0), "clock_flip"
    )
    return Turn((f"transpose={name}",), is_sideways=True, is_mirrored=is_mirrored)


def square_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return the size in square pixels of a frame whose pixels are `pixel_aspect` times as wide."""
    if not pixel_aspect or not Fraction(1, 20) < pixel_aspect < 20:  # unknown, or nonsense
        return width, height
    return max(1, round(width * pixel_aspect)), height


def fitted(width: int, height: int, long: int, short: int | None = None) -> tuple[int, int]:
    """Return the size whose sides are at most `long` and `short`, of the same shape."""
    scale = min(1.0, long / max(width, height), (short or long) / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
