"""Does the detector's closer look help? `python -m training.closer`, on scenes apart from training.

The scenes are larger than the net's square, as photographs are: only then can a tile show more.
"""

import argparse
from pathlib import Path

import numpy as np

from rubberduck import local_detector
from rubberduck.local_detector import LocalDetector
from rubberduck.pictures import Picture
from training.calibrate import DECISION
from training.data import VALIDATION, stage_for
from training.scenes import view

SIDE = 800
SEED = 3
NEVER = (101.0, 101.0)


def scores(detector: LocalDetector, pictures: list[Picture]) -> np.ndarray:
    """The probability of Toy for each picture."""
    said = [{label.name: label.confidence for label in detector.labels(p)} for p in pictures]
    return np.array([labels.get("Toy", 0.0) / 100 for labels in said])


def line(name: str, scored: np.ndarray, truth: np.ndarray) -> str:
    level = np.quantile(scored[~truth], 0.98)
    recall, false = (scored[truth] >= DECISION).mean(), (scored[~truth] >= DECISION).mean()
    at_two = (scored[truth] > level).mean()
    return f"{name:12} found {recall:.3f}, false {false:.3f}, found at 2 % false {at_two:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/training"))
    parser.add_argument("--scenes", type=int, default=600)
    asked = parser.parse_args()
    stage = stage_for(asked.cache, VALIDATION)._replace(side=SIDE)
    made = [view(stage, np.random.default_rng((SEED, i))) for i in range(asked.scenes)]
    pictures = [Picture(scene.image, b"", scene.image.size) for scene in made]
    truth = np.array([len(scene.boxes) > 0 for scene in made])
    detector = LocalDetector()
    print(line("closer look", scores(detector, pictures), truth))
    local_detector.UNSURE = NEVER
    print(line("one look", scores(detector, pictures), truth))


if __name__ == "__main__":
    main()
