"""Rubber ducks that play somebody: painted suits, hoods and masks; and ducks to sit in."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from training.props.costumes import ACCESSORIES, HEADWEAR, cloth
from training.props.ducks import Duck, beak, duck, eyes
from training.rendering import colours
from training.rendering.colours import Random, any_colour, duck_yellow, pattern, plain
from training.rendering.ray_marcher import Paint, Part
from training.rendering.shapes import Floats, blend, both_sides, ellipsoid, ring, rod, vector


def suited(d: Duck, rng: Random) -> Paint:
    """Clothes painted on the vinyl: a suit up to the neck, a shirt front, a belt, buttons."""
    skin, suit = plain(duck_yellow(rng) if rng.random() < 0.8 else any_colour(rng)), cloth(rng)
    front, belt = plain(any_colour(rng)), plain(any_colour(rng))
    collar = float(d.head[1, 0]) - float(d.skull[1, 0]) * rng.uniform(0.5, 0.85)
    slope = rng.uniform(-0.3, 0.5)  # the collar is lower in front, or the tail stays bare
    has_front, has_belt, has_buttons = rng.random(3) < (0.5, 0.4, 0.4)
    width, waist = rng.uniform(0.15, 0.4), rng.uniform(-0.25, 0.15)

    def paint(p: Floats) -> Floats:
        out = skin(p)
        clothed = p[1] + slope * p[0] < collar + slope * float(d.head[0, 0])
        out[:, clothed] = suit(p[:, clothed])
        ahead = clothed & (p[0] > 0.35)
        if has_front:
            shirt = ahead & (np.abs(p[2]) < width * (0.6 + 0.4 * (p[1] + 0.5)))
            out[:, shirt] = front(p[:, shirt])
        if has_belt:
            band = clothed & (np.abs(p[1] - waist) < 0.06)
            out[:, band] = belt(p[:, band])
        if has_buttons:
            row = np.abs((p[1] / 0.22) - np.round(p[1] / 0.22)) < 0.2
            button = ahead & row & (np.abs(p[2]) < 0.05)
            out[:, button] = belt(p[:, button])
        return out

    return paint


def hooded(d: Duck, rng: Random, below: Paint) -> Paint:
    """A hood, mask or helmet painted on the head, open round the face."""
    hood, second = plain(any_colour(rng)), plain(any_colour(rng))
    opening, chin = rng.uniform(0.1, 0.75), float(d.head[1, 0]) - float(d.skull[1, 0]) * 0.7
    mask_only, striped = rng.random() < 0.35, rng.random() < 0.25
    level = rng.uniform(-0.1, 0.3)

    def paint(p: Floats) -> Floats:
        out = below(p)
        q = (p - d.head) / d.skull
        on_head = p[1] > chin
        if mask_only:  # a band across the eyes
            covered = on_head & (np.abs(q[1] - level - 0.15) < 0.25)
        else:
            covered = on_head & (q[0] < opening) | on_head & (q[1] > 0.65)
        out[:, covered] = hood(p[:, covered])
        if striped:
            crest = covered & (np.abs(q[2]) < 0.18)
            out[:, crest] = second(p[:, crest])
        return out

    return paint


def painted(rng: Random) -> list[Part]:
    """Somebody's portrait as a duck: the costume is paint, with perhaps one real thing on."""
    d = duck(rng)
    paint = suited(d, rng) if rng.random() < 0.8 else d.parts[0].paint
    if rng.random() < 0.45:
        paint = hooded(d, rng, paint)
    parts = [replace(d.parts[0], paint=paint), *d.parts[1:]]
    if rng.random() < 0.55:
        parts += HEADWEAR[rng.integers(len(HEADWEAR))](d, rng)
    if rng.random() < 0.5:
        parts += ACCESSORIES[rng.integers(len(ACCESSORIES))](d, rng)
    return parts


def swim_ring(rng: Random) -> list[Part]:
    """A duck to sit in: a ring for a body, with neck, head, wings and tail."""
    thick = rng.uniform(0.24, 0.4)
    radius = rng.uniform(0.6, 0.85)
    paint = plain(duck_yellow(rng) if rng.random() < 0.8 else any_colour(rng))
    if rng.random() < 0.2:
        paint = pattern(rng, duck_yellow(rng), any_colour(rng))
    gloss = rng.uniform(0.4, 1.0)
    skull = rng.uniform(0.35, 0.6) * vector(1, rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.05))
    head = vector(radius * rng.uniform(0.7, 1.0), rng.uniform(0.55, 1.2), 0)
    neck = float(skull.mean()) * rng.uniform(0.55, 0.85)
    tail = rod(
        vector(-radius, 0, 0), vector(-radius - thick * 1.3, thick * 1.3, 0), thick * 0.7, 0.06
    )
    wing = ellipsoid(vector(0, thick * 0.4, radius + thick * 0.6), vector(0.4, 0.26, 0.12))
    shapes = [
        ring(vector(0, 0, 0), radius, thick),
        rod(vector(radius, 0, 0), head, neck * 1.2, neck),
        ellipsoid(head, skull),
        tail,
    ]
    if rng.random() < 0.6:
        shapes.append(both_sides(wing))
    bill = plain(colours.beak_orange(rng))
    return [
        Part(blend(shapes, rng.uniform(0.05, 0.2)), paint, gloss),
        Part(beak(rng, head, skull), bill, gloss),
        eyes(rng, head, skull),
    ]


KINDS: list[Callable[[Random], list[Part]]] = [painted, painted, painted, swim_ring]


def character(rng: Random) -> tuple[str, list[Part]]:
    """One such duck, with its kind."""
    kind = KINDS[rng.integers(len(KINDS))]
    return kind.__name__, kind(rng)
