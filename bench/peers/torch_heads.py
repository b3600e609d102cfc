"""The heads of a model of one's own, trained with torch: same cells, batches, epochs and losses."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rubberduck.custom_models.decoding import SHIFT
from rubberduck.custom_models.training import dense_head as ours
from rubberduck.custom_models.training.boxes_loss import L1, MAX_LOG, SMOOTH
from rubberduck.custom_models.training.network import Perceptron, Random, batches

WARM_UP = 20  # a share of the steps, as in network.Adam


class TorchTraining:
    """Takes the place of `dense_head._train`, with `threads` of its own.

    Where a box does not overlap, its gradient is not quite ours, which are written by hand.
    """

    def __init__(self, torch: Any, threads: int) -> None:
        self.torch, self.threads = torch, threads

    def __call__(
        self,
        head: Perceptron,
        lesson: ours.Lesson,
        epochs: int,
        rng: Random,
        progress: Callable[[], None],
    ) -> None:
        torch = self.torch
        torch.set_num_threads(self.threads)  # threadpoolctl's limit is that of numpy
        torch.manual_seed(0)
        labels = head.parameters["b2"].shape[0] - ours.EXTRA_OUTPUTS
        x = torch.from_numpy(lesson.x.astype(np.float32))
        wanted, sides = torch.from_numpy(lesson.wanted), torch.from_numpy(lesson.sides)
        count = len(lesson.x)
        batch = count // ours.STEPS_OF_AN_EPOCH
        batch = min(max(batch, ours.SMALLEST_BATCH), ours.LARGEST_BATCH)
        network = self._network(head)
        optimizer, schedule = self._optimizer(network, epochs * -(-count // batch))
        for _ in range(epochs):
            for chosen in map(torch.from_numpy, batches(count, batch, rng)):
                optimizer.zero_grad()
                loss = self._loss(network(x[chosen]), wanted[chosen], sides[chosen], labels)
                loss.backward()
                optimizer.step()
                schedule.step()
            progress()
        for layer, number in ((network[0], "1"), (network[3], "2")):
            head.parameters[f"w{number}"] = layer.weight.detach().numpy().T.copy()
            head.parameters[f"b{number}"] = layer.bias.detach().numpy().copy()

    def _network(self, head: Perceptron) -> Any:
        nn, p = self.torch.nn, head.parameters
        layers = [nn.Linear(*p[name].shape) for name in ("w1", "w2")]
        with self.torch.no_grad():
            for layer, number in zip(layers, "12", strict=True):
                layer.weight.copy_(self.torch.from_numpy(p[f"w{number}"].T.copy()))
                layer.bias.copy_(self.torch.from_numpy(p[f"b{number}"]))
        return nn.Sequential(layers[0], nn.ReLU(), nn.Dropout(ours.DROPOUT), layers[1])

    def _optimizer(self, network: Any, steps: int) -> tuple[Any, Any]:
        optim = self.torch.optim
        groups = [
            {
                "params": [each for each in network.parameters() if (each.ndim > 1) == is_matrix],
                "weight_decay": ours.DECAY if is_matrix else 0.0,
            }
            for is_matrix in (True, False)
        ]
        optimizer = optim.AdamW(groups, lr=ours.RATE, betas=(0.9, 0.99))

        def rate(step: int) -> float:
            cosine = 0.5 * (1 + np.cos(np.pi * min((step + 1) / steps, 1.0)))
            return float(cosine * min(1.0, (step + 1) / (steps / WARM_UP)))

        return optimizer, optim.lr_scheduler.LambdaLR(optimizer, rate)

    def _loss(self, out: Any, wanted: Any, sides: Any, labels: int) -> Any:
        torch, functional = self.torch, self.torch.nn.functional
        is_box = wanted >= 0
        truth = torch.zeros(len(out), labels)
        truth[is_box, wanted[is_box]] = 1
        cross_entropy = functional.binary_cross_entropy_with_logits
        loss = cross_entropy(out[:, :labels], truth, reduction="sum")
        if is_box.any():
            boxes, quality = out[is_box, labels : labels + 4], out[is_box, labels + 4]
            iou = self._overlap(boxes, sides[is_box])
            off = functional.smooth_l1_loss(boxes, sides[is_box], reduction="sum", beta=SMOOTH)
            by_sides = -torch.log(iou.clamp(min=1e-3)).sum() + L1 * off
            by_quality = cross_entropy(quality, iou.detach(), reduction="sum")
            loss = loss + ours.SIDES_WEIGHT * by_sides + ours.QUALITY_WEIGHT * by_quality
        return loss / len(out)

    def _overlap(self, predicted: Any, wanted: Any) -> Any:
        p, t = (sides.clamp(max=MAX_LOG).exp() - SHIFT for sides in (predicted, wanted))
        shared = self.torch.minimum(p, t)
        both = (shared[:, 0] + shared[:, 2]).clamp(min=0) * (shared[:, 1] + shared[:, 3]).clamp(
            min=0
        )
        areas = [
            (s[:, 0] + s[:, 2]).clamp(min=0.1) * (s[:, 1] + s[:, 3]).clamp(min=0.1) for s in (p, t)
        ]
        return both / (areas[0] + areas[1] - both)
