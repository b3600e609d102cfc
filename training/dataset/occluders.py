"""Occluders: another object's edge, a stick, foam, fingers."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.rendering.colours import Random, hsv

Box = tuple[int, int, int, int]


def occlude(canvas: Image.Image, front: Image.Image, box: Box, rng: Random) -> None:
    """Hides a part of the box, mostly from below; `front` is what the nearer thing shows."""
    kind = rng.choice(len(KINDS), p=[share for share, _, _ in KINDS])
    _, draw_mask, own_colour = KINDS[kind]
    mask = Image.new("L", canvas.size)
    draw_mask(ImageDraw.Draw(mask), box, rng)
    mask = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if own_colour is not None:
        front = _shaded(own_colour(rng), mask, rng)
    canvas.paste(front, (0, 0), mask)


def _edge(draw: ImageDraw.ImageDraw, box: Box, rng: Random) -> None:
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    x, y = left + wide * rng.uniform(-0.1, 1.1), bottom + high * rng.uniform(-0.1, 0.1)
    rx, ry = wide * rng.uniform(0.15, 0.6), high * rng.uniform(0.15, 0.42)
    draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=255)


def _stick(draw: ImageDraw.ImageDraw, box: Box, rng: Random) -> None:
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    x, y = left + wide * rng.uniform(0, 1), bottom
    end = (x + wide * rng.uniform(-0.6, 0.6), y - high * rng.uniform(0.2, 1.2))
    draw.line(((x, y + 5), end), fill=255, width=max(2, round(wide * rng.uniform(0.05, 0.2))))


def _foam(draw: ImageDraw.ImageDraw, box: Box, rng: Random) -> None:
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    for _ in range(rng.integers(8, 60)):
        x, y = left + wide * rng.uniform(-0.4, 1.4), bottom - high * abs(rng.normal(0, 0.2))
        r = wide * rng.uniform(0.02, 0.14)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.uniform(150, 255)))


def _fingers(draw: ImageDraw.ImageDraw, box: Box, rng: Random) -> None:
    """One to four, side by side, from one edge of the duck towards its middle."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    thick, side = wide * rng.uniform(0.12, 0.22), rng.choice([-1, 1])
    tip = left + wide * (0.5 + side * rng.uniform(0.05, 0.4))
    root = left + wide * (0.5 + side * rng.uniform(0.7, 1.6))
    y = top + high * rng.uniform(0.35, 0.95)
    for _ in range(rng.integers(1, 5)):
        lean = high * rng.uniform(-0.1, 0.3)
        draw.line(((tip, y), (root, y + lean)), fill=255, width=max(3, round(thick)))
        r = thick / 2
        draw.ellipse((tip - r, y - r, tip + r, y + r), fill=255)
        y, tip = y + thick * 1.05, tip + wide * rng.uniform(-0.08, 0.08)


def _white(rng: Random) -> np.ndarray:
    return rng.uniform(0.8, 1, 3)


def _skin(rng: Random) -> np.ndarray:
    return np.array(hsv(rng.uniform(0.02, 0.09), rng.uniform(0.2, 0.6), rng.uniform(0.3, 0.95)))


def _shaded(colour: np.ndarray, mask: Image.Image, rng: Random) -> Image.Image:
    """The colour, darker towards the outline, as round things are."""
    soft = mask.filter(ImageFilter.GaussianBlur(max(1.0, mask.width * 0.012)))
    light = 0.55 + 0.45 * np.asarray(soft, np.float32) / 255 + rng.normal(0, 0.02, soft.size[::-1])
    pixels = np.clip(colour * light[..., None], 0, 1) * 255
    return Image.fromarray(pixels.astype(np.uint8))


KINDS = [(0.4, _edge, None), (0.15, _stick, None), (0.25, _foam, _white), (0.2, _fingers, _skin)]
