"""Pictures and boxes for measurements, generated from a fixed seed: the same on every machine."""

from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from rubberduck.core.models import Box
from tests.support.ducks import YELLOW, rendered_duck
from tests.support.pictures import encoded, exif

SEED = 1
CAMERA_FRAME = 640 * 480 / 1e6  # megapixels
BROWSER_MEGAPIXELS = 2048 * 1536 / 1e6  # a browser shrinks a phone's photo to this before sending
THREE_BOXES = (
    Box(0.10, 0.20, 0.25, 0.30, "Duck", 98.4),
    Box(0.45, 0.35, 0.20, 0.25, "Toy", 91.2),
    Box(0.70, 0.10, 0.22, 0.28, "Bird", 77.7),
)


@cache
def scene(width: int, height: int) -> Image.Image:
    """Return something like a photo of a duck: soft colours, some texture, sensor noise."""
    rng = np.random.default_rng(SEED)
    pixels = np.zeros((height, width, 3), np.float32)
    for octave in (4, 16, 128):
        colours = 3 if octave == 4 else 1  # broad colours, fine shades
        coarse = rng.uniform(40, 220, (max(2, octave * height // width), octave, colours)).repeat(
            3 // colours, axis=2
        )
        layer = Image.fromarray(coarse.astype(np.uint8))
        pixels += np.asarray(layer.resize((width, height), Resampling.BICUBIC), np.float32) / 3
    pixels += rng.normal(0, 3, (height, width, 1)).astype(np.float32)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    side = min(width, height) // 2
    duck = _duck().resize((side, side * _duck().height // _duck().width))
    image.paste(duck, (width // 3, height // 4), duck)
    return image


@cache
def _duck() -> Image.Image:
    return rendered_duck(YELLOW, 700)  # rendering a larger one is slow


@cache
def photo(
    megapixels: float = 12, format: str = "JPEG", orientation: int = 1, **options: Any
) -> bytes:
    """Return an encoded picture with an aspect ratio of 4:3; `options` are Pillow's."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    if format == "JPEG":
        options = {"quality": 92, "exif": exif(orientation), **options}
    return encoded(scene(round(height * 4 / 3), height), format, **options)


@cache
def many_boxes(count: int) -> tuple[Box, ...]:
    """Return boxes of one size, spread over the picture."""
    rng = np.random.default_rng(SEED)
    places = rng.uniform((0, 0, 40), (0.9, 0.9, 100), (count, 3))
    return tuple(
        Box(left, top, 0.08, 0.08, "Duck", percent) for left, top, percent in places.tolist()
    )
