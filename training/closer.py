"""What two looks mean together, and whether the second helps: `python -m training.closer`.

The scenes are larger than the net's square, as photographs are: only then can the part around the
likeliest place show more.
"""

import argparse
from pathlib import Path

import numpy as np

from rubberduck.local_detector import MODEL, UNSURE, LocalDetector, around, logit
from training.calibrate import DECISION, Calibration, cautious
from training.data import CALIBRATION, VALIDATION, Recipe, stage_for
from training.scenes import Scene, view

SIDE = 800
SEED = 999  # further than any batch of scenes is numbered
SCENES = 1500


def large(cache: Path, recipe: Recipe, count: int) -> list[Scene]:
    stage = stage_for(cache, recipe)._replace(side=SIDE)
    return [view(stage, np.random.default_rng((recipe.seed, SEED, i))) for i in range(count)]


def looks(detector: LocalDetector, scenes: list[Scene]) -> np.ndarray:
    """Each scene's logits of the first look and of the closer one, (n, 2)."""
    seen = []
    for scene in scenes:
        first = detector.look(scene.image)
        second = detector.look(scene.image.crop(around(scene.image.size, first.likeliest)))
        seen.append((logit(first.duck), logit(second.duck)))
    return np.array(seen)


def together(model: Path, cache: Path) -> Calibration:
    """The calibration of the mean of both logits; its slope is for pictures that need two looks."""
    scenes = large(cache, CALIBRATION, SCENES)
    seen = looks(LocalDetector(model), scenes)
    truth = np.array([len(scene.boxes) > 0 for scene in scenes])
    lookalike = np.array([scene.kind == "others" for scene in scenes]) & ~truth
    return cautious(seen.mean(1), truth, lookalike, doubtful=unsure(seen[:, 0]))


def unsure(logits: np.ndarray) -> np.ndarray:
    """Whether the detector looks again after such a first look."""
    percents = 100 / (1 + np.exp(-logits))
    return np.asarray((percents >= UNSURE[0]) & (percents <= UNSURE[1]))


def line(name: str, logits: np.ndarray, truth: np.ndarray) -> str:
    two, one = np.quantile(logits[~truth], (0.98, 0.99))
    level = np.log(DECISION / (1 - DECISION))
    recall, false = (logits[truth] >= level).mean(), (logits[~truth] >= level).mean()
    at_two, at_one = (logits[truth] > two).mean(), (logits[truth] > one).mean()
    return (
        f"{name:12} found {recall:.3f}, false {false:.3f}; "
        f"found at 2 % false {at_two:.3f}, at 1 % {at_one:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/training"))
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--model", type=Path, default=MODEL)
    asked = parser.parse_args()
    scenes = large(asked.cache, VALIDATION, asked.scenes)
    truth = np.array([len(scene.boxes) > 0 for scene in scenes])
    detector = LocalDetector(asked.model)
    seen = looks(detector, scenes)
    again = unsure(seen[:, 0])
    both = np.where(again, logit(detector.together(*(1 / (1 + np.exp(-seen.T))))), seen[:, 0])
    print(line("one look", seen[:, 0], truth))
    print(line("two looks", both, truth))
    print(f"{again.mean():.2f} got a second look")


if __name__ == "__main__":
    main()
