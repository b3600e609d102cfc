"""Signed distance fields: how far points in space lie from the surface of a shape.

Points are arrays (3, n): x is forwards, y is up, z is to the duck's left. Formulas are bounds,
not exact distances, so the ray marcher takes careful steps.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Shape = Callable[[Floats], Floats]


def vector(x: float, y: float, z: float) -> Floats:
    return np.array([[x], [y], [z]], np.float32)


def ellipsoid(centre: Floats, radii: Floats) -> Shape:
    inverse = (1 / radii).astype(np.float32)

    def distance(p: Floats) -> Floats:
        q = (p - centre) * inverse
        k0 = np.sqrt((q * q).sum(0))
        q = q * inverse
        k1 = np.sqrt((q * q).sum(0)) + np.float32(1e-6)
        return np.asarray(k0 * (k0 - 1) / k1, np.float32)

    return distance


def ball(centre: Floats, radius: float) -> Shape:
    return ellipsoid(centre, np.full((3, 1), radius, np.float32))


def rod(a: Floats, b: Floats, start: float, end: float) -> Shape:
    """A rounded stick from `a` to `b` whose radius goes from `start` to `end`."""
    along = b - a
    length2 = float((along * along).sum()) + 1e-9

    def distance(p: Floats) -> Floats:
        q = p - a
        t = np.clip((q * along).sum(0) / length2, 0, 1).astype(np.float32)
        rest = q - along * t
        return np.asarray(np.sqrt((rest * rest).sum(0)) - (start + (end - start) * t), np.float32)

    return distance


def cylinder(base: Floats, radius: float, top: float, height: float, edge: float = 0.02) -> Shape:
    """Upright on `base`; `top` is the radius above: equal for a can, 0 for a cone."""

    def distance(p: Floats) -> Floats:
        q = p - base
        y = q[1] - height / 2
        side = np.sqrt(q[0] ** 2 + q[2] ** 2) - (
            radius + (top - radius) * np.clip(q[1] / height, 0, 1)
        )
        side = side * (height / np.hypot(height, radius - top))
        ends = np.abs(y) - height / 2
        outside = np.sqrt(np.maximum(side, 0) ** 2 + np.maximum(ends, 0) ** 2)
        return np.asarray(outside + np.minimum(np.maximum(side, ends), 0) - edge, np.float32)

    return distance


def ring(centre: Floats, radius: float, thickness: float, axis: int = 1) -> Shape:
    a, b = (i for i in range(3) if i != axis)

    def distance(p: Floats) -> Floats:
        q = p - centre
        flat = np.sqrt(q[a] ** 2 + q[b] ** 2) - radius
        return np.asarray(np.sqrt(flat**2 + q[axis] ** 2) - thickness, np.float32)

    return distance


def brick(centre: Floats, halves: Floats, edge: float = 0.05) -> Shape:
    def distance(p: Floats) -> Floats:
        q = np.abs(p - centre) - (halves - edge)
        outside = np.sqrt((np.maximum(q, 0) ** 2).sum(0))
        return np.asarray(outside + np.minimum(q.max(0), 0) - edge, np.float32)

    return distance


def blend(shapes: list[Shape], softness: float) -> Shape:
    """The shapes grown into one another, like clay."""
    k = max(softness, 1e-4)

    def distance(p: Floats) -> Floats:
        d = shapes[0](p)
        for shape in shapes[1:]:
            e = shape(p)
            h = np.maximum(k - np.abs(d - e), 0) / k
            d = np.minimum(d, e) - h * h * (k / 4)
        return np.asarray(d, np.float32)

    return distance


def both_sides(shape: Shape) -> Shape:
    """The shape and its mirror image, left and right."""
    return lambda p: shape(np.stack([p[0], p[1], np.abs(p[2])]))


def above(shape: Shape, height: float, softness: float = 0.05) -> Shape:
    """What of the shape lies above a level, with a rounded edge: a flat bottom."""

    def distance(p: Floats) -> Floats:
        d, e = shape(p), height - p[1]
        h = np.maximum(softness - np.abs(d - e), 0) / softness
        return np.asarray(np.maximum(d, e) + h * h * (softness / 4), np.float32)

    return distance


def below(shape: Shape, height: float) -> Shape:
    return lambda p: np.maximum(shape(p), p[1] - height)


def tilted(shape: Shape, pivot: Floats, degrees: float, axis: int = 2) -> Shape:
    """Turned about an axis: about z (2) a nose goes up, about y (1) it turns aside."""
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))

    def distance(p: Floats) -> Floats:
        q = p - pivot
        turned = q.copy()
        turned[a], turned[b] = c * q[a] + s * q[b], -s * q[a] + c * q[b]
        return shape((turned + pivot).astype(np.float32))

    return distance


def lumps(p: Floats, size: float, seed: float = 0.0) -> Floats:
    """A cheap wavy noise between about -1 and 1."""
    q = p / size + seed
    return np.asarray(
        (
            np.sin(q[0] + 1.7 * np.sin(q[1] * 1.3))
            + np.sin(q[1] * 1.1 + 1.9 * np.sin(q[2] * 1.2))
            + np.sin(q[2] * 0.9 + 1.5 * np.sin(q[0] * 1.4))
        )
        / 3,
        np.float32,
    )


def lumpy(shape: Shape, size: float, height: float, seed: float = 0.0) -> Shape:
    return lambda p: shape(p) + height * lumps(p, size, seed)
