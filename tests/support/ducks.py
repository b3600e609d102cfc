"""A rubber duck that the embedded detector knows, rendered here."""

from functools import cache

import numpy as np
from PIL import Image

from tests.support.pictures import encoded
from training.props.ducks import duck
from training.rendering.lighting import GAMMA, light_from_background, shade
from training.rendering.ray_marcher import View, render

YELLOW = 15  # a seed whose duck is plain and yellow


def gradient(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A soft grey-blue background."""
    width, height = size
    across = np.linspace(90, 200, width)[None, :, None]
    down = np.linspace(0.6, 1.0, height)[:, None, None]
    pixels = across * down * np.array([0.8, 0.9, 1.0])
    return Image.fromarray(pixels.astype(np.uint8))


def rendered_duck(seed: int, side: int) -> Image.Image:
    """A duck of the training's own making, cut out: RGBA, at most `side` pixels long."""
    rng = np.random.default_rng(seed)
    parts = list(duck(rng).parts)
    lamp = np.array([0.4, 0.7, 0.6], np.float32)
    sprite = render(parts, View(yaw=40, pitch=15, roll=0), lamp, side)
    assert sprite is not None
    pixels = shade(sprite, light_from_background(np.full((8, 8, 3), 0.3, np.float32), rng), rng)
    pixels[..., :3] = np.clip(pixels[..., :3], 0, 1) ** (1 / GAMMA)
    return Image.fromarray((pixels * 255).astype(np.uint8), "RGBA")


@cache
def duck_photo() -> bytes:
    scene, cut_out = gradient(), rendered_duck(YELLOW, 260)
    scene.paste(cut_out, (290, 150), cut_out)
    return encoded(scene, quality=92)
