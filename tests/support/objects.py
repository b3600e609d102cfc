"""Two objects that a suite can train on, drawn on varied backgrounds: a red mug, a green ball."""

import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

LABELS = ("mug", "ball")
SIDE = 480  # pixels of the longer side
Sides = tuple[float, float, float, float]


@dataclass(frozen=True)
class Drawn:
    """A picture as JPEG; `boxes` are labels with left, top, width, height in its pixels."""

    jpeg: bytes
    width: int
    height: int
    boxes: tuple[tuple[str, Sides], ...]


def draw_picture(number: int, labels: Sequence[str] = LABELS) -> Drawn:
    """Return picture `number`: the same number and labels give the same bytes.

    Each label is drawn once, at a place, size and shade of its own; without labels it shows only
    the background and clutter.
    """
    chance = random.Random(number)
    width, height = (SIDE, SIDE * 3 // 4) if number % 2 else (SIDE * 3 // 4, SIDE)
    image = _background(width, height, chance)
    draw = ImageDraw.Draw(image)
    for _ in range(chance.randint(1, 4)):
        _clutter(draw, width, height, chance)
    boxes: list[tuple[str, Sides]] = []
    slots = [(x, y) for x in (0, 1) for y in (0, 1)]
    chance.shuffle(slots)
    for label, (column, row) in zip(labels, slots, strict=False):
        side = chance.uniform(0.28, 0.44) * min(width, height)
        left = column * width / 2 + chance.uniform(0, max(1, width / 2 - side))
        top = row * height / 2 + chance.uniform(0, max(1, height / 2 - side))
        {"mug": _mug, "ball": _ball}[label](draw, left, top, side, chance)
        boxes.append((label, (left, top, side, side)))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return Drawn(file.getvalue(), width, height, tuple(boxes))


def draw_project(pictures: int, empty: int = 0) -> list[Drawn]:
    """Return pictures with a mug, a ball or both in turn, and some with neither."""
    shown = (("mug",), ("ball",), LABELS)
    filled = [draw_picture(number, shown[number % 3]) for number in range(pictures)]
    return filled + [draw_picture(10_000 + number, ()) for number in range(empty)]


def _background(width: int, height: int, chance: random.Random) -> Image.Image:
    """Return coarse noise between two pale or dark colours, blurred."""
    dark = chance.random() < 0.4
    low, high = (20, 110) if dark else (130, 235)
    one, other = ([chance.randint(low, high) for _ in range(3)] for _ in range(2))
    small = Image.new("RGB", (8, 8))
    for x in range(8):
        for y in range(8):
            share = chance.random()
            small.putpixel(
                (x, y), tuple(int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
            )
    return small.resize((width, height), Image.Resampling.BICUBIC).filter(
        ImageFilter.GaussianBlur(chance.uniform(0, 4))
    )


def _clutter(draw: ImageDraw.ImageDraw, width: int, height: int, chance: random.Random) -> None:
    """Draw a grey or blue bar or triangle: neither a mug nor a ball."""
    x, y = chance.uniform(0, width), chance.uniform(0, height)
    size, turn = chance.uniform(20, 90), chance.uniform(0, math.tau)
    grey = chance.randint(60, 200)
    colour = (grey, grey, min(255, grey + chance.randint(0, 55)))
    corners = 3 + chance.randint(0, 1)
    points = [
        (
            x + size * math.cos(turn + math.tau * corner / corners) / (1 + corners % 2),
            y + size * math.sin(turn + math.tau * corner / corners),
        )
        for corner in range(corners)
    ]
    draw.polygon(points, fill=colour)


def _mug(
    draw: ImageDraw.ImageDraw, left: float, top: float, side: float, chance: random.Random
) -> None:
    red = (chance.randint(170, 225), chance.randint(20, 60), chance.randint(20, 60))
    dark = tuple(int(0.6 * part) for part in red)
    body = left + 0.7 * side
    handle = (body - 0.12 * side, top + 0.28 * side, left + side, top + 0.78 * side)
    draw.ellipse(handle, outline=red, width=max(3, int(0.09 * side)))
    draw.rectangle((left, top + 0.1 * side, body, top + 0.92 * side), fill=red)
    draw.ellipse((left, top + 0.84 * side, body, top + side), fill=red)
    draw.ellipse((left, top, body, top + 0.2 * side), fill=dark, outline=(240, 230, 220), width=2)


def _ball(
    draw: ImageDraw.ImageDraw, left: float, top: float, side: float, chance: random.Random
) -> None:
    green = (chance.randint(20, 70), chance.randint(140, 200), chance.randint(40, 90))
    draw.ellipse((left, top, left + side, top + side), fill=green)
    stripe = (left + 0.3 * side, top, left + 0.7 * side, top + side)
    draw.ellipse(stripe, outline=(250, 250, 240), width=max(3, int(0.06 * side)))
    shine = (left + 0.2 * side, top + 0.15 * side, left + 0.36 * side, top + 0.3 * side)
    draw.ellipse(shine, fill=(225, 250, 225))
