"""What ducks wear and carry: each function returns the parts of one thing."""

from collections.abc import Callable

import numpy as np

from training.props.ducks import Duck
from training.rendering.colours import Random, any_colour, hsv, pattern, plain
from training.rendering.ray_marcher import Paint, Part
from training.rendering.shapes import (
    above,
    ball,
    below,
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


def cloth(rng: Random) -> Paint:
    if rng.random() < 0.6:
        return plain(any_colour(rng))
    return pattern(rng, any_colour(rng), any_colour(rng))


def crown_of(d: Duck) -> tuple[np.ndarray, float]:
    r = float(d.skull.mean())
    return d.head + vector(-0.05, float(d.skull[1, 0]) * 0.72, 0), r


def hat(d: Duck, rng: Random) -> list[Part]:
    """A top hat, bowler, straw hat, witch's or party hat."""
    top, r = crown_of(d)
    height = r * rng.uniform(0.4, 1.5)
    parts = [
        Part(
            cylinder(top, r * rng.uniform(0.45, 0.75), r * rng.uniform(0.0, 0.7), height, 0.04),
            cloth(rng),
            0.4,
        )
    ]
    if rng.random() < 0.75:
        parts.append(Part(cylinder(top, r * rng.uniform(0.8, 1.3), r, 0.06), cloth(rng), 0.4))
    if rng.random() < 0.3:
        parts.append(Part(ball(top + vector(0, height, 0), r * 0.22), cloth(rng), 0.2))
    return parts


def cap(d: Duck, rng: Random) -> list[Part]:
    """A cap with a peak, a beret, a bathing cap or a bobble hat."""
    top, r = crown_of(d)
    dome = above(ellipsoid(d.head, d.skull * 1.07), float(d.head[1, 0]) + r * rng.uniform(0.1, 0.5))
    parts = [Part(dome, cloth(rng), 0.5)]
    if rng.random() < 0.6:
        at = d.head + vector(float(d.skull[0, 0]) * 0.9, r * 0.45, 0)
        parts.append(Part(ellipsoid(at, vector(r * 0.6, r * 0.06, r * 0.6)), cloth(rng), 0.5))
    if rng.random() < 0.4:
        parts.append(Part(ball(top + vector(0, r * 0.35, 0), r * 0.25), cloth(rng), 0.1))
    return parts


def helmet(d: Duck, rng: Random) -> list[Part]:
    level = float(d.head[1, 0]) + float(d.skull[1, 0]) * rng.uniform(-0.1, 0.3)
    shell = above(ellipsoid(d.head - vector(0.06, 0, 0), d.skull * rng.uniform(1.1, 1.25)), level)
    parts = [Part(shell, cloth(rng), 0.9)]
    r = float(d.skull.mean())
    top = d.head + vector(0, float(d.skull[1, 0]) * 1.1, 0)
    if rng.random() < 0.3:  # a crest
        parts.append(Part(brick(top, vector(r * 0.9, r * 0.35, 0.06)), cloth(rng), 0.3))
    elif rng.random() < 0.5:  # a Viking's horns
        side = d.head + vector(0, r * 0.5, r * 0.95)
        horn = rod(side, side + vector(0, r * 0.8, r * 0.35), r * 0.2, 0.02)
        parts.append(Part(both_sides(horn), plain((0.95, 0.9, 0.8)), 0.6))
    return parts


def crown(d: Duck, rng: Random) -> list[Part]:
    top, r = crown_of(d)
    teeth = float(rng.integers(4, 8))

    def shape(p: np.ndarray) -> np.ndarray:
        q = p - top
        turn = np.arctan2(q[2], q[0])
        wall = np.abs(np.sqrt(q[0] ** 2 + q[2] ** 2) - r * 0.62) - 0.04
        high = np.abs(q[1] - r * 0.2) - r * (0.35 + 0.2 * np.cos(teeth * turn))
        return np.asarray(np.maximum(wall, high) * 0.7, np.float32)

    return [Part(shape, plain(hsv(0.12, rng.uniform(0.2, 0.9), 0.85)), 1.0)]


def horns(d: Duck, rng: Random) -> list[Part]:
    """A unicorn's horn, a devil's two, or a cat's, rabbit's or bear's ears."""
    r = float(d.skull.mean())
    if rng.random() < 0.4:
        at = d.head + vector(r * 0.6, r * 0.7, 0)
        shape = rod(at, at + vector(r * 0.5, r * 0.9, 0), r * 0.18, 0.02)
        return [Part(shape, pattern(rng, any_colour(rng), any_colour(rng)), 0.7)]
    at = d.head + vector(0, r * 0.7, r * 0.5)
    tip = at + vector(rng.uniform(-0.2, 0.1), r * rng.uniform(0.4, 1.3), r * rng.uniform(0, 0.5))
    ear = rod(at, tip, r * rng.uniform(0.15, 0.32), r * rng.uniform(0.03, 0.25))
    return [Part(both_sides(ear), cloth(rng), 0.5)]


def hair(d: Duck, rng: Random) -> list[Part]:
    """A wig, an afro, a mohawk, or feathers standing up."""
    r = float(d.skull.mean())
    kind = rng.random()
    if kind < 0.6:
        back = d.head + vector(-r * rng.uniform(0.12, 0.3), r * rng.uniform(0.1, 0.35), 0)
        mop = lumpy(
            ellipsoid(back, d.skull * rng.uniform(1.0, 1.35)), rng.uniform(0.06, 0.15), 0.05
        )
        if kind < 0.3:
            mop = above(mop, float(d.head[1, 0]) + r * rng.uniform(-0.2, 0.4))
    else:
        top = d.head + vector(-r * 0.2, r * 0.8, 0)
        mop = lumpy(
            ellipsoid(top, vector(r * 0.7, r * rng.uniform(0.4, 0.9), r * 0.14)), 0.08, 0.04
        )
    return [Part(mop, plain(any_colour(rng)), 0.25)]


def beard(d: Duck, rng: Random) -> list[Part]:
    r = float(d.skull.mean())
    at = d.head + vector(r * 0.75, -r * rng.uniform(0.55, 0.8), 0)
    size = vector(r * 0.4, r * rng.uniform(0.4, 0.8), r * 0.6)
    return [Part(lumpy(ellipsoid(at, size), 0.08, 0.04), plain(any_colour(rng)), 0.2)]


def glasses(d: Duck, rng: Random) -> list[Part]:
    r = float(d.skull.mean())
    at = d.head + vector(float(d.skull[0, 0]) * 0.92, r * 0.28, r * 0.4)
    dark = plain(hsv(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.02, 0.2)))
    if rng.random() < 0.6:
        lens = brick(at, vector(0.05, r * 0.22, r * 0.33))
        pane = Part(both_sides(lens), dark, 1.0)
    else:
        pane = Part(both_sides(ring(at, r * 0.27, 0.035, axis=0)), dark, 0.8)
    arm = rod(
        at + vector(0, 0.02, r * 0.3), d.head + vector(-r * 0.2, r * 0.25, r * 1.02), 0.03, 0.03
    )
    bridge = rod(at, at - vector(0, 0, 2 * float(at[2, 0])), 0.03, 0.03)
    return [pane, Part(both_sides(arm), dark, 0.7), Part(bridge, dark, 0.7)]


def necktie(d: Duck, rng: Random) -> list[Part]:
    """A bow tie, a tie or a medal under the beak."""
    r = float(d.skull.mean())
    at = d.head + vector(float(d.skull[0, 0]) * 0.72, -float(d.skull[1, 0]) * 0.88, 0)
    if rng.random() < 0.6:
        wing = rod(at, at + vector(0, 0, r * 0.5), 0.05, r * 0.24)
        return [Part(both_sides(wing), cloth(rng), 0.4)]
    tie = rod(at, at + vector(0.2, -r * 0.9, 0), 0.06, r * 0.18)
    return [Part(tie, cloth(rng), 0.4)]


def scarf(d: Duck, rng: Random) -> list[Part]:
    level = d.head * vector(0.9, 1, 1) - vector(0, float(d.skull[1, 0]) * 0.82, 0)
    r = float(d.skull.mean())
    parts = [Part(ring(level, r * 0.72, r * rng.uniform(0.12, 0.24)), cloth(rng), 0.1)]
    if rng.random() < 0.5:
        end = level + vector(r * 0.7, -r * 0.8, r * 0.3)
        parts.append(Part(rod(level + vector(r * 0.7, 0, 0.1), end, 0.12, 0.16), cloth(rng), 0.1))
    return parts


def shirt(d: Duck, rng: Random) -> list[Part]:
    """A shirt, a vest, trousers or a swimming ring round the body."""
    if rng.random() < 0.3:
        r = float(d.body[2, 0])
        tube = ring(vector(0, -0.1, 0), r * 1.15, r * 0.28)
        return [Part(tube, pattern(rng, any_colour(rng), any_colour(rng)), 0.9)]
    shell = above(ellipsoid(vector(0.12, 0, 0), d.body * 1.08), d.floor)
    if rng.random() < 0.5:
        shell = below(shell, float(d.body[1, 0]) * rng.uniform(-0.1, 0.4))
    return [Part(shell, cloth(rng), 0.4)]


def cape(d: Duck, rng: Random) -> list[Part]:
    high, wide = float(d.body[1, 0]), float(d.body[2, 0])
    sheet = brick(vector(-0.35, high * 0.75, 0), vector(0.85, 0.07, wide * 0.85), 0.06)
    return [Part(tilted(sheet, vector(0, high * 0.75, 0), -12), cloth(rng), 0.3)]


def prop(d: Duck, rng: Random) -> list[Part]:
    """Something held at the side: a stick, a sword, a guitar, a board, a ball."""
    wide = float(d.body[2, 0])
    at = vector(rng.uniform(0, 0.6), rng.uniform(0, 0.3), wide * 1.05 * rng.choice([-1, 1]))
    paint, kind = cloth(rng), rng.random()
    if kind < 0.5:
        end = at + vector(rng.uniform(-0.3, 0.5), rng.uniform(0.5, 1.4), 0)
        shapes = [rod(at - vector(0, 0.4, 0), end, 0.05, 0.05)]
        if rng.random() < 0.5:
            shapes.append(ball(end, rng.uniform(0.1, 0.25)))
        return [Part(blend(shapes, 0.03), paint, 0.6)]
    if kind < 0.75:
        return [Part(brick(at, vector(rng.uniform(0.2, 0.6), 0.35, 0.06)), paint, 0.6)]
    return [Part(ball(at, rng.uniform(0.15, 0.35)), paint, 0.7)]


HEADWEAR: list[Callable[[Duck, Random], list[Part]]] = [hat, cap, helmet, crown, horns, hair]
ACCESSORIES: list[Callable[[Duck, Random], list[Part]]] = [
    beard, glasses, glasses, necktie, scarf, shirt, cape, prop,
]  # fmt: skip


def costumed(d: Duck, rng: Random) -> list[Part]:
    """The duck with none to four things on."""
    parts = list(d.parts)
    if rng.random() < 0.8:
        parts += HEADWEAR[rng.integers(len(HEADWEAR))](d, rng)
    for i in rng.permutation(len(ACCESSORIES))[: rng.integers(0, 4)]:
        parts += ACCESSORIES[i](d, rng)
    return parts
