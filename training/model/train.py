"""Train the late blocks and the heads on ducks, with ImageNet's classes distilled."""

import io
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from training.dataset.scene_files import Scenes
from training.model.net import FROZEN, Net, Outputs, verdict
from training.model.targets import box_loss, distillation, heat_loss, targets

SEED = 7
BATCH = 16
INFERENCE_BATCH = 50  # pictures at once when nothing is learnt


@dataclass(frozen=True)
class TrainingConfig:
    epochs: float = 3.0
    head_rate: float = 1.5e-3
    trunk_rate: float = 3e-4
    learning_from: int = FROZEN  # the first block that learns; 16 trains the heads alone
    distillation_weight: float = 0.5  # weight of ImageNet's classes
    averaging: float = 0.995
    seed: int = SEED  # of the order of the pictures; the heads always begin the same


@dataclass(frozen=True)
class Features:
    """The frozen blocks' features of each scene, and the pretrained net's classes."""

    fine: Tensor  # (n, 40, 40, 40) half precision
    classes: Tensor  # (n, 1000) half precision
    boxes: list[np.ndarray]


class PretrainedFeatures(nn.Module):
    """The pretrained net: its frozen blocks' features and its classes."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net().eval()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        early = self.net.early(pixels.permute(0, 3, 1, 2))
        return early, self.net.late(early).classes


def _session(images: np.ndarray, threads: int) -> onnxruntime.InferenceSession:
    """Return a session of the pretrained net; onnxruntime takes 10 ms a picture, torch 60."""
    file, options = io.BytesIO(), onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    torch.onnx.export(
        PretrainedFeatures(),
        (torch.from_numpy(images),),
        file,
        input_names=["pixels"],
        opset_version=17,
        dynamo=False,
    )
    return onnxruntime.InferenceSession(file.getvalue(), options)


def load_features(scenes: Scenes, path: Path) -> Features:
    """Return the features of these scenes, computed once and kept in `path`."""
    if not path.exists():
        session = _session(scenes.images[:INFERENCE_BATCH], torch.get_num_threads())
        fine, classes = [], []
        for start in range(0, len(scenes.images), INFERENCE_BATCH):
            early, names = session.run(
                None, {"pixels": scenes.images[start : start + INFERENCE_BATCH]}
            )
            fine.append(torch.from_numpy(early).half())
            classes.append(torch.from_numpy(names).half())
        scratch = path.with_suffix(".part")
        torch.save((torch.cat(fine), torch.cat(classes)), scratch)
        scratch.rename(path)
    fine_, classes_ = torch.load(path)
    return Features(fine_, classes_, scenes.boxes)


def _learners(net: Net, plan: TrainingConfig) -> list[dict[str, object]]:
    for parameter in net.trunk.parameters():
        parameter.requires_grad_(False)
    blocks = [p for block in net.trunk._blocks[plan.learning_from :] for p in block.parameters()]
    decay = [p for p in blocks if p.ndim > 1]
    plain = [p for p in blocks if p.ndim == 1]
    for parameter in blocks:
        parameter.requires_grad_(True)
    heads = [*net.head.parameters(), *net.overall.parameters()]
    return [
        {"params": heads, "lr": plan.head_rate, "weight_decay": 1e-4},
        {"params": decay, "lr": plan.trunk_rate, "weight_decay": 1e-4},
        {"params": plain, "lr": plan.trunk_rate, "weight_decay": 0.0},
    ]


def _batches(count: int, steps: int, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    done = 0
    while done < steps:
        for batch in torch.randperm(count, generator=generator).split(BATCH):
            if len(batch) == BATCH and done < steps:
                yield batch
                done += 1


def loss_of(
    seen: Outputs, boxes: list[np.ndarray], classes: Tensor, plan: TrainingConfig
) -> dict[str, Tensor]:
    heat, places = targets(boxes)
    has_duck = torch.tensor([float(len(b) > 0) for b in boxes])
    return {
        "heat": heat_loss(seen.heat, heat),
        "box": box_loss(seen, heat, places),
        "overall": nn.functional.binary_cross_entropy_with_logits(seen.overall, has_duck),
        "memory": plan.distillation_weight * distillation(seen.classes, classes.float()),
    }


def train(features: Features, plan: TrainingConfig, net: Net | None = None) -> Net:
    """Return the net with averaged weights. Batch-norm statistics stay ImageNet's throughout."""
    torch.manual_seed(SEED)
    net = (net or Net()).to(memory_format=torch.channels_last)
    torch.manual_seed(plan.seed)
    optimizer = torch.optim.AdamW(_learners(net, plan))
    steps = int(plan.epochs * len(features.boxes) / BATCH)
    warm_up = min(100, steps // 10 + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda s: min((s + 1) / warm_up, 0.02 + 0.98 * (1 + math.cos(math.pi * s / steps)) / 2),
    )
    averaged = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.averaging)
    )
    net.train()
    net.trunk.eval()  # batch norm and dropping of connections stay as in use
    started, sums = time.monotonic(), dict[str, float]()
    for step, batch in enumerate(_batches(len(features.boxes), steps, plan.seed), 1):
        fine = features.fine[batch].float()
        seen = net.late(fine.contiguous(memory_format=torch.channels_last))
        losses = loss_of(seen, [features.boxes[i] for i in batch], features.classes[batch], plan)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(net)
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + float(loss.detach())
        if step % 50 == 0:
            line = "  ".join(f"{name} {total / 50:.3f}" for name, total in sums.items())
            print(f"{step}/{steps}  {time.monotonic() - started:.0f} s  {line}", flush=True)
            sums.clear()
    done: Net = averaged.module
    return done.eval()


@torch.no_grad()
def predict(net: Net, fine: Tensor) -> Iterator[tuple[Tensor, Outputs]]:
    """Yield verdict logits and all outputs, a batch at a time."""
    for part in fine.split(INFERENCE_BATCH):
        seen = net.late(part.float().contiguous(memory_format=torch.channels_last))
        yield verdict(seen), seen
