"""Pictures that differ enough not to be near duplicates, for the tests of projects."""

import random

from PIL import Image, ImageDraw

SIZE = (400, 300)
Box = tuple[int, int, int, int]  # left, top, width, height


def scene(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a background of coloured patches; the same seed gives the same picture."""
    chance = random.Random(seed)
    image = Image.new("RGB", size, _colour(chance))
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        left, top = chance.randrange(size[0]), chance.randrange(size[1])
        wide, high = chance.randrange(20, 160), chance.randrange(20, 160)
        draw.rectangle((left, top, left + wide, top + high), fill=_colour(chance))
    return image


def scene_with(seed: int, shapes: dict[str, Box]) -> Image.Image:
    """Return a scene with shapes on it: a "disc" is red, a "square" is blue."""
    image = scene(seed)
    draw = ImageDraw.Draw(image)
    for name, (left, top, width, height) in shapes.items():
        corners = (left, top, left + width, top + height)
        if name == "disc":
            draw.ellipse(corners, fill=(220, 30, 30))
        else:
            draw.rectangle(corners, fill=(30, 60, 220))
    return image


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)
