"""Things that are not rubber ducks but come close: shapes, toys, fruit, plush and real birds."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from training.props.ducks import beak, duck, eye_at, eyes
from training.rendering.colours import Random, any_colour, fuzzy, hsv, pattern, plain, warm
from training.rendering.ray_marcher import Paint, Part
from training.rendering.shapes import (
    Shape,
    above,
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


def skin(rng: Random) -> Paint:
    if rng.random() < 0.65:
        return plain(warm(rng))
    return (
        plain(any_colour(rng)) if rng.random() < 0.6 else pattern(rng, warm(rng), any_colour(rng))
    )


def shine(rng: Random) -> float:
    return float(rng.choice([0.0, 0.2, 0.5, 0.9, 1.0]))


def primitive(rng: Random) -> Shape:
    at = vector(*rng.uniform(-0.9, 0.9, 3))
    kind = rng.integers(6)
    if kind < 2:
        return ellipsoid(at, vector(*rng.uniform(0.2, 0.9, 3)))
    if kind == 2:
        end = vector(*rng.uniform(-1.2, 1.2, 3))
        return rod(at, end, rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.4))
    if kind == 3:
        return brick(at, vector(*rng.uniform(0.15, 0.7, 3)), rng.uniform(0.02, 0.15))
    if kind == 4:
        return cylinder(at, rng.uniform(0.2, 0.6), rng.uniform(0, 0.6), rng.uniform(0.2, 1.2))
    return ring(at, rng.uniform(0.3, 0.8), rng.uniform(0.08, 0.25), int(rng.integers(3)))


def jumble(rng: Random) -> list[Part]:
    """One to five simple shapes in a duck's colours, grown together or not."""
    parts = []
    for _ in range(rng.integers(1, 4)):
        shapes = [primitive(rng) for _ in range(rng.integers(1, 3))]
        parts.append(Part(blend(shapes, rng.uniform(0.01, 0.4)), skin(rng), shine(rng)))
    return parts


def fruit(rng: Random) -> list[Part]:
    """Lemons, oranges, pears, peppers, bananas, mushrooms; some with a stalk."""
    kind, paint = rng.integers(6), skin(rng)
    stalk = rod(vector(0, 0.7, 0), vector(0.1, 1.1, 0.05), 0.08, 0.05)
    green = Part(stalk, plain(hsv(rng.uniform(0.08, 0.35), 0.7, 0.4)), 0.2)
    if kind == 0:  # lemon
        tips = rod(vector(-1.15, 0, 0), vector(1.15, 0, 0), 0.12, 0.12)
        shape = blend([ellipsoid(vector(0, 0, 0), vector(1, 0.7, 0.7)), tips], 0.3)
        return [Part(lumpy(shape, 0.05, 0.008), plain(hsv(0.15, 0.85, 0.95)), 0.4)]
    if kind == 1:  # orange, apple
        return [Part(lumpy(ball(vector(0, 0, 0), 0.9), 0.05, 0.006), paint, 0.5), green]
    if kind == 2:  # pear
        body = blend([ball(vector(0, -0.3, 0), 0.75), ball(vector(0.1, 0.5, 0), 0.42)], 0.5)
        return [Part(body, paint, 0.4), green]
    if kind == 3:  # pepper
        lobes = [
            ellipsoid(vector(0.3 * np.cos(a), 0, 0.3 * np.sin(a)), vector(0.5, 0.9, 0.5))
            for a in np.arange(4) * np.pi / 2 + 0.3
        ]
        return [Part(blend(lobes, 0.1), paint, 1.0), green]
    if kind == 4:  # bananas
        hands = []
        for i in range(rng.integers(1, 5)):
            points = [vector(x, 0.5 * x * x, 0.28 * i) for x in np.linspace(-1, 1, 5)]
            hands += [rod(a, b, 0.2, 0.2) for a, b in pairwise(points)]
        return [Part(blend(hands, 0.05), plain(hsv(0.145, 0.8, 0.95)), 0.3)]
    stem = rod(vector(0, -0.8, 0), vector(0, 0.2, 0), 0.3, 0.22)
    top = above(ellipsoid(vector(0, 0.1, 0), vector(0.9, 0.6, 0.9)), 0.1)
    return [Part(stem, plain((0.95, 0.9, 0.8)), 0.2), Part(top, paint, 0.6)]


def animal(rng: Random) -> list[Part]:
    """A bath toy that is no duck: round animals with snouts, ears, fins or shells."""
    wide = rng.uniform(0.6, 0.95)
    head = vector(rng.uniform(0.4, 1.0), rng.uniform(0.2, 1.1), 0)
    skull = rng.uniform(0.4, 0.75) * vector(1, 1, 1)
    shapes = [
        ellipsoid(vector(0, 0, 0), vector(1, rng.uniform(0.5, 0.9), wide)),
        ellipsoid(head, skull),
    ]
    paint, gloss = skin(rng), shine(rng)
    r = float(skull[0, 0])
    parts = []
    if rng.random() < 0.7:  # a round snout or a pig's nose, never a bill
        nose = head + vector(r * 0.9, -0.15, 0)
        snout = ball(nose, r * rng.uniform(0.25, 0.5))
        parts.append(Part(snout, paint if rng.random() < 0.6 else skin(rng), gloss))
    if rng.random() < 0.6:
        side = head + vector(0, r * 0.7, r * 0.6)
        ear = rod(side, side + vector(*rng.uniform(-0.1, 0.6, 3)), 0.18, rng.uniform(0.05, 0.3))
        shapes.append(both_sides(ear))
    if rng.random() < 0.6:  # legs or fins
        hip = vector(rng.uniform(0.2, 0.6), -0.3, wide * 0.7)
        leg = rod(hip, hip + vector(rng.uniform(-0.4, 0.3), -0.5, 0.2), 0.22, 0.18)
        shapes += [both_sides(leg), both_sides(lambda p: leg(p + vector(0.9, 0, 0)))]
    if rng.random() < 0.3:  # a fluke or a curly tail
        shapes.append(rod(vector(-0.9, 0, 0), vector(-1.3, 0.5, 0), 0.2, 0.3))
    parts.append(Part(blend(shapes, rng.uniform(0.05, 0.3)), paint, gloss))
    if rng.random() < 0.85:
        parts.append(eyes(rng, head, skull))
    return parts


def plush(rng: Random) -> list[Part]:
    """A duck of felt or fur: no gloss, a soft bill, a coat that is never smooth."""
    d = duck(rng)
    seed = rng.uniform(0, 50)
    coat = fuzzy(d.parts[0].paint, seed, rng.uniform(0.06, 0.2))
    body = lumpy(lumpy(d.parts[0].shape, 0.05, 0.018, seed), 0.2, 0.04, seed)
    soft = lumpy(d.parts[1].shape, 0.1, 0.02, seed)
    feet = ellipsoid(vector(0.7, d.floor + 0.08, 0.4), vector(0.4, 0.12, 0.25))
    orange = fuzzy(d.parts[1].paint, seed)
    return [
        Part(body, coat, 0.0),
        Part(soft, orange, 0.0),
        Part(both_sides(feet), orange, 0.0),
        *d.parts[2:],
    ]


def real_bird(rng: Random) -> list[Part]:
    """A live duck, goose, swan or chick: feathers, thin legs, small eyes, natural colours."""
    seed, chick = rng.uniform(0, 50), rng.random() < 0.35
    if chick:
        coat = hsv(rng.uniform(0.1, 0.15), rng.uniform(0.3, 0.75), rng.uniform(0.6, 0.95))
        long, neck, r = rng.uniform(0.7, 0.9), rng.uniform(0.1, 0.4), rng.uniform(0.38, 0.5)
    else:
        coat = hsv(rng.uniform(0.05, 0.12), rng.uniform(0, 0.5), rng.uniform(0.1, 0.95))
        long, neck, r = rng.uniform(1.0, 1.4), rng.uniform(0.3, 1.3), rng.uniform(0.25, 0.36)
    wide = rng.uniform(0.4, 0.6)
    head = vector(long * 0.75, 0.4 + neck, 0)
    skull = r * vector(1.15, 0.95, 0.85)
    throat = rod(vector(long * 0.5, 0.1, 0), head, 0.3, r * 0.75)
    tail = rod(vector(-long * 0.6, 0.05, 0), vector(-long * 1.3, 0.25, 0), 0.3, 0.05)
    body = ellipsoid(vector(0, 0, 0), vector(long, rng.uniform(0.42, 0.6), wide))
    flesh = blend([body, throat, tail, ellipsoid(head, skull)], 0.15)
    second = hsv(rng.uniform(0, 0.5), rng.uniform(0, 0.7), rng.uniform(0.05, 0.9))
    paint = plain(coat) if rng.random() < 0.4 else pattern(rng, coat, second)
    wing = ellipsoid(vector(-0.25, 0.12, wide * 0.85), vector(long * 0.7, 0.28, 0.14))
    bill = tilted(beak(rng, head, skull), head, -10)
    leg = rod(vector(0, -0.4, 0.2), vector(0.05, -0.95, 0.22), 0.05, 0.04)
    foot = ellipsoid(vector(0.18, -0.97, 0.24), vector(0.22, 0.04, 0.16))
    horn = fuzzy(
        plain(hsv(rng.uniform(0.03, 0.14), rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.9))), seed, 0.1
    )
    at, _ = eye_at(rng, head, skull)
    return [
        Part(lumpy(flesh, 0.06, 0.012, seed), fuzzy(paint, seed, 0.15), 0.05),
        Part(lumpy(both_sides(wing), 0.05, 0.015, seed), fuzzy(paint, seed + 9, 0.2), 0.05),
        Part(bill, horn, 0.3),
        Part(both_sides(ball(at, r * 0.14)), plain((0.02, 0.02, 0.02)), 1.0),
        *([Part(both_sides(blend([leg, foot], 0.05)), horn, 0.2)] if rng.random() < 0.6 else []),
    ]


def figure(rng: Random) -> list[Part]:
    """A bear, doll, robot or skittle standing upright."""
    paint, gloss = skin(rng), shine(rng)
    r = rng.uniform(0.35, 0.6)
    head = vector(0, 0.75 + r * 0.7, 0)
    trunk = ellipsoid(vector(0, 0, 0), vector(rng.uniform(0.4, 0.7), 0.85, rng.uniform(0.4, 0.8)))
    if rng.random() < 0.3:
        trunk = cylinder(vector(0, -0.8, 0), rng.uniform(0.4, 0.7), rng.uniform(0.3, 0.7), 1.5, 0.1)
    limbs = [
        both_sides(rod(vector(0, 0.4, 0.4), vector(rng.uniform(0, 0.6), -0.2, 0.9), 0.2, 0.18)),
        both_sides(rod(vector(0, -0.6, 0.3), vector(0.5, -0.9, 0.45), 0.26, 0.24)),
    ]
    skull = ellipsoid(head, r * vector(1, 1, 1))
    parts = [Part(blend([trunk, *limbs[: rng.integers(0, 3)]], 0.08), paint, gloss)]
    parts.append(Part(skull, paint if rng.random() < 0.6 else skin(rng), gloss))
    if rng.random() < 0.6:
        ear = ball(head + vector(0, r * 0.8, r * 0.7), r * 0.35)
        parts.append(Part(both_sides(ear), paint, gloss))
    if rng.random() < 0.6:
        nose = ellipsoid(head + vector(r * 0.95, -r * 0.2, 0), r * vector(0.2, 0.2, 0.25))
        parts.append(Part(nose, skin(rng), gloss))
    if rng.random() < 0.8:
        parts.append(eyes(rng, head, r * vector(1, 1, 1)))
    return parts


def vehicle(rng: Random) -> list[Part]:
    """A toy boat, car or submarine; also a cup, a teapot, a bottle."""
    paint, gloss = skin(rng), shine(rng)
    if rng.random() < 0.5:
        hull = above(ellipsoid(vector(0, 0, 0), vector(1.2, rng.uniform(0.4, 0.7), 0.55)), -0.35)
        cabin = brick(vector(-0.1, 0.5, 0), vector(rng.uniform(0.2, 0.5), 0.3, 0.35), 0.08)
        funnel = cylinder(vector(0.2, 0.6, 0), 0.14, 0.14, 0.6)
        wheel = ellipsoid(vector(0.6, -0.35, 0.5), vector(0.26, 0.26, 0.12))
        wheels = both_sides(blend([wheel, lambda p: wheel(p + vector(1.2, 0, 0))], 0.01))
        extra = funnel if rng.random() < 0.5 else wheels
        return [
            Part(hull, paint, gloss),
            Part(cabin, skin(rng), gloss),
            Part(extra, skin(rng), gloss),
        ]
    pot = cylinder(
        vector(0, -0.7, 0), rng.uniform(0.4, 0.8), rng.uniform(0.3, 0.8), rng.uniform(0.8, 1.8), 0.1
    )
    handle = ring(vector(-0.75, 0.1, 0), 0.35, 0.09, axis=2)
    spout = rod(vector(0.5, -0.1, 0), vector(1.1, 0.5, 0), 0.2, 0.1)
    lid = ball(vector(0, rng.uniform(0.7, 1.1), 0), rng.uniform(0.15, 0.4))
    chosen = [s for s in (handle, spout, lid) if rng.random() < 0.5]
    return [
        Part(pot, paint, gloss),
        *(Part(s, skin(rng) if rng.random() < 0.4 else paint, gloss) for s in chosen),
    ]


def one_ball(rng: Random) -> list[Part]:
    return [Part(ball(vector(0, 0, 0), 0.9), skin(rng), shine(rng))]


KINDS: list[tuple[float, Callable[[Random], list[Part]]]] = [
    (0.24, jumble), (0.14, fruit), (0.17, animal), (0.08, plush), (0.14, real_bird),
    (0.11, figure), (0.08, vehicle), (0.04, one_ball),
]  # fmt: skip


def look_alike(rng: Random) -> tuple[str, list[Part]]:
    """One thing that is no rubber duck, with its kind."""
    shares = np.array([share for share, _ in KINDS])
    kind = KINDS[rng.choice(len(KINDS), p=shares / shares.sum())][1]
    return kind.__name__, kind(rng)
