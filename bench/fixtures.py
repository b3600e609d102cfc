"""Pictures to measure with, made from seeds: the same ones each time, on each machine."""

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from rubberduck.core.models import Box
from tests.support.ducks import YELLOW, rendered_duck

SEED = 1
EXIF_ORIENTATION = 0x0112
SIZES = {"12 MP": (4000, 3000), "2 MP": (1600, 1200), "camera frame": (640, 480)}
THREE_BOXES = (
    Box(0.10, 0.20, 0.25, 0.30, "Duck", 98.4),
    Box(0.45, 0.35, 0.20, 0.25, "Toy", 91.2),
    Box(0.70, 0.10, 0.22, 0.28, "Bird", 77.7),
)


@cache
def scene(width: int, height: int) -> Image.Image:
    """Something like a photo of a duck: soft colours, some texture, sensor noise."""
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
    return rendered_duck(YELLOW, 700)  # a larger one takes long


@cache
def photo(
    size: str = "12 MP",
    format: str = "JPEG",
    orientation: int = 1,
    progressive: bool = False,
    quality: int = 92,
) -> bytes:
    """One of SIZES, encoded."""
    tags = Image.Exif()
    tags[EXIF_ORIENTATION] = orientation
    options = (
        {"quality": quality, "progressive": progressive, "exif": tags} if format == "JPEG" else {}
    )
    out = BytesIO()
    scene(*SIZES[size]).save(out, format, **options)
    return out.getvalue()


@cache
def photo_of(megapixels: float) -> bytes:
    """A JPEG of four to three."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    out = BytesIO()
    scene(round(height * 4 / 3), height).save(out, "JPEG", quality=92)
    return out.getvalue()


def many_boxes(count: int) -> tuple[Box, ...]:
    """Boxes of one size all over the picture."""
    rng = np.random.default_rng(SEED)
    places = rng.uniform((0, 0, 40), (0.9, 0.9, 100), (count, 3))
    return tuple(Box(left, top, 0.08, 0.08, "Duck", sure) for left, top, sure in places.tolist())
