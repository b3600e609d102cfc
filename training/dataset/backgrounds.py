"""Backgrounds: crops of photographs, bare walls, a robot's road, water."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.rendering.colours import Random, hsv
from training.rendering.shapes import lumps

ASPECTS = (1, 4 / 3, 3 / 4, 3 / 2, 2 / 3, 16 / 9, 9 / 16)


def scene_size(side: int, rng: Random) -> tuple[int, int]:
    """Width and height of a scene whose longer side is `side`."""
    aspect = float(rng.choice(ASPECTS))
    return (side, round(side / aspect)) if aspect > 1 else (round(side * aspect), side)


def wall(size: tuple[int, int], rng: Random) -> Image.Image:
    """One colour, a little darker to one side."""
    flat = np.array(hsv(rng.random(), rng.uniform(0, 0.7) ** 2, rng.uniform(0.1, 1)))
    slope = np.linspace(1, rng.uniform(0.5, 1.1), size[1])[:, None, None]
    return _image(flat * slope * np.ones((1, size[0], 1)))


def road(size: tuple[int, int], far: Image.Image, rng: Random) -> Image.Image:
    """What a small robot sees: dark mats with white and yellow lanes, and a room beyond them."""
    width, height = size
    mat = np.full((height, width, 3), rng.uniform(0.05, 0.35)) * rng.normal(1, 0.05, 3)
    image = _image(mat + rng.normal(0, 0.015, mat.shape))
    draw = ImageDraw.Draw(image)
    horizon, middle = height * rng.uniform(0.1, 0.5), width * rng.uniform(0.2, 0.8)
    white, yellow = (225, 225, 220), (220, 180, 30)
    for colour, dashed in ((white, False), (yellow, True), (white, False)):
        foot, wide = width * rng.uniform(-0.5, 1.5), width * rng.uniform(0.04, 0.1)
        ends = np.linspace(0, 1, 9 if dashed else 2)
        for near, end in zip(ends[::2], ends[1::2], strict=False):
            corners = [(foot, wide, near**2), (foot, wide, end**2)]
            (ax, aw, _), (bx, bw, _) = (
                (f + (middle - f) * t, w * (1 - t) + 0.5, t) for f, w, t in corners
            )
            ay, by = (height + (horizon - height) * t for _, _, t in corners)
            draw.polygon([(ax - aw, ay), (ax + aw, ay), (bx + bw, by), (bx - bw, by)], fill=colour)
    beyond = far.resize(size).crop((0, 0, width, max(1, round(horizon))))
    image.paste(beyond.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3))), (0, 0))
    return image


def water(size: tuple[int, int], rng: Random) -> Image.Image:
    """A pool, a lake or a tub from above: blue to green, or white, with ripples."""
    width, height = size
    deep = np.array(hsv(rng.uniform(0.42, 0.62), rng.uniform(0, 0.8), rng.uniform(0.3, 1)))
    y, x = np.mgrid[:height:1, :width:1].astype(np.float32)
    near = (0.3 + y / height).ravel()  # ripples are larger close by
    points = np.stack([x.ravel() / near, y.ravel() / near * 2.5, np.zeros(x.size, np.float32)])
    waves = lumps(points, rng.uniform(5, 30), rng.uniform(0, 50)).reshape(height, width)
    light = 1 + rng.uniform(0.05, 0.3) * waves + rng.uniform(0, 0.7) * (waves > 0.75)
    return _image(deep * light[..., None])


def recoloured(image: Image.Image, rng: Random) -> Image.Image:
    """All hues turned so that some thing in the photograph gets a duck's or a beak's colour."""
    pixels = np.asarray(image.convert("HSV")).astype(np.float32)
    vivid = np.argwhere((pixels[..., 1] > 60) & (pixels[..., 2] > 60))
    if len(vivid):
        row, column = vivid[rng.integers(len(vivid))]
        target = rng.uniform(-0.02, 0.17) * 255
        pixels[..., 0] = (pixels[..., 0] + target - pixels[row, column, 0]) % 255
    pixels[..., 1] = np.clip(pixels[..., 1] * rng.uniform(1, 2), 0, 255)
    pixels[..., 2] = np.clip(pixels[..., 2] * rng.uniform(1, 1.3), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8), "HSV").convert("RGB")


def crop(photo: Image.Image, size: tuple[int, int], closest: float, rng: Random) -> Image.Image:
    """A piece of a photograph, at least `closest` of its shorter side, now and then mirrored."""
    aspect = size[0] / size[1]
    width = min(photo.width, photo.height * aspect) * rng.uniform(closest, 1)
    height = width / aspect
    left = rng.uniform(0, photo.width - width)
    top = rng.uniform(0, photo.height - height)
    image = photo.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else image


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
