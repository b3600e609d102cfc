"""Targets and losses of the dense head."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.dataset.scenes import SIDE
from training.model.net import STRIDE, Outputs, corners

CELLS = SIDE // STRIDE
NEAR = 0.6  # cells this hot learn the box


def targets(boxes: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return heat (n, 1, rows, columns), 1 in each duck's middle, and each cell's box."""
    heat = np.zeros((len(boxes), CELLS, CELLS), np.float32)
    places = np.zeros((len(boxes), 4, CELLS, CELLS), np.float32)
    y, x = np.mgrid[:CELLS, :CELLS]
    for i, ducks in enumerate(boxes):
        # The largest first, so that small ducks in front keep their cells.
        for box in sorted(ducks, key=lambda b: -(b[2] - b[0]) * (b[3] - b[1])):
            left, top, right, bottom = box / STRIDE
            column = min(int((left + right) / 2), CELLS - 1)
            row = min(int((top + bottom) / 2), CELLS - 1)
            sx, sy = max(0.45, (right - left) * 0.14), max(0.45, (bottom - top) * 0.14)
            spot = np.exp(-(((x - column) / sx) ** 2 + ((y - row) / sy) ** 2) / 2)
            places[i][:, spot > NEAR] = box[:, None]
            heat[i] = np.maximum(heat[i], spot)
    return torch.from_numpy(heat)[:, None], torch.from_numpy(places)


def heat_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """Return CenterNet's focal loss: near misses cost less than far ones."""
    p = torch.sigmoid(logits)
    middle = (heat > 0.999).float()
    hit = functional.logsigmoid(logits) * (1 - p) ** 2 * middle
    miss = functional.logsigmoid(-logits) * p**2 * (1 - heat) ** 4 * (1 - middle)
    return -(hit.sum() + miss.sum()) / middle.sum().clamp(min=1)


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and generalised IoU of boxes (n, 4)."""

    def area(box: Tensor) -> Tensor:
        return (box[:, 2] - box[:, 0]).clamp(min=0) * (box[:, 3] - box[:, 1]).clamp(min=0)

    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = area(torch.cat([low, high], 1))
    union = area(a) + area(b) - shared + 1e-6
    hull = torch.cat([torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])], 1)
    iou = shared / union
    return iou, iou - (area(hull) - union) / (area(hull) + 1e-6)


def sides_of(places: Tensor) -> Tensor:
    """Return how far each cell's middle is from its box's sides, in cells; inverts `corners`."""
    still = corners(torch.zeros_like(places)) / STRIDE
    away = torch.cat(
        [still[:, :2] - places[:, :2] / STRIDE, places[:, 2:] / STRIDE - still[:, 2:]], 1
    )
    return away.clamp(min=0.1)


def box_loss(seen: Outputs, heat: Tensor, places: Tensor) -> Tensor:
    near = heat[:, 0] > NEAR
    if not near.any():
        return seen.sides.sum() * 0
    weight = heat[:, 0][near]
    found = corners(seen.sides).permute(0, 2, 3, 1)[near]
    _, generalised = overlap(found, places.permute(0, 2, 3, 1)[near])
    # Where a box is far off, the generalised overlap hardly says in which direction to go.
    truth = sides_of(places).permute(0, 2, 3, 1)[near]
    far = functional.smooth_l1_loss(
        torch.log(seen.sides.permute(0, 2, 3, 1)[near]), torch.log(truth), reduction="none"
    ).mean(1)
    return ((1 - generalised + far) * weight).sum() / weight.sum()


def distillation(classes: Tensor, teacher: Tensor, warmth: float = 2.0) -> Tensor:
    """Return the KL divergence of the ImageNet classes from the pretrained net's."""
    return functional.kl_div(
        functional.log_softmax(classes / warmth, 1),
        functional.softmax(teacher / warmth, 1),
        reduction="batchmean",
    ) * (warmth * warmth)
