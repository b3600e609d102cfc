"""Measure the training of custom models: `python -m training.custom_figures [SET:PICTURES ...]`.

Trains on the first pictures of each set of custom_sets.py, and measures on its test pictures and on
photographs without its objects. Each training has a process of its own. One line for each, with
processor seconds, memory and file size. `--seeds 1,2,3` trains with each seed, `--tuning` takes the
sets for choosing between recipes.
"""

import argparse
import json
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from rubberduck.core.models import Box as Part
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.embedded_model import EmbeddedModel, Prediction, load
from rubberduck.custom_models.training import TrainingPicture, train
from rubberduck.scoring.curves import Scored, average_precision
from rubberduck.scoring.matching import Answer, Target, TestedPicture, match
from training.custom_sets import FOLDER, SETS, SHOWN_WITHOUT, TUNING

SIZES = (20, 60, 100)


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
    with_ms: float  # for a test picture; without: for a photograph without the objects
    without_ms: float


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


def without(folder: Path, name: str) -> list[Path]:
    """Return the photographs that show nothing of a set."""
    shown = SHOWN_WITHOUT.get(name, ()) if folder != TUNING else ()
    return [p for p in sorted((folder / "without").glob("*.jpg")) if int(p.stem) not in shown]


def tested(
    picture: TrainingPicture, size: tuple[int, int], said: Prediction, number: int
) -> TestedPicture:
    """Return a picture's truth and answers, boxes as fractions."""
    width, height = size
    targets = tuple(
        Target(
            b.label,
            Part(b.left / width, b.top / height, b.width / width, b.height / height, b.label, 100),
        )
        for b in picture.boxes
    )
    answers = tuple(
        Answer(b.label, b.score, Part(b.left, b.top, b.width, b.height, b.label, 100))
        for b in said.boxes
    )
    return TestedPicture(str(number), str(picture.group), targets, answers)


def label_precision(pictures: Sequence[TestedPicture], label: str, least: float) -> float:
    """Return the average precision of a label at an overlap of `least`."""
    matched = [match(picture, label, least) for picture in pictures]
    answers = [(a.score, target is not None, 0) for m in matched for a, target in m.answers]
    scored = Scored.of(answers, [0 for m in matched for _ in m.targets], 1)
    return float(average_precision(scored)[0])


def best_is_right(picture: TestedPicture) -> bool:
    """Return whether the surest answer is where it says."""
    best = max(picture.answers, key=lambda a: a.score, default=None)
    return best is not None and any(
        target.label == best.label and best.overlap(target) >= 0.5 for target in picture.targets
    )


def measure(model: EmbeddedModel, folder: Path, name: str) -> Measured:
    pictures: list[TestedPicture] = []
    margins: dict[bool, list[float]] = {True: [], False: []}  # of the surest label, by truth
    spent = {True: 0.0, False: 0.0}

    def ask(image: Image.Image, shows: bool) -> Prediction:
        started = time.process_time()
        said = model.predict(image)
        spent[shows] += time.process_time() - started
        over = [score - model.thresholds[label] for label, score in said.labels]
        margins[shows].append(max(over, default=-1.0))
        return said

    for number, picture in enumerate(pictures_of(folder / name, "test")):
        image = picture.load()
        said = ask(image, bool(picture.boxes))
        pictures.append(tested(picture, image.size, said, number))
    for path in without(folder, name):
        ask(open_rgb(path), False)
    yes, no = np.array(margins[True]), np.array(margins[False])
    hits, alarms = int((yes >= 0).sum()), int((no >= 0).sum())
    ap50, ap75 = (
        float(np.nanmean([label_precision(pictures, label, least) for label in model.labels]))
        for least in (0.5, 0.75)
    )
    return Measured(
        ap50,
        ap75,
        2 * hits / (hits + alarms + len(yes)),
        float((yes[:, None] > no).mean() + (yes[:, None] == no).mean() / 2),
        float(np.mean([best_is_right(p) for p in pictures if p.targets])),
        0.0,
        0.0,
        0.0,
        1000 * spent[True] / len(yes),
        1000 * spent[False] / len(no),
    )


def figures(folder: Path, name: str, count: int, seed: int) -> Measured:
    learnt = pictures_of(folder / name, "train", count)
    started = time.process_time()
    trained = train(learnt, SETS[name], seed=seed)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    measured = measure(load(trained.onnx), folder, name)
    return measured._replace(train_s=seconds, kilobytes=len(trained.onnx) / 1024, megabytes=peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    everything = [f"{name}:{count}" for count in SIZES for name in SETS]
    parser.add_argument("wanted", nargs="*", default=everything, metavar="SET:PICTURES")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--tuning", action="store_true")
    options = parser.parse_args()
    folder = TUNING if options.tuning else FOLDER
    print("set", "pictures", "seed", *Measured._fields, sep="\t")
    context = get_context("spawn")
    for entry in options.wanted:
        name, _, count = entry.partition(":")
        for seed in map(int, options.seeds.split(",")):
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                row = pool.submit(figures, folder, name, int(count), seed).result()
            print(name, count, seed, *(f"{value:.3f}" for value in row), sep="\t", flush=True)


if __name__ == "__main__":
    main()
