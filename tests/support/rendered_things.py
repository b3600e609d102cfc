"""Two things that are not ducks, a robot and a teapot, rendered: pictures to train models on."""

import io
import random
from functools import cache

import numpy as np
from PIL import Image

from tests.support.objects import Drawn, draw_picture
from training.props.household_objects import robot, teapot
from training.rendering.lighting import GAMMA, light_from_background, shade
from training.rendering.ray_marcher import View, render

THINGS = ("robot", "teapot")
Cut = dict[str, list[Image.Image]]


@cache
def rendered_things() -> Cut:
    """Return one robot and one teapot, each from four sides, cut out."""
    cut: Cut = {}
    lamp = np.array([0.4, 0.7, 0.6], np.float32)
    for label, make in zip(THINGS, (robot, teapot), strict=True):
        parts = make(np.random.default_rng(5))
        cut[label] = []
        for yaw in (-50, -10, 30, 70):
            sprite = render(parts, View(yaw, 15, 0), lamp, 110)
            assert sprite is not None
            rng = np.random.default_rng(yaw % 7)
            pixels = shade(sprite, light_from_background(np.full((8, 8, 3), 0.3), rng), rng)
            pixels[..., :3] = np.clip(pixels[..., :3], 0, 1) ** (1 / GAMMA)
            cut[label].append(Image.fromarray((pixels * 255).astype(np.uint8), "RGBA"))
    return cut


def photograph(number: int, label: str | None) -> Drawn:
    """Return picture `number`, with the thing on a background of its own, or without any.

    The thing is 0.4 to 0.5 of the picture's longer side.
    """
    scene = draw_picture(10_000 + number, ())
    if label is None:
        return scene
    chance = random.Random(number)
    image = Image.open(io.BytesIO(scene.jpeg))
    cut = chance.choice(rendered_things()[label])
    side = chance.uniform(0.4, 0.5) * max(image.size) / max(cut.size)
    cut = cut.resize((round(cut.width * side), round(cut.height * side)))
    left = chance.randrange(image.width - cut.width)
    top = chance.randrange(image.height - cut.height)
    image.paste(cut, (left, top), cut)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return Drawn(file.getvalue(), *image.size, ((label, (left, top, *cut.size)),))
