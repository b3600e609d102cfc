"""Who and what is in the sample pictures, besides the training's own cast."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from training.props.costumes import hat, necktie
from training.props.ducks import duck
from training.props.look_alikes import real_bird
from training.rendering.colours import Colour, Random, fuzzy, plain
from training.rendering.ray_marcher import Part
from training.rendering.shapes import Floats, cylinder, lumps, vector

YELLOW = (1.0, 0.8, 0.1)


def toy(make: Callable[[Random], list[Part]], seed: int) -> list[Part]:
    return make(np.random.default_rng(seed))


def painted(parts: Iterable[Part], *colours: Colour) -> list[Part]:
    """The first parts in other colours."""
    first, *rest = parts
    if not colours:
        return [first, *rest]
    return [replace(first, paint=plain(colours[0])), *painted(rest, *colours[1:])]


def rubber(seed: int, *colours: Colour) -> list[Part]:
    return painted(duck(np.random.default_rng(seed)).parts, *colours)


def gentleman() -> list[Part]:
    rng = np.random.default_rng
    wearer = duck(rng(5))
    return [*painted(wearer.parts, YELLOW), *hat(wearer, rng(5)), *necktie(wearer, rng(8))]


def drake(p: Floats) -> Floats:
    """A mallard's colours, by place."""
    up = p[1] + 0.5 * (p[0] - 0.7)
    out = np.repeat(np.array([[0.62], [0.58], [0.54]], np.float32), p.shape[1], 1)
    for colour, here in (
        ((0.12, 0.1, 0.09), p[0] < -0.95),
        ((0.33, 0.17, 0.1), p[0] > 0.45),
        ((0.92, 0.92, 0.9), up > 0.4),
        ((0.04, 0.3, 0.2), up > 0.48),
    ):
        out[:, here] = np.array(colour, np.float32)[:, None]
    return out


def live_duck() -> list[Part]:
    body, wings, bill, *rest = toy(real_bird, 7)
    bill = replace(bill, paint=plain((0.85, 0.65, 0.15)))
    return [replace(body, paint=fuzzy(drake, 3)), wings, bill, *rest]


def lane(p: Floats) -> Floats:
    """Asphalt with a dashed line, between white edges and grass."""
    out = np.repeat(np.array([[0.3], [0.31], [0.33]], np.float32), p.shape[1], 1)
    aside = np.abs(p[2])
    dashes = (aside < 0.07) & (np.sin(p[0] * 2.6 + 2.2) > -0.2)
    out[:, dashes | ((aside > 2.3) & (aside < 2.42))] = 0.9
    out[:, aside > 2.7] = np.array([[0.35], [0.55], [0.25]], np.float32)
    return np.asarray(out * (1 + 0.03 * lumps(p, 0.2)), np.float32)


def cone() -> list[Part]:
    def stripes(p: Floats) -> Floats:
        white = (np.abs(p[1] - 0.7) < 0.22)[None]
        return np.where(white, np.float32(0.95), np.array([[0.95], [0.35], [0.08]], np.float32))

    foot = cylinder(vector(0, 0, 0), 0.62, 0.62, 0.06)
    return [
        Part(cylinder(vector(0, 0, 0), 0.45, 0.1, 1.5), stripes, 0.5),
        Part(foot, plain((0.9, 0.3, 0.06)), 0.4),
    ]
