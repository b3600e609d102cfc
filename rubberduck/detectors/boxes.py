"""The boxes of an answer, from the output of a pass of the network."""

import numpy as np

from rubberduck.core.models import Box
from rubberduck.detectors.passes import Floats, View

# Minimum probability of a box besides the best one. Next to one or two ducks, a weaker one is
# mostly a false positive; next to three or more, it is mostly another duck, half hidden.
MIN_PLACE, MIN_PLACE_IN_A_CROWD = 0.5, 0.35
CROWD = 3
# Where the best one is weak itself, another nearly as probable is mostly another duck, too.
MIN_RELATIVE_PLACE = 0.8
SAME_DUCK = 0.45  # boxes that share more than this (IoU) are one duck
NESTED = 0.8  # share of a box inside a more probable one, or vice versa: a false positive
PADDING = 0.015  # of a box's side, added on each: training boxes end at the last pixel
MAX_BOXES = 100  # Rekognition's maximum


def boxes_of(view: View, percent: float) -> list[Box]:
    """Return the box of every duck, the most probable first; `percent` is the picture's confidence.

    There is at least one, at the most probable place.
    """
    probability, corners = view.places.ravel(), view.corners.reshape(-1, 4)
    is_crowd = (probability >= MIN_PLACE).sum() >= CROWD
    least = 0.0 if is_crowd else min(MIN_PLACE, MIN_RELATIVE_PLACE * float(probability.max()))
    chosen = probability >= max(least, MIN_PLACE_IN_A_CROWD)
    chosen[probability.argmax()] = True
    order = [int(i) for i in np.argsort(-probability, kind="stable") if chosen[i]]
    kept: list[Box] = []
    for i in order:
        # A box has at most the confidence of the picture.
        confidence = percent if not kept else min(float(probability[i]) * 100, percent)
        box = _padded(corners[i], confidence)
        if not any(_is_same(box, other) for other in kept):
            kept.append(box)
    return kept[:MAX_BOXES]


def _padded(corners: Floats, percent: float) -> Box:
    left, top, right, bottom = (float(side) for side in corners)
    wide, high = max(right - left, 0.0) * PADDING, max(bottom - top, 0.0) * PADDING
    left, top = max(left - wide, 0.0), max(top - high, 0.0)
    right, bottom = min(right + wide, 1.0), min(bottom + high, 1.0)
    return Box(left, top, right - left, bottom - top, "", percent)


def _is_same(box: Box, other: Box) -> bool:
    """Return whether a box repeats a more probable one: by overlap, or one inside the other."""
    if box.overlap(other) > SAME_DUCK:
        return True
    wide = min(box.left + box.width, other.left + other.width) - max(box.left, other.left)
    high = min(box.top + box.height, other.top + other.height) - max(box.top, other.top)
    smaller = min(box.width * box.height, other.width * other.height)
    return smaller <= 0 or max(wide, 0.0) * max(high, 0.0) > NESTED * smaller
