"""Ray-march a model into a sprite that can be lit later.

A sprite holds colour, normal, gloss, ambient occlusion and one lamp's shadow for each pixel, so
that each scene can light the same sprite in its own way.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.rendering.shapes import Floats, Shape

Paint = Callable[[Floats], Floats]  # points (3, n) to colours (3, n), 0 to 1

STEPS = 56
CAREFUL = 0.85  # the distances are bounds, see shapes
NEAR = 0.004
COARSE = 40


@dataclass(frozen=True)
class Part:
    """A shape of one material. Gloss is 0 for felt and 1 for wet vinyl."""

    shape: Shape
    paint: Paint
    gloss: float = 0.8


@dataclass(frozen=True)
class View:
    """The camera's angles in degrees. Pitch 90 looks straight down; yaw 0 faces the model."""

    yaw: float
    pitch: float
    roll: float
    distance: float = 6.0


@dataclass(frozen=True)
class Sprite:
    """A picture of a model, ready to be lit: arrays (height, width, channels) of bytes."""

    colour: np.ndarray
    normal: np.ndarray
    # Channels: gloss, ambient occlusion, the lamp's shadow, coverage.
    extra: np.ndarray
    lamp: tuple[float, float, float]


def _turn(axis: int, degrees: float) -> Floats:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix.astype(np.float32)


def camera(view: View) -> Floats:
    """Rows: the camera's right, up and backwards, in the model's space."""
    # Seen face to face, the model's nose (+x) points at us, so our right is its left (-z).
    face = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]], np.float32)
    return np.asarray(
        _turn(2, view.roll) @ _turn(0, view.pitch) @ face @ _turn(1, view.yaw), np.float32
    )


def _march(
    shape: Shape, start: Floats, ray: Floats, far: float, steps: int = STEPS
) -> tuple[Floats, np.ndarray]:
    """Return the depth of each ray, and which rays hit."""
    n = start.shape[1]
    depth = np.zeros(n, np.float32)
    hit = np.zeros(n, bool)
    alive = np.arange(n)
    for _ in range(steps):
        d = shape(start[:, alive] + ray[:, alive] * depth[alive])
        arrived = d < NEAR
        hit[alive[arrived]] = True
        alive, d = alive[~arrived], d[~arrived]
        depth[alive] += np.maximum(d * CAREFUL, NEAR)
        alive = alive[depth[alive] < far]
        if not len(alive):
            break
    return depth, hit


def _normals(shape: Shape, p: Floats) -> Floats:
    e = 0.006
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
    n = np.zeros_like(p)
    for corner in corners:
        n += corner[:, None] * shape(p + e * corner[:, None])
    return np.asarray(n / (np.sqrt((n * n).sum(0)) + 1e-9), np.float32)


def _occlusion(shape: Shape, p: Floats, n: Floats) -> Floats:
    blocked = np.zeros(p.shape[1], np.float32)
    for i, h in enumerate((0.05, 0.16, 0.4)):
        blocked += (h - shape(p + n * h)) / h * 0.5**i
    return np.clip(1 - 0.6 * blocked, 0.15, 1).astype(np.float32)


def _shadow(shape: Shape, p: Floats, n: Floats, lamp: Floats) -> Floats:
    light = np.ones(p.shape[1], np.float32)
    depth = np.full(p.shape[1], 0.06, np.float32)
    for _ in range(14):
        d = shape(p + n * 0.03 + lamp[:, None] * depth)
        light = np.minimum(light, np.clip(8 * d / depth, 0, 1))
        depth += np.clip(d, 0.05, 0.5)
    return light


def render(
    parts: list[Part], view: View, lamp: Floats, size: int, steps: int = STEPS
) -> Sprite | None:
    """Return the sprite of the model from a view, cropped; None where nothing is visible."""

    def whole(p: Floats) -> Floats:
        d = parts[0].shape(p)
        for part in parts[1:]:
            d = np.minimum(d, part.shape(p))
        return d

    frame = camera(view)
    eye = frame[2] * view.distance

    def rays(left: float, bottom: float, side: float, count: int) -> tuple[Floats, Floats]:
        steps = (np.arange(count) + 0.5) / count * side
        x, y = np.meshgrid(left + steps, bottom + side - steps)
        ray = (
            frame[0][:, None] * x.ravel()
            + frame[1][:, None] * y.ravel()
            - frame[2][:, None] * view.distance
        )
        ray = ray / np.sqrt((ray * ray).sum(0))
        return np.repeat(eye[:, None], count * count, 1).astype(np.float32), ray.astype(np.float32)

    far = view.distance + 4
    reach = 3.2
    start, ray = rays(-reach, -reach, 2 * reach, COARSE)
    _, hit = _march(lambda p: whole(p) - 0.05, start, ray, far)
    rows, columns = np.nonzero(hit.reshape(COARSE, COARSE))
    if not len(rows):
        return None
    cell = 2 * reach / COARSE
    side = (max(np.ptp(rows), np.ptp(columns)) + 3) * cell
    left = -reach + (columns.min() + columns.max() + 1) / 2 * cell - side / 2
    bottom = reach - (rows.min() + rows.max() + 1) / 2 * cell - side / 2
    start, ray = rays(left, bottom, side, size)
    depth, hit = _march(whole, start, ray, far, steps)
    if hit.sum() < 60:
        return None
    p = start[:, hit] + ray[:, hit] * depth[hit]
    colour, gloss = _painted(parts, p)
    n = _normals(whole, p)
    extra = [gloss, _occlusion(whole, p, n), _shadow(whole, p, n, frame.T @ lamp)]
    outline = hit.reshape(size, size)
    return Sprite(
        _image(outline, colour),
        _image(outline, frame @ n * 0.5 + 0.5),
        _image(outline, np.stack([*extra, np.ones_like(gloss)])),
        (float(lamp[0]), float(lamp[1]), float(lamp[2])),
    )


def _painted(parts: list[Part], p: Floats) -> tuple[Floats, Floats]:
    """The colour and gloss of the part that is nearest to each point."""
    nearest = np.argmin(np.stack([part.shape(p) for part in parts]), 0)
    colour, gloss = np.zeros_like(p), np.zeros(p.shape[1], np.float32)
    for i, part in enumerate(parts):
        mine = nearest == i
        if mine.any():
            colour[:, mine] = part.paint(p[:, mine])
            gloss[mine] = part.gloss
    return colour, gloss


def _image(outline: np.ndarray, values: Floats) -> np.ndarray:
    """Values (channels, points) put back where they were seen, cut to the outline."""
    out = np.zeros((*outline.shape, values.shape[0]), np.uint8)
    out[outline] = np.clip(values.T * 255 + 0.5, 0, 255)
    rows, columns = np.nonzero(outline)
    return out[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
