"""Places for captions at faces: outside of every face, inside the picture, apart from each other.

Other than the tabs of core/tabs.py, which may cover the lower half of an object: of a face, all
parts matter, and there may be a hundred of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rubberduck.core.tabs import EDGE, Area

Rectangles = NDArray[np.float64]  # one a row: left, top, right, bottom

# What a caption costs for each pixel that it covers: of another caption, or of a face. On another
# face it would seem to be about that one.
OTHER_CAPTION, OTHER_FACE, OWN_FACE = 1000.0, 300.0, 50.0
UPPER_HALF = 2.0  # times as much, for eyes
NEAR_FACE = 10.0  # for each pixel that touches another face's surroundings: whose caption is it?
FAR = 2.0  # for each pixel to the side of its own face's middle, and each pixel of its height
HARMLESS = 0.1  # of its own face, where there is no place beside it
SLIDES = 5  # places along each side of a face
ROUNDS = 3  # in each, every caption looks for a better place among the others


class Layout(NamedTuple):
    """The area of each caption, and how many pixels of faces and captions they hide."""

    areas: list[Area]
    hidden: float


def place_captions(
    faces: Sequence[Area],
    captions: Sequence[tuple[float, float]],
    size: tuple[int, int],
    gap: float,
) -> Layout:
    """Return a place at each face for its caption, of these widths and heights.

    `size` is that of the picture; all in pixels. `gap` keeps a caption clear of its face's line.

    >>> place_captions([Area(40, 40, 60, 60)], [(30, 12)], (100, 100), gap=2).areas
    [Area(left=35.0, top=26.0, right=65.0, bottom=38.0)]
    """
    if not faces:
        return Layout([], 0.0)
    around = np.array(faces, dtype=float)
    places = np.array(
        [
            _candidates(face, caption, size, gap)
            for face, caption in zip(faces, captions, strict=True)
        ]
    )
    costs = _costs(around, places)
    own = np.arange(len(faces))
    chosen = places[own, costs.argmin(axis=1)]
    for _ in range(ROUNDS):
        before = chosen.copy()
        for number in own:
            others = np.delete(chosen, number, axis=0)
            crowd = OTHER_CAPTION * _shared(places[number], others).sum(axis=1)
            chosen[number] = places[number, (costs[number] + crowd).argmin()]
        if (before == chosen).all():
            break
    return Layout([Area(*map(float, place)) for place in chosen], _hidden(chosen, around))


def _candidates(
    face: Area, caption: tuple[float, float], size: tuple[int, int], gap: float
) -> Rectangles:
    """Return places around the face, the best first, moved into the picture if need be."""
    width, height = caption
    middle_x, middle_y = (face.left + face.right - width) / 2, (face.top + face.bottom - height) / 2
    along_x = [middle_x, *np.linspace(face.left - width, face.right, SLIDES)]
    along_x += [face.left, face.right - width]
    along_y = [middle_y, *np.linspace(face.top - height, face.bottom, SLIDES)]
    above, below = face.top - gap - height, face.bottom + gap
    before, after = face.left - gap - width, face.right + gap
    corners = np.array(
        [(x, above) for x in along_x]
        + [(x, below) for x in along_x]
        + [(x, y) for y in along_y for x in (after, before)]
        + [(middle_x, face.bottom - gap - height)]  # on its chin
    )
    last = np.maximum(np.array(size, dtype=float) - (width, height) - EDGE, 0.0)
    corners = np.clip(corners, np.minimum(EDGE, last), last)
    return np.hstack([corners, corners + np.array(caption)])


def _costs(faces: Rectangles, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each place of each face costs, for the faces that it covers or lies beside."""
    count, choice = places.shape[:2]
    every, own = places.reshape(-1, 4), np.arange(count)
    upper = faces.copy()
    upper[:, 3] = (faces[:, 1] + faces[:, 3]) / 2
    over = _shared(every, faces) + (UPPER_HALF - 1) * _shared(every, upper)
    over = over.reshape(count, choice, count) * OTHER_FACE
    over[own, :, own] *= OWN_FACE / OTHER_FACE
    heights = (places[:, :, 3] - places[:, :, 1])[:, :1]
    wide = faces + heights.max() / 2 * np.array([-1, -1, 1, 1])
    near = _shared(every, wide).reshape(count, choice, count) * NEAR_FACE
    near[own, :, own] = 0.0
    middles = (places[:, :, :2] + places[:, :, 2:] - (faces[:, :2] + faces[:, 2:])[:, None]) / 2
    far = FAR * np.abs(middles).min(axis=2) * heights
    return np.asarray(over.sum(axis=2) + near.sum(axis=2) + far)


def _shared(some: Rectangles, others: Rectangles) -> NDArray[np.float64]:
    """Return the area that each of some shares with each of the others, in square pixels."""
    left, top, right, bottom = (some[:, None, side] for side in range(4))
    width = np.minimum(right, others[:, 2]) - np.maximum(left, others[:, 0])
    height = np.minimum(bottom, others[:, 3]) - np.maximum(top, others[:, 1])
    return np.asarray(width.clip(0.0) * height.clip(0.0))


def _hidden(captions: Rectangles, faces: Rectangles) -> float:
    areas = [(some[:, 2:] - some[:, :2]).prod(axis=1) for some in (captions, faces)]
    twice = _shared(captions, captions).sum() - areas[0].sum()
    over = _shared(captions, faces)
    own = np.arange(len(faces))
    over[own, own] = np.maximum(over[own, own] - HARMLESS * areas[1], 0.0)
    return float(over.sum() + twice / 2)
