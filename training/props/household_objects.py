"""Household objects: cars, clocks, bags, tins, teapots, shoes, robots."""

from collections.abc import Callable

from training.props.look_alikes import shine, skin
from training.rendering.colours import Random, any_colour, hsv, pattern, plain
from training.rendering.ray_marcher import Part
from training.rendering.shapes import (
    ball,
    blend,
    both_sides,
    brick,
    cylinder,
    ellipsoid,
    lumpy,
    ring,
    rod,
    tilted,
    vector,
)

DARK = plain((0.03, 0.03, 0.03))


def car(rng: Random) -> list[Part]:
    """A toy car, lorry or tractor: a body, a cabin, four wheels, lamps."""
    paint, gloss = skin(rng), shine(rng)
    long, wide = rng.uniform(0.9, 1.3), rng.uniform(0.45, 0.65)
    body = brick(
        vector(0, 0, 0), vector(long, rng.uniform(0.2, 0.35), wide), rng.uniform(0.05, 0.18)
    )
    at = vector(rng.uniform(-0.4, 0.3), rng.uniform(0.3, 0.55), 0)
    cabin = brick(at, vector(rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.4), wide * 0.85), 0.12)
    parts = [Part(blend([body, cabin], rng.uniform(0.01, 0.2)), paint, gloss)]
    r = rng.uniform(0.2, 0.45)
    for x in (-0.65 * long, 0.65 * long):
        wheel = ellipsoid(vector(x, -0.25, wide), vector(r, r, rng.uniform(0.1, 0.25)))
        parts.append(Part(both_sides(wheel), DARK, 0.2))
        hub = ellipsoid(vector(x, -0.25, wide + 0.1), vector(r * 0.5, r * 0.5, 0.14))
        parts.append(Part(both_sides(hub), skin(rng), 0.7))
    window = brick(at + vector(0.08, 0.05, 0), vector(0.48, 0.14, wide * 0.9), 0.05)
    parts.append(Part(window, plain(hsv(0.58, 0.3, rng.uniform(0.1, 0.5))), 1.0))
    lamp = ball(vector(long, 0.05, wide * 0.6), rng.uniform(0.08, 0.16))
    return [*parts, Part(both_sides(lamp), plain(any_colour(rng)), 1.0)]


def clock(rng: Random) -> list[Part]:
    """A round face with hands, two bells and feet; or a wheel, a dish, a fan."""
    paint, gloss = skin(rng), shine(rng)
    face = ellipsoid(vector(0.1, 0, 0), vector(0.25, 0.82, 0.82))
    parts = [
        Part(ring(vector(0.1, 0, 0), 0.85, rng.uniform(0.1, 0.2), axis=0), paint, gloss),
        Part(face, plain(any_colour(rng) if rng.random() < 0.4 else (0.95, 0.94, 0.9)), 0.5),
    ]
    for _ in range(rng.integers(0, 4)):
        end = vector(0.36, *(0.6 * rng.uniform(-1, 1, 2)))
        parts.append(Part(rod(vector(0.36, 0, 0), end, 0.04, 0.03), DARK, 0.4))
    if rng.random() < 0.6:
        bell = ellipsoid(vector(0, 0.95, 0.5), vector(0.3, 0.25, 0.3))
        foot = rod(vector(0, -0.7, 0.5), vector(0, -1.1, 0.7), 0.09, 0.08)
        parts += [Part(both_sides(bell), skin(rng), gloss), Part(both_sides(foot), paint, gloss)]
    return parts


def bag(rng: Random) -> list[Part]:
    """A rucksack or handbag: a soft box with pockets and straps, perhaps with eyes of buttons."""
    paint = skin(rng)
    body = brick(vector(0, 0, 0), vector(0.5, rng.uniform(0.7, 1), rng.uniform(0.55, 0.9)), 0.3)
    pocket = brick(vector(0.5, -0.35, 0), vector(0.18, 0.35, 0.5), 0.15)
    strap = ring(vector(0, 0.9, 0), 0.3, 0.07, axis=0)
    parts = [
        Part(lumpy(body, 0.3, 0.03, rng.uniform(0, 9)), paint, shine(rng) * 0.4),
        Part(pocket, paint if rng.random() < 0.5 else skin(rng), 0.1),
        Part(strap, plain(any_colour(rng)), 0.1),
    ]
    if rng.random() < 0.5:
        button = ball(vector(0.55, rng.uniform(0.2, 0.5), 0.3), rng.uniform(0.06, 0.16))
        parts.append(Part(both_sides(button), plain(any_colour(rng)), 0.8))
    return parts


def tin(rng: Random) -> list[Part]:
    """A can, jar, vase or bottle with a label."""
    r, high = rng.uniform(0.35, 0.7), rng.uniform(1.0, 2.2)
    foot = vector(0, -high / 2, 0)
    can = cylinder(foot, r, r * rng.uniform(0.5, 1.2), high, rng.uniform(0.02, 0.15))
    label = cylinder(foot + vector(0, high * 0.25, 0), r * 1.02, r * 1.02, high * 0.4)
    parts = [Part(can, skin(rng), shine(rng))]
    if rng.random() < 0.6:
        parts.append(Part(label, pattern(rng, any_colour(rng), any_colour(rng)), 0.4))
    if rng.random() < 0.5:
        neck = cylinder(
            vector(0, high / 2, 0), r * 0.5, r * rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.7)
        )
        parts.append(Part(neck, skin(rng), shine(rng)))
    return parts


def teapot(rng: Random) -> list[Part]:
    """A round pot: a spout is the beak that is none."""
    paint, gloss = skin(rng), rng.uniform(0.5, 1.0)
    belly = ellipsoid(vector(0, 0, 0), vector(0.85, rng.uniform(0.6, 0.9), 0.85))
    spout = rod(
        vector(0.6, -0.1, 0), vector(rng.uniform(1.1, 1.4), rng.uniform(0.3, 0.6), 0), 0.24, 0.1
    )
    handle = ring(vector(-0.95, 0.1, 0), rng.uniform(0.3, 0.45), 0.1, axis=2)
    lid = blend(
        [ellipsoid(vector(0, 0.7, 0), vector(0.5, 0.14, 0.5)), ball(vector(0, 0.92, 0), 0.15)], 0.05
    )
    return [
        Part(blend([belly, spout, handle], 0.1), paint, gloss),
        Part(lid, paint if rng.random() < 0.7 else skin(rng), gloss),
    ]


def shoe(rng: Random) -> list[Part]:
    paint = skin(rng)
    toe = ellipsoid(vector(0.5, -0.1, 0), vector(0.75, 0.35, 0.4))
    heel = ellipsoid(vector(-0.5, 0.15, 0), vector(0.45, rng.uniform(0.5, 0.9), 0.36))
    sole = brick(vector(0.05, -0.42, 0), vector(1.15, 0.1, 0.42), 0.08)
    lace = rod(vector(0.1, 0.3, -0.25), vector(0.1, 0.3, 0.25), 0.05, 0.05)
    return [
        Part(blend([toe, heel], 0.3), paint, shine(rng) * 0.6),
        Part(sole, plain(any_colour(rng)), 0.3),
        Part(lace, plain(any_colour(rng)), 0.1),
    ]


def robot(rng: Random) -> list[Part]:
    """Boxes on boxes, with round eyes and a slit or a grille for a mouth."""
    paint, gloss = skin(rng), shine(rng)
    head = vector(0, rng.uniform(0.85, 1.1), 0)
    trunk = brick(
        vector(0, 0, 0), vector(0.4, 0.55, rng.uniform(0.4, 0.65)), rng.uniform(0.03, 0.2)
    )
    skull = brick(head, vector(0.38, 0.35, rng.uniform(0.4, 0.6)), rng.uniform(0.03, 0.3))
    eye = ball(head + vector(0.36, 0.08, 0.2), rng.uniform(0.07, 0.16))
    mouth = brick(head + vector(0.36, -0.15, 0), vector(0.08, 0.05, rng.uniform(0.1, 0.3)))
    arm = tilted(
        rod(vector(0, 0.4, 0.6), vector(0.3, -0.3, 0.85), 0.13, 0.16),
        vector(0, 0.4, 0.6),
        rng.uniform(-60, 60),
    )
    leg = brick(vector(0.05, -0.8, 0.28), vector(0.22, 0.3, 0.18))
    return [
        Part(trunk, paint, gloss),
        Part(skull, paint if rng.random() < 0.6 else skin(rng), gloss),
        Part(both_sides(eye), plain(any_colour(rng)), 1.0),
        Part(mouth, skin(rng), gloss),
        Part(both_sides(blend([arm, leg], 0.01)), skin(rng), gloss),
    ]


KINDS: list[Callable[[Random], list[Part]]] = [car, car, clock, bag, tin, teapot, shoe, robot]


def household_object(rng: Random) -> tuple[str, list[Part]]:
    kind = KINDS[rng.integers(len(KINDS))]
    return kind.__name__, kind(rng)
