"""Export the net as one ONNX file: bytes in, calibrated probabilities and boxes out."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from training.dataset.scenes import SIDE
from training.model.calibration import Calibration
from training.model.detector_file import write
from training.model.net import NO_PEAK, WATERFOWL, Net, corners, peaks, verdict
from training.model.quantization import quantized

MAX_BYTES = 20_000_000
# The net spreads its bets over a thousand classes: even of a mallard alone it says 0.2.
SHARPER = 2.0
CLOSE = 0.02  # how far probabilities may move, in the mean, when the net is in whole numbers


class Calibrations(NamedTuple):
    """Calibrations of the three logits: a duck in the picture, a duck in a cell, live waterfowl."""

    duck: Calibration
    place: Calibration
    waterfowl: Calibration


class ExportedDetector(nn.Module):
    """The net with calibration and waterfowl classes; takes pixels (1, side, side, 3)."""

    def __init__(self, net: Net, meaning: Calibrations) -> None:
        super().__init__()
        self.net, self.meaning = net, meaning

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        seen = self.net(pixels.permute(0, 3, 1, 2))
        duck = _probability(self.meaning.duck, verdict(seen)[0])
        heat = peaks(seen.heat)[0, 0]
        places = torch.where(
            heat > NO_PEAK, _probability(self.meaning.place, heat), torch.zeros_like(heat)
        )
        waterfowl = _probability(self.meaning.waterfowl, waterfowl_logit(seen.classes)[0])
        return duck, places, corners(seen.sides)[0].permute(1, 2, 0), waterfowl


def _probability(line: Calibration, logit: Tensor) -> Tensor:
    return torch.sigmoid(line.slope * logit + line.offset)


def waterfowl_logit(classes: Tensor) -> Tensor:
    """Return the logit of ImageNet's waterfowl against all its other classes."""
    classes = classes * SHARPER
    birds = torch.logsumexp(classes[:, list(WATERFOWL)], 1)
    look_alikes = [i for i in range(classes.shape[1]) if i not in WATERFOWL]
    return birds - torch.logsumexp(classes[:, look_alikes], 1)


def export(
    shipped: ExportedDetector, path: Path, facts: dict[str, str], images: np.ndarray | None = None
) -> None:
    """Write the ONNX file; given calibration pictures, quantized to int8.

    Raises ValueError if the file is larger than MAX_BYTES.
    """
    file = io.BytesIO()
    example = torch.zeros((1, SIDE, SIDE, 3), dtype=torch.uint8)
    torch.onnx.export(
        shipped.eval(),
        (example,),
        file,
        input_names=["pixels"],
        output_names=["duck", "places", "boxes", "waterfowl"],
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load_from_string(file.getvalue())
    if images is not None:
        model = quantized(model, images)
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    if len(data) > MAX_BYTES:
        raise ValueError(f"the model has {len(data)} bytes, more than {MAX_BYTES}")
    write(path, data)


@torch.no_grad()
def check(shipped: ExportedDetector, path: Path, images: np.ndarray) -> float:
    """Return the mean difference between the file's probabilities and the net's.

    Raises ValueError if it is larger than CLOSE.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    apart = []
    for image in images:
        ours = shipped(torch.from_numpy(image[None]))
        theirs = session.run(None, {"pixels": image[None]})
        apart += [abs(float(ours[i]) - float(theirs[i])) for i in (0, 3)]
    mean = float(np.mean(apart))
    if mean > CLOSE:
        raise ValueError(f"the exported file differs from the trained net by {mean:.4f}")
    return mean
