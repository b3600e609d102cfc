"""The loss of boxes: minus the logarithm of the overlap, and L1 on the logarithms of the sides.

A box is four logarithms: of SHIFT plus the pixels from the cell's middle to its sides.
"""

import numpy as np

from rubberduck.custom_models.decoding import SHIFT
from rubberduck.custom_models.trunk import Floats

L1, SMOOTH = 0.5, 0.2  # share of the loss; the difference from which it is linear
MAX_LOG = 6.2  # exp of it is more than a view's side


def _distances(sides: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(sides, MAX_LOG)) - np.float32(SHIFT), np.float32)


def _overlap(p: Floats, t: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return IoU, shared width and height, and the union's area."""
    shared = np.minimum(p, t)
    wide = np.maximum(shared[:, 0] + shared[:, 2], 0)
    high = np.maximum(shared[:, 1] + shared[:, 3], 0)
    both = wide * high
    area = np.maximum(p[:, 0] + p[:, 2], 0.1) * np.maximum(p[:, 1] + p[:, 3], 0.1)
    other = np.maximum(t[:, 0] + t[:, 2], 0.1) * np.maximum(t[:, 1] + t[:, 3], 0.1)
    union = area + other - both
    return np.asarray(both / union), wide, high, union


def box_gradient(predicted: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """Return the gradient of each box's loss by its four logarithms (n, 4), and the IoU (n,)."""
    p, t = _distances(predicted), _distances(wanted)
    iou, wide, high, union = _overlap(p, t)
    both = np.maximum(wide * high, 1e-3)
    # By each distance: of the shared area, where this box's side is the nearer one; of the area.
    nearer = (p < t).astype(np.float32)
    across = np.stack([high, wide, high, wide], 1)
    own = np.maximum(np.stack([p[:, 1] + p[:, 3], p[:, 0] + p[:, 2]] * 2, 1), 0.1)
    d_both = nearer * across
    d_union = own - d_both
    touches = (wide > 0) & (high > 0)
    slope = np.where(touches[:, None], -d_both / both[:, None], 0) + d_union / union[:, None]
    slope *= p + np.float32(SHIFT)
    return np.asarray(slope + L1 * np.clip((predicted - wanted) / SMOOTH, -1, 1), np.float32), iou
