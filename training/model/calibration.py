"""Platt scaling: fit the slope and offset that turn logits into calibrated probabilities."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

DECISION = 0.35  # the probability from which the site says "rubber duck"
DECISION_LOGIT = float(np.log(DECISION / (1 - DECISION)))
MAX_FALSE_ALARM_RATE = 0.05  # of the look-alikes may be called ducks


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(slope * logit + offset)"""

    slope: float
    offset: float

    @property
    def threshold(self) -> float:
        """Return the logit at which the probability is `DECISION`."""
        return (DECISION_LOGIT - self.offset) / self.slope


def fit(logits: np.ndarray, truth: np.ndarray, duck_share: float = 0.5) -> Calibration:
    """Fit slope and offset, weighted as if `duck_share` of all pictures had a duck."""
    x = torch.tensor(logits, dtype=torch.float64)
    y = torch.tensor(truth, dtype=torch.float64)
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)

    _minimise(lambda: _loss(line[0] * x + line[1], y, duck_share), line)
    return Calibration(float(line[0].detach()), float(line[1].detach()))


def fit_at_false_alarm_rate(
    logits: np.ndarray,
    truth: np.ndarray,
    lookalike: np.ndarray,
    doubtful: np.ndarray | slice = slice(None),
) -> Calibration:
    """Fit a line on which one look-alike in twenty reaches the decision.

    Rendered scenes are kinder than the world: most of their pictures without a duck are easy,
    while people ask about what does look like one. So the decision is pinned to the look-alikes,
    and only the slope is free to tell how fast doubt ends on both sides of it. It is fitted on the
    `doubtful` pictures.
    """
    level = float(np.quantile(logits[lookalike], 1 - MAX_FALSE_ALARM_RATE))
    x = torch.tensor((logits - level)[doubtful], dtype=torch.float64)
    y = torch.tensor(truth[doubtful], dtype=torch.float64)
    slope = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)

    _minimise(lambda: _loss(slope * x + DECISION_LOGIT, y), slope)
    return Calibration(float(slope.detach()), DECISION_LOGIT - float(slope.detach()) * level)


def fit_through(level: float, logits: np.ndarray, truth: np.ndarray) -> Calibration:
    """Return the best line that is 50 % at the logit `level`."""
    x = torch.tensor(logits - level, dtype=torch.float64)
    y = torch.tensor(truth, dtype=torch.float64)
    slope = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)

    _minimise(lambda: torch.nn.functional.binary_cross_entropy_with_logits(slope * x, y), slope)
    return Calibration(float(slope.detach()), -float(slope.detach()) * level)


def _loss(logit: torch.Tensor, truth: torch.Tensor, duck_share: float = 0.5) -> torch.Tensor:
    """Return the cross-entropy, weighted as if `duck_share` of all pictures had a duck."""
    share = truth.mean()
    weight = torch.where(truth > 0, duck_share / share, (1 - duck_share) / (1 - share))
    return torch.nn.functional.binary_cross_entropy_with_logits(logit, truth, weight)


def _minimise(loss: Callable[[], torch.Tensor], parameter: torch.Tensor) -> None:
    optimizer = torch.optim.LBFGS([parameter], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
