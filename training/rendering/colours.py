"""Colours and patterns for toys."""

import colorsys

import numpy as np

from training.rendering.ray_marcher import Paint
from training.rendering.shapes import Floats, lumps

Random = np.random.Generator
Colour = tuple[float, float, float]


def hsv(h: float, s: float, v: float) -> Colour:
    return colorsys.hsv_to_rgb(h % 1, min(max(s, 0), 1), min(max(v, 0), 1))


def duck_yellow(rng: Random) -> Colour:
    return hsv(rng.normal(0.138, 0.014), rng.uniform(0.72, 1.0), rng.uniform(0.82, 1.0))


def beak_orange(rng: Random) -> Colour:
    return hsv(rng.normal(0.045, 0.025), rng.uniform(0.8, 1.0), rng.uniform(0.7, 1.0))


def any_colour(rng: Random) -> Colour:
    """Mostly bright, sometimes black, white or grey, as toys are."""
    kind = rng.random()
    if kind < 0.12:
        return hsv(0, 0, rng.uniform(0.02, 0.12))
    if kind < 0.27:
        return hsv(rng.random(), rng.uniform(0, 0.08), rng.uniform(0.8, 1.0))
    return hsv(rng.random(), rng.uniform(0.4, 1.0), rng.uniform(0.3, 1.0))


def warm(rng: Random) -> Colour:
    """From red over orange to yellow: what duck finders fall for."""
    return hsv(rng.uniform(-0.02, 0.17), rng.uniform(0.55, 1.0), rng.uniform(0.6, 1.0))


def plain(colour: Colour) -> Paint:
    column = np.array(colour, np.float32)[:, None]
    return lambda p: np.repeat(column, p.shape[1], 1)


def pattern(rng: Random, first: Colour, second: Colour) -> Paint:
    """Two colours in stripes, spots, patches, a gradient, or one above the other."""
    a, b = (np.array(c, np.float32)[:, None] for c in (first, second))
    kind = rng.integers(6)
    size, seed, level = rng.uniform(0.2, 0.55), rng.uniform(0, 50), rng.uniform(-0.2, 0.6)
    axis = int(rng.integers(3))

    def share(p: Floats) -> Floats:
        if kind == 0:
            return (np.sin(p[axis] / size * 3) > 0).astype(np.float32)
        if kind == 1:
            cells = p / size
            near = ((cells - np.round(cells)) ** 2).sum(0)
            return (near < 0.1).astype(np.float32)
        if kind == 2:
            return (lumps(p, size * 0.6, seed) > 0.1).astype(np.float32)
        if kind == 3:
            return np.clip((p[1] - level + 0.6) / 1.2, 0, 1).astype(np.float32)
        if kind == 4:
            return (p[1] > level).astype(np.float32)
        return (np.sin(p[0] / size * 3) * np.sin(p[1] / size * 3) > 0).astype(np.float32)

    def paint(p: Floats) -> Floats:
        t = share(p)
        return np.asarray(a * (1 - t) + b * t, np.float32)

    return paint


def fuzzy(paint: Paint, seed: float, depth: float = 0.15) -> Paint:
    """Fur, felt or feathers: the colour varies from hair to hair."""

    def hairy(p: Floats) -> Floats:
        return np.clip(
            paint(p) * (1 + depth * lumps(p, 0.012, seed) + depth * lumps(p, 0.035, seed + 3)), 0, 1
        ).astype(np.float32)

    return hairy
