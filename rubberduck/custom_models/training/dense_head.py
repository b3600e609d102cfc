"""The dense head: for each cell of a view its label, its box and how good the box is.

592 numbers a cell, their principal components, the 3 x 3 cells around, one hidden layer.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rubberduck.custom_models.decoding import Answer, sigmoid
from rubberduck.custom_models.training.boxes_loss import box_gradient
from rubberduck.custom_models.training.network import Adam, Perceptron, Random, batches
from rubberduck.custom_models.training.targets import NOT_ASKED, NOTHING, Targets
from rubberduck.custom_models.training.views import Ints
from rubberduck.custom_models.trunk import CELLS, CHANNELS, Floats

COMPONENTS, HIDDEN = 96, 128
EPOCHS, RATE, DECAY, DROPOUT = 20, 2e-3, 0.02, 0.3
# Few cells are learnt in small batches: what counts is the number of steps.
STEPS_OF_AN_EPOCH, SMALLEST_BATCH, LARGEST_BATCH = 50, 64, 256
EXTRA_OUTPUTS = 5  # beside the labels': four sides, and the overlap expected
MAX_OF_A_BOX = 12  # positive cells of one box in one view
EASY_NEGATIVES, HARD_NEGATIVES = 1.5, 0.75  # for each positive cell, in each round
MAX_POSITIVES = 5000  # cells that are learnt from
SEARCHED = 240  # views, picked at random, in which a round looks for hard negatives
ROUNDS = 2  # of looking for hard negatives
SIDES_WEIGHT, QUALITY_WEIGHT = 0.5, 0.5
Halves = npt.NDArray[np.float16]
Progress = Callable[[float], None]


class Projection(NamedTuple):
    """Principal components of the trunk's cells, of equal variance."""

    mean: Floats  # (CHANNELS,)
    matrix: Floats  # (COMPONENTS, CHANNELS)

    def apply(self, cells: Floats) -> Halves:
        flat = cells.reshape(CHANNELS, -1) - self.mean[:, None]
        return (self.matrix @ flat).reshape(COMPONENTS, CELLS, CELLS).astype(np.float16)


class Moments:
    """Mean and covariance of cells, summed up picture by picture."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = np.zeros(CHANNELS, np.float64)
        self.products = np.zeros((CHANNELS, CHANNELS), np.float64)

    def add(self, cells: Floats) -> None:
        flat = cells.reshape(CHANNELS, -1)
        self.count += flat.shape[1]
        self.sum += flat.sum(1)
        self.products += flat @ flat.T

    def projection(self) -> Projection:
        mean = self.sum / self.count
        covariance = self.products / self.count - np.outer(mean, mean)
        scale = 1 / np.sqrt(np.diag(covariance) + 1e-6)  # each channel counts alike
        values, vectors = np.linalg.eigh(covariance * np.outer(scale, scale))
        values, vectors = values[::-1][:COMPONENTS], vectors[:, ::-1][:, :COMPONENTS]
        # A vector's sign is arbitrary: its largest number is positive.
        vectors *= np.sign(vectors[np.abs(vectors).argmax(0), np.arange(COMPONENTS)])
        matrix = (vectors / np.sqrt(values + 1e-3)).T * scale
        return Projection(mean.astype(np.float32), matrix.astype(np.float32))


class Example(NamedTuple):
    """A view as the head sees it."""

    cells: Halves  # (COMPONENTS, CELLS, CELLS)
    targets: Targets


def neighbourhoods(cells: Halves, places: Ints) -> Floats:
    """Return the numbers of the 3 x 3 cells around each place, (places, COMPONENTS * 9)."""
    padded = np.pad(cells, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    chosen = windows[:, places // CELLS, places % CELLS]
    return np.ascontiguousarray(chosen.transpose(1, 0, 2, 3), np.float32).reshape(len(places), -1)


def answer_of(head: Perceptron, cells: Halves, labels: int) -> Answer:
    """Return a head's answer about a view."""
    out = everywhere(head, cells)
    return Answer(out[:labels], out[labels : labels + 4], out[labels + 4])


def everywhere(head: Perceptron, cells: Halves) -> Floats:
    """Return a head's outputs for all cells, (outputs, cells): a convolution."""
    p = head.parameters
    padded = np.pad(cells, ((0, 0), (1, 1), (1, 1))).astype(np.float32)
    kernel = p["w1"].reshape(COMPONENTS, 3, 3, HIDDEN)
    hidden = np.repeat(p["b1"][:, None], CELLS * CELLS, 1)
    for y, x in np.ndindex(3, 3):
        part = padded[:, y : y + CELLS, x : x + CELLS].reshape(COMPONENTS, -1)
        hidden += kernel[:, y, x].T @ part
    return np.asarray(p["w2"].T @ np.maximum(hidden, 0) + p["b2"][:, None])


def fit_dense(
    examples: Sequence[Example], labels: int, rng: Random, progress: Progress
) -> Perceptron:
    """Train a head. It starts from easy negatives, and twice more looks for the hardest ones."""
    head = Perceptron(COMPONENTS * 9, HIDDEN, labels + EXTRA_OUTPUTS, rng)
    head.parameters["b2"][:labels] = -3.0
    positives, negatives = _chosen_cells(examples, rng)
    middle = [examples[number].targets.sides[cell] for number, cell in positives]
    head.parameters["b2"][labels : labels + 4] = np.mean(middle, 0)
    rounds = [EPOCHS // 4, EPOCHS // 4, EPOCHS - 2 * (EPOCHS // 4)]
    done = itertools.count(1)  # epochs, of all rounds
    for number, epochs in enumerate(rounds):
        if number:
            count = int(HARD_NEGATIVES * len(positives)) + 200
            negatives = negatives + _hardest(head, examples, count, rng)
        lesson = _gathered(examples, positives + negatives)
        _train(head, lesson, epochs, rng, lambda: progress(next(done) / EPOCHS))
    return head


Cell = tuple[int, int]  # the example's number and the cell's


def _chosen_cells(examples: Sequence[Example], rng: Random) -> tuple[list[Cell], list[Cell]]:
    """Return the positive cells, some of each view, and as many negatives for a start."""
    positives: list[Cell] = []
    nothing: list[Cell] = []
    for number, example in enumerate(examples):
        labels = example.targets.labels
        found = np.flatnonzero(labels >= 0)
        found = rng.permutation(found)
        of_box = example.targets.boxes[found]
        rank = np.array([(of_box[:i] == box).sum() for i, box in enumerate(of_box)])
        found = np.sort(found[rank < MAX_OF_A_BOX]) if len(found) else found
        positives += [(number, int(i)) for i in found]
        empty = np.flatnonzero(labels == NOTHING)
        nothing += [(number, int(i)) for i in rng.permutation(empty)[:24]]
    if len(positives) > MAX_POSITIVES:
        kept = rng.permutation(len(positives))[:MAX_POSITIVES]
        positives = [positives[i] for i in np.sort(kept)]
    count = min(len(nothing), int(EASY_NEGATIVES * len(positives)) + 200)
    return positives, [nothing[i] for i in np.sort(rng.permutation(len(nothing))[:count])]


def _hardest(head: Perceptron, examples: Sequence[Example], count: int, rng: Random) -> list[Cell]:
    """Return the negative cells of some views that look most like a label."""
    labels = head.parameters["b2"].shape[0] - EXTRA_OUTPUTS
    searched = np.sort(rng.permutation(len(examples))[:SEARCHED])
    scores = np.full((len(searched), CELLS * CELLS), -np.inf, np.float32)
    for row, number in enumerate(searched):
        empty = examples[number].targets.labels == NOTHING
        scores[row, empty] = everywhere(head, examples[number].cells)[:labels].max(0)[empty]
    order = np.argsort(-scores.ravel(), kind="stable")
    order = np.sort(order[: min(count, int(np.isfinite(scores).sum()))])
    return [(int(searched[i // CELLS**2]), int(i % CELLS**2)) for i in order]


class Lesson(NamedTuple):
    """Cells to learn from."""

    x: Halves  # (n, COMPONENTS * 9)
    wanted: Ints  # (n,): a label's number or NOTHING
    sides: Floats  # (n, 4)


def _gathered(examples: Sequence[Example], cells: list[Cell]) -> Lesson:
    by_example: dict[int, list[int]] = {}
    for number, cell in cells:
        by_example.setdefault(number, []).append(cell)
    x = np.empty((len(cells), COMPONENTS * 9), np.float16)
    wanted, sides = np.empty(len(cells), np.int64), np.empty((len(cells), 4), np.float32)
    at = 0
    for number, some in by_example.items():
        places, example = np.array(some), examples[number]
        end = at + len(places)
        x[at:end] = neighbourhoods(example.cells, places)
        wanted[at:end] = example.targets.labels[places]
        sides[at:end] = example.targets.sides[places]
        at = end
    assert not (wanted == NOT_ASKED).any()
    return Lesson(x, wanted, sides)


def _train(
    head: Perceptron, lesson: Lesson, epochs: int, rng: Random, progress: Callable[[], None]
) -> None:
    x, wanted, sides = lesson
    labels = head.parameters["b2"].shape[0] - EXTRA_OUTPUTS
    batch = min(max(len(x) // STEPS_OF_AN_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)
    steps = epochs * -(-len(x) // batch)
    adam = Adam(head.parameters, RATE, DECAY, steps)
    for _ in range(epochs):
        for chosen in batches(len(x), batch, rng):
            part = x[chosen].astype(np.float32)
            hidden, out = head.forward_dropped(part, DROPOUT, rng)
            slope = _slope(out, wanted[chosen], sides[chosen], labels)
            adam.apply(head.gradients(part, hidden, slope, DROPOUT))
        progress()


def _slope(out: Floats, wanted: Ints, sides: Floats, labels: int) -> Floats:
    """Return the gradient of the batch's loss by the outputs."""
    slope = np.zeros_like(out)
    truth = np.zeros((len(out), labels), np.float32)
    is_box = wanted >= 0
    truth[is_box, wanted[is_box]] = 1
    slope[:, :labels] = (sigmoid(out[:, :labels]) - truth) / len(out)
    count = int(is_box.sum())
    if count:
        boxes = out[is_box, labels : labels + 4]
        by_sides, iou = box_gradient(boxes, sides[is_box])
        slope[is_box, labels : labels + 4] = SIDES_WEIGHT * np.clip(by_sides, -3, 3) / len(out)
        quality = out[is_box, labels + 4]
        slope[is_box, labels + 4] = QUALITY_WEIGHT * (sigmoid(quality) - iou) / len(out)
    return slope
