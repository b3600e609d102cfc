"""What each cell of a view shall answer: nothing, a label with its box, or it is not asked."""

from typing import NamedTuple

import numpy as np

from rubberduck.custom_models.decoding import MIDDLES, SHIFT, STRIDE
from rubberduck.custom_models.training.views import Ints, View
from rubberduck.custom_models.trunk import CELLS, Floats

# Ellipses in a box, as shares of its own: inside the first a cell is positive, between the first
# and the second it is not asked.
POSITIVE, IGNORED = 0.5, 1.0
NOTHING, NOT_ASKED = -1, -2


class Targets(NamedTuple):
    """Of each cell, row by row."""

    labels: Ints  # (cells,): a label's number, NOTHING or NOT_ASKED
    boxes: Ints  # (cells,): the number of the view's box, NOTHING where there is none
    sides: Floats  # (cells, 4): logarithms of SHIFT plus the pixels to left, top, right, bottom


def targets_of(view: View) -> Targets:
    """Return the targets of a view; where boxes overlap, the smaller one takes the cell."""
    labels = np.full((CELLS, CELLS), NOTHING, np.int64)
    boxes = np.full((CELLS, CELLS), NOTHING, np.int64)
    sides = np.zeros((CELLS, CELLS, 4), np.float32)
    extent = view.corners[:, 2:] - view.corners[:, :2]
    for i in np.argsort(-(extent[:, 0] * extent[:, 1]), kind="stable"):
        left, top, right, bottom = (float(v) for v in view.corners[i])
        x = (MIDDLES - (left + right) / 2) / max((right - left) / 2, STRIDE / 2)
        y = (MIDDLES - (top + bottom) / 2) / max((bottom - top) / 2, STRIDE / 2)
        depth = np.hypot(*np.meshgrid(x, y))
        if view.labels[i] < 0:
            labels[depth < IGNORED] = NOT_ASKED
            continue
        chosen = depth < POSITIVE
        row, column = _cell((top + bottom) / 2), _cell((left + right) / 2)
        chosen[row, column] = True
        ring = (depth < IGNORED) & ~chosen
        labels[ring & (labels == NOTHING)] = NOT_ASKED
        labels[chosen], boxes[chosen] = view.labels[i], i
        x, y = np.meshgrid(MIDDLES, MIDDLES)
        distances = np.stack([x - left, y - top, right - x, bottom - y], -1)
        sides[chosen] = np.log(np.maximum(distances + SHIFT, 1.0))[chosen]
    return Targets(labels.ravel(), boxes.ravel(), sides.reshape(-1, 4))


def _cell(pixel: float) -> int:
    return min(max(int(pixel / STRIDE), 0), CELLS - 1)
