"""Turns logits into percent that mean what they say: Platt's two numbers, on pictures apart."""

from dataclasses import dataclass

import numpy as np
import torch

DECISION = 0.35  # the probability from which the site says "rubber duck"

DECISION_LOGIT = float(np.log(DECISION / (1 - DECISION)))
TOLERATED = 0.05  # of the look-alikes may be called ducks


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(slope * logit + offset)"""

    slope: float
    offset: float

    @property
    def threshold(self) -> float:
        """The logit at which the probability is the decision's."""
        return (DECISION_LOGIT - self.offset) / self.slope

    def probability(self, logits: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(self.slope * logits + self.offset))))


def fit(logits: np.ndarray, truth: np.ndarray, duck_share: float = 0.5) -> Calibration:
    """Both kinds of picture weigh as if `duck_share` of all pictures had a duck."""
    x = torch.tensor(logits, dtype=torch.float64)
    y = torch.tensor(truth, dtype=torch.float64)
    weight = torch.where(y > 0, duck_share / y.mean(), (1 - duck_share) / (1 - y.mean()))
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logit = line[0] * x + line[1]
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logit, y, weight)
        losses.backward()
        return losses

    optimizer.step(closure)
    return Calibration(float(line[0].detach()), float(line[1].detach()))


def cautious(line: Calibration, lookalikes: np.ndarray) -> Calibration:
    """Moved so that one look-alike in twenty reaches the decision.

    Rendered scenes are kinder than the world: most of their pictures without a duck are easy,
    while people ask about what does look like one. So the percent of rendered ducks come out low.
    """
    level = float(np.quantile(lookalikes, 1 - TOLERATED))
    return Calibration(line.slope, DECISION_LOGIT - line.slope * level)


def reliability(probability: np.ndarray, truth: np.ndarray) -> list[tuple[float, float, int]]:
    """For each tenth: mean probability, share of ducks, number of pictures."""
    tenth = np.minimum((probability * 10).astype(int), 9)
    return [
        (
            float(probability[tenth == i].mean()),
            float(truth[tenth == i].mean()),
            int((tenth == i).sum()),
        )
        for i in range(10)
        if (tenth == i).any()
    ]
