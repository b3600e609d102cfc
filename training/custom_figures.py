"""Measure the training of custom models: `python -m training.custom_figures [SET:PICTURES ...]`.

Trains on the first pictures of each set of custom_sets.py and measures on its test pictures and on
photographs without its objects. One line for each, with processor seconds, memory and file size.
"""

import json
import resource
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.embedded_model import EmbeddedModel, PredictedBox, load
from rubberduck.custom_models.training import TrainingPicture, train
from training.custom_sets import FOLDER, SETS

SIZES = (20, 60)
SEED = 1


class Measured(NamedTuple):
    """Figures of one model. AP is the mean over labels; F1 and AUC are of whole pictures."""

    ap50: float
    ap75: float
    f1: float
    auc: float
    best_box: float
    train_s: float
    kilobytes: float
    megabytes: float
    look_ms: float


def open_rgb(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def pictures_of(folder: Path, side: str, count: int | None = None) -> list[TrainingPicture]:
    entries = json.loads((folder / f"{side}.json").read_text())[:count]
    return [
        TrainingPicture(
            partial(open_rgb, folder / side / entry["file"]),
            tuple(Box(*box) for box in entry["boxes"]),
            group=entry["group"],
        )
        for entry in entries
    ]


def overlap(box: PredictedBox, truth: Box, size: tuple[int, int]) -> float:
    width, height = size
    left, top = box.left * width, box.top * height
    right, bottom = left + box.width * width, top + box.height * height
    wide = min(right, truth.right) - max(left, truth.left)
    high = min(bottom, truth.bottom) - max(top, truth.top)
    both = max(wide, 0) * max(high, 0)
    whole = (right - left) * (bottom - top) + truth.width * truth.height - both
    return both / whole


Answer = tuple[tuple[PredictedBox, ...], tuple[Box, ...], tuple[int, int]]


def average_precision(answers: Sequence[Answer], label: str, least: float) -> float:
    """Return the area under the precision envelope (all points, as COCO and VOC 2010 on)."""
    total = sum(box.label == label for _, truth, _ in answers for box in truth)
    hits: list[tuple[float, bool]] = []
    for boxes, truth, size in answers:
        free = [box for box in truth if box.label == label]
        for box in sorted((b for b in boxes if b.label == label), key=lambda b: -b.score):
            best = max(free, key=lambda t: overlap(box, t, size), default=None)
            right = best is not None and overlap(box, best, size) >= least
            if best is not None and right:
                free.remove(best)
            hits.append((box.score, right))
    if not hits or not total:
        return 0.0
    right_so_far = np.cumsum([right for _, right in sorted(hits, key=lambda h: -h[0])])
    precision = right_so_far / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * np.diff(right_so_far, prepend=0)).sum() / total)


def measure(model: EmbeddedModel, tested: list[TrainingPicture], without: list[Path]) -> Measured:
    answers: list[Answer] = []
    scores: list[tuple[bool, float, bool]] = []  # shows it, surest label over its threshold, found
    best_right, spent = 0, 0.0

    def ask(image: Image.Image) -> tuple[tuple[PredictedBox, ...], float]:
        nonlocal spent
        started = time.process_time()
        said = model.predict(image)
        spent += time.process_time() - started
        margins = [score - model.thresholds[label] for label, score in said.labels]
        return said.boxes, max(margins, default=-1.0)

    for picture in tested:
        image = picture.load()
        boxes, margin = ask(image)
        answers.append((boxes, picture.boxes, image.size))
        if picture.boxes:
            scores.append((True, margin, margin >= 0))
            of_label = [t for t in picture.boxes if boxes and t.label == boxes[0].label]
            best_right += any(overlap(boxes[0], t, image.size) >= 0.5 for t in of_label)
    for path in without:
        _, margin = ask(open_rgb(path))
        scores.append((False, margin, margin >= 0))
    hits = sum(found for shows, _, found in scores if shows)
    alarms = sum(found for shows, _, found in scores if not shows)
    shown = sum(shows for shows, _, _ in scores)
    yes = np.array([margin for shows, margin, _ in scores if shows])
    no = np.array([margin for shows, margin, _ in scores if not shows])
    auc = ((yes[:, None] > no).mean() + (yes[:, None] == no).mean() / 2) if len(no) else np.nan
    mean_ap = [
        float(np.mean([average_precision(answers, label, least) for label in model.labels]))
        for least in (0.5, 0.75)
    ]
    return Measured(
        mean_ap[0],
        mean_ap[1],
        2 * hits / (hits + alarms + shown),
        float(auc),
        best_right / shown,
        0.0,
        0.0,
        0.0,
        1000 * spent / len(scores),
    )


def figures(folder: Path, name: str, count: int) -> Measured:
    learnt = pictures_of(folder / name, "train", count)
    started = time.process_time()
    trained = train(learnt, SETS[name], seed=SEED)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    without = sorted((folder / "without").glob("*.jpg"))
    measured = measure(load(trained.onnx), pictures_of(folder / name, "test"), without)
    return measured._replace(train_s=seconds, kilobytes=len(trained.onnx) / 1024, megabytes=peak)


def main() -> None:
    wanted = sys.argv[1:] or [f"{name}:{count}" for count in SIZES for name in SETS]
    print("set", "pictures", *Measured._fields, sep="\t")
    for entry in wanted:
        name, _, count = entry.partition(":")
        row = figures(FOLDER, name, int(count))
        print(name, count, *(f"{value:.3f}" for value in row), sep="\t", flush=True)


if __name__ == "__main__":
    main()
