"""A small network in numpy: dense layers, dropout, AdamW. One thread, the same bits each time.

No library: torch and its like weigh 200 MB and more for a head of 0.2 million numbers;
scikit-learn's MLPs have neither dropout nor a loss for boxes.
"""

from collections.abc import Iterator

import numpy as np

from rubberduck.custom_models.trunk import Floats

Random = np.random.Generator
Gradients = dict[str, Floats]


class Adam:
    """AdamW with a cosine schedule and a short warm-up (Loshchilov and Hutter 2019)."""

    def __init__(self, parameters: dict[str, Floats], rate: float, decay: float, steps: int):
        self.parameters, self.rate, self.decay, self.steps = parameters, rate, decay, steps
        self.step = 0
        self.first = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.second = {name: np.zeros_like(value) for name, value in parameters.items()}

    def apply(self, gradients: Gradients) -> None:
        """Change the parameters in place."""
        self.step += 1
        done = min(self.step / self.steps, 1.0)
        rate = (
            self.rate * 0.5 * (1 + np.cos(np.pi * done)) * min(1.0, self.step / (self.steps / 20))
        )
        unbias_1, unbias_2 = 1 - 0.9**self.step, 1 - 0.99**self.step
        for name, gradient in gradients.items():
            first, second, value = self.first[name], self.second[name], self.parameters[name]
            first += np.float32(0.1) * (gradient - first)
            second += np.float32(0.01) * (gradient * gradient - second)
            move = first / (np.sqrt(second / np.float32(unbias_2)) + np.float32(1e-8))
            if value.ndim > 1:
                value *= np.float32(1 - rate * self.decay)
            value -= np.float32(rate / unbias_1) * move


class Perceptron:
    """One hidden layer with ReLU and dropout."""

    def __init__(self, inputs: int, hidden: int, outputs: int, rng: Random):
        scale = np.sqrt(2 / inputs)
        self.parameters: dict[str, Floats] = {
            "w1": (rng.standard_normal((inputs, hidden)) * scale).astype(np.float32),
            "b1": np.zeros(hidden, np.float32),
            "w2": (rng.standard_normal((hidden, outputs)) * 0.01).astype(np.float32),
            "b2": np.zeros(outputs, np.float32),
        }

    def forward_dropped(self, x: Floats, dropout: float, rng: Random) -> tuple[Floats, Floats]:
        """Return the hidden layer after dropout, and the outputs."""
        p = self.parameters
        hidden = np.maximum(x @ p["w1"] + p["b1"], 0)
        hidden *= (rng.random(hidden.shape, np.float32) >= dropout) * np.float32(1 / (1 - dropout))
        return hidden, np.asarray(hidden @ p["w2"] + p["b2"])

    def gradients(self, x: Floats, hidden: Floats, slope: Floats, dropout: float) -> Gradients:
        """Return the parameters' gradients, from those of the outputs."""
        back = slope @ self.parameters["w2"].T
        back *= (hidden > 0) * np.float32(1 / (1 - dropout))
        return {
            "w1": x.T @ back,
            "b1": back.sum(0),
            "w2": hidden.T @ slope,
            "b2": slope.sum(0),
        }


def batches(count: int, size: int, rng: Random) -> Iterator[np.ndarray]:
    """Yield the indices of each batch of one epoch, in random order."""
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]
