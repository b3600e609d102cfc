"""The boxes of an answer, from the places of a look."""

import numpy as np

from rubberduck.core.models import Box
from rubberduck.detectors.looks import Floats, View

# Probability of a place for a box beside the best one's. Beside one or two ducks a weaker place is
# mostly a ghost; among three and more it is mostly one more duck, half hidden.
MIN_PLACE, MIN_PLACE_IN_A_CROWD = 0.5, 0.35
CROWD = 3
SAME_DUCK = 0.45  # boxes that share more than this (IoU) are one duck
NESTED = 0.8  # share of a box that lies inside a surer one, or encloses one: a ghost
PADDING = 0.015  # of a box's side, added on each: training boxes end at the last pixel
MAX_BOXES = 100  # what Rekognition would answer at most


def boxes_of(view: View, percent: float) -> list[Box]:
    """Return the box of every duck, the surest first, for a picture with `percent` certainty.

    There is at least one: the likeliest place is what the picture was judged by.
    """
    probability, corners = view.places.ravel(), view.corners.reshape(-1, 4)
    is_crowd = (probability >= MIN_PLACE).sum() >= CROWD
    chosen = probability >= (MIN_PLACE_IN_A_CROWD if is_crowd else MIN_PLACE)
    chosen[probability.argmax()] = True
    order = [int(i) for i in np.argsort(-probability, kind="stable") if chosen[i]]
    kept: list[Box] = []
    for i in order:
        # No place is surer than the picture as a whole.
        sure = percent if not kept else min(float(probability[i]) * 100, percent)
        box = _padded(corners[i], sure)
        if not any(_is_same(box, other) for other in kept):
            kept.append(box)
    return kept[:MAX_BOXES]


def _padded(corners: Floats, percent: float) -> Box:
    left, top, right, bottom = (float(side) for side in corners)
    wide, high = max(right - left, 0.0) * PADDING, max(bottom - top, 0.0) * PADDING
    left, top = max(left - wide, 0.0), max(top - high, 0.0)
    right, bottom = min(right + wide, 1.0), min(bottom + high, 1.0)
    return Box(left, top, right - left, bottom - top, "", percent)


def _is_same(box: Box, surer: Box) -> bool:
    """Whether a box repeats a surer one: much overlap, or one inside the other."""
    if box.overlap(surer) > SAME_DUCK:
        return True
    wide = min(box.left + box.width, surer.left + surer.width) - max(box.left, surer.left)
    high = min(box.top + box.height, surer.top + surer.height) - max(box.top, surer.top)
    smaller = min(box.width * box.height, surer.width * surer.height)
    return smaller <= 0 or max(wide, 0.0) * max(high, 0.0) > NESTED * smaller
