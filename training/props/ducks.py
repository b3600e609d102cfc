"""Rubber ducks: bodies, heads, beaks, wings, tails and eyes of random making."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.rendering import colours
from training.rendering.colours import Colour, Random
from training.rendering.ray_marcher import Paint, Part
from training.rendering.shapes import (
    Floats,
    Shape,
    above,
    blend,
    both_sides,
    ellipsoid,
    rod,
    tilted,
    vector,
)


@dataclass(frozen=True)
class Duck:
    """The measures that costumes need to know, and the parts so far."""

    parts: tuple[Part, ...]
    head: Floats
    skull: Floats  # the head's radii
    body: Floats  # the body's radii; its centre is the origin
    floor: float


def torso(rng: Random) -> tuple[Shape, Floats, float]:
    long, high, wide = 1.0, rng.uniform(0.55, 0.85), rng.uniform(0.62, 0.92)
    shapes = [ellipsoid(vector(0, 0, 0), vector(long, high, wide))]
    if rng.random() < 0.7:  # a full chest
        chest = rng.uniform(0.5, 0.68)
        shapes.append(
            ellipsoid(vector(0.45, rng.uniform(0, 0.15), 0), vector(chest, chest, wide * 0.9))
        )
    tip = vector(-rng.uniform(0.95, 1.4), rng.uniform(0.3, 0.9) * high + 0.1, 0)
    tail = rod(vector(-0.6, 0.05, 0), tip, rng.uniform(0.28, 0.42), rng.uniform(0.04, 0.14))
    flat = rng.uniform(0.5, 1.0)  # a tail is wider than high
    shapes.append(lambda p: tail(p * np.array([[1], [1], [flat]], np.float32)))
    return (
        blend(shapes, rng.uniform(0.2, 0.5)),
        vector(long, high, wide),
        -high * rng.uniform(0.6, 0.95),
    )


def wings(rng: Random, body: Floats) -> Shape:
    wide = float(body[2, 0])
    at = vector(-rng.uniform(0.05, 0.3), rng.uniform(0, 0.25), wide * rng.uniform(0.8, 0.95))
    size = vector(rng.uniform(0.4, 0.65), rng.uniform(0.22, 0.36), rng.uniform(0.1, 0.2))
    wing = ellipsoid(at, size)
    if rng.random() < 0.6:  # swept up to a point behind
        tip = at + vector(-size[0, 0] * 1.1, rng.uniform(0.1, 0.35), -0.05)
        wing = blend([wing, rod(at, tip, 0.16, 0.05)], 0.15)
    wing = tilted(wing, at, -rng.uniform(0, 25))
    if rng.random() < 0.4:  # feathers pressed into the vinyl
        plain, often = wing, rng.uniform(14, 26)
        wing = lambda p: plain(p) + 0.012 * np.sin(often * p[0] + 6 * p[1])  # noqa: E731
    return both_sides(wing)


def beak(rng: Random, head: Floats, skull: Floats) -> Shape:
    r = float(skull.mean())
    root = head + vector(skull[0, 0] * rng.uniform(0.78, 0.95), -r * rng.uniform(0.02, 0.3), 0)
    long, wide = r * rng.uniform(0.35, 0.7), r * rng.uniform(0.28, 0.55)
    thick = r * rng.uniform(0.08, 0.17)
    gape = rng.uniform(0, 28) if rng.random() < 0.6 else 0.0
    upper = ellipsoid(root + vector(long * 0.35, thick * 0.5, 0), vector(long, thick, wide))
    lower = ellipsoid(
        root + vector(long * 0.25, -thick * 0.6, 0), vector(long * 0.85, thick * 0.8, wide * 0.85)
    )
    bill = blend([tilted(upper, root, gape * 0.6), tilted(lower, root, -gape * 0.7)], 0.02)
    curl = rng.uniform(0, 0.9) / r

    def curled(p: Floats) -> Floats:  # the tip turns up
        ahead = np.maximum(p[0] - float(root[0, 0]) - long * 0.3, 0)
        return bill(np.stack([p[0], p[1] - curl * ahead * ahead, p[2]]))

    return curled


def eye_at(rng: Random, head: Floats, skull: Floats) -> tuple[Floats, float]:
    aside, up = np.radians(rng.uniform(28, 62)), np.radians(rng.uniform(8, 34))
    direction = vector(np.cos(aside) * np.cos(up), np.sin(up), np.sin(aside) * np.cos(up))
    return head + direction * skull, float(skull.mean()) * rng.uniform(0.13, 0.3)


def eyes(rng: Random, head: Floats, skull: Floats) -> Part:
    """Printed discs, slightly raised: rings of white, iris and black, perhaps with a glint."""
    centre, r = eye_at(rng, head, skull)
    rings = [(0.0, (0.02, 0.02, 0.02))]
    if rng.random() < 0.3:  # an iris
        rings.insert(0, (0.6, colours.hsv(rng.uniform(0.3, 0.7), 0.8, 0.7)))
    if rng.random() < 0.6:  # the white of the eye
        rings.insert(0, (rng.uniform(0.55, 0.8), (0.97, 0.97, 0.95)))
    glint = centre + vector(0.1, 0.35 * r, rng.uniform(-0.3, 0.3) * r)
    has_glint = rng.random() < 0.4
    look = vector(rng.uniform(-0.1, 0.4) * r, rng.uniform(-0.2, 0.2) * r, 0)

    def paint(p: Floats) -> Floats:
        q = np.stack([p[0], p[1], np.abs(p[2])])
        out = np.repeat(np.array(rings[0][1], np.float32)[:, None], p.shape[1], 1)
        size = 1.0
        for (share, _), (_, colour) in pairwise(rings):
            size *= share
            inside = ((q - centre - look * (1 - size)) ** 2).sum(0) < (size * r) ** 2
            out[:, inside] = np.array(colour, np.float32)[:, None]
        if has_glint:
            out[:, ((q - glint) ** 2).sum(0) < (0.3 * r) ** 2] = 1
        return out

    flat = ellipsoid(centre, vector(r * 0.5, r * rng.uniform(0.9, 1.3), r * 0.8))
    return Part(both_sides(flat), paint, 0.9)


def dress(rng: Random) -> tuple[Paint, Colour, Colour]:
    """What the body is painted with, its colour, and the beak's."""
    kind = rng.random()
    if kind < 0.6:
        yellow = colours.duck_yellow(rng)
        return colours.plain(yellow), yellow, colours.beak_orange(rng)
    colour = colours.duck_yellow(rng) if rng.random() < 0.4 else colours.any_colour(rng)
    bill = colours.beak_orange(rng) if rng.random() < 0.7 else colours.any_colour(rng)
    if kind < 0.8:
        return colours.plain(colour), colour, bill
    return colours.pattern(rng, colour, colours.any_colour(rng)), colour, bill


def duck(rng: Random) -> Duck:
    """A duck without costume."""
    body, size, floor = torso(rng)
    skull = rng.uniform(0.48, 0.78) * vector(1, rng.uniform(0.88, 1.1), rng.uniform(0.9, 1.05))
    rise = float(size[1, 0]) * rng.uniform(0.5, 0.95) + float(skull[1, 0]) * rng.uniform(0.6, 1.0)
    head = vector(rng.uniform(0.2, 0.7), rise, 0)
    shapes = [body, ellipsoid(head, skull)]
    if rng.random() < 0.5:
        neck = float(skull.mean()) * rng.uniform(0.5, 0.8)
        shapes.append(rod(vector(0.35, 0.1, 0), head, neck * 1.1, neck))
    if rng.random() < 0.85:
        shapes.append(wings(rng, size))
    paint, _, bill = dress(rng)
    gloss = rng.uniform(0.35, 1.0)
    flesh = above(blend(shapes, rng.uniform(0.05, 0.2)), floor)
    parts = [Part(flesh, paint, gloss), Part(beak(rng, head, skull), colours.plain(bill), gloss)]
    if rng.random() < 0.95:
        parts.append(eyes(rng, head, skull))
    return Duck(tuple(parts), head, skull, size, floor)
