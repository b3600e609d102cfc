"""Small videos of a rubber duck that the embedded detector knows, made with PyAV."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests.support.ducks import YELLOW, gradient, rendered_duck

RATE, SIZE = 10, (640, 360)


def always(seconds: float) -> bool:
    return True


def write_duck_video(
    path: Path,
    seconds: float = 4.0,
    is_there: Callable[[float], bool] = always,
    *,
    size: tuple[int, int] = SIZE,
    rate: int = RATE,
) -> Path:
    """Write an H.264 video of a duck that moves to the right whenever `is_there`."""
    times = (number / rate for number in range(round(seconds * rate)))
    scenes = (_scene(size, now / seconds if is_there(now) else None) for now in times)
    return write_pictures(path, scenes, rate)


def write_pictures(path: Path, pictures: Iterable[Image.Image], rate: int = RATE) -> Path:
    """Write an H.264 video of these pictures, all of the same even size."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if not number:
                stream.width, stream.height = picture.size
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _scene(size: tuple[int, int], place: float | None) -> Image.Image:
    scene = _background(size).copy()
    if place is not None:
        duck = _duck(round(size[1] * 0.6))
        x = round((size[0] - duck.width) * (0.1 + 0.8 * place))
        scene.paste(duck, (x, round(size[1] * 0.2)), duck)
    return scene


@cache
def _background(size: tuple[int, int]) -> Image.Image:
    return gradient(size)


@cache
def _duck(side: int) -> Image.Image:
    return rendered_duck(YELLOW, side)
