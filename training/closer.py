"""What two looks mean together, and whether the second helps: `python -m training.closer`."""

import argparse
from pathlib import Path

import numpy as np

from rubberduck.detectors.embedded import UNSURE, OnnxDetector, around, logit
from rubberduck.detectors.model_file import MODEL
from training.calibrate import DECISION_LOGIT, Calibration, cautious
from training.data import CALIBRATION, VALIDATION, Recipe, large, stage_for
from training.evaluate import Marks, recall_at
from training.scenes import Scene

SEED = 999  # further than any batch of scenes is numbered
SCENES = 1500


def large_scenes(cache: Path, recipe: Recipe, count: int) -> tuple[list[Scene], np.ndarray]:
    """Large scenes, and whether each has a duck."""
    made = list(large(stage_for(cache, recipe), (recipe.seed, SEED), count))
    return made, np.array([len(scene.boxes) > 0 for scene in made])


def looks(detector: OnnxDetector, scenes: list[Scene]) -> np.ndarray:
    """Each scene's logits of the first look and of the closer one, (n, 2)."""
    seen = []
    for scene in scenes:
        first = detector.look(scene.image)
        second = detector.look(scene.image.crop(around(scene.image.size, first.likeliest)))
        seen.append((logit(first.duck), logit(second.duck)))
    return np.array(seen)


def together(model: Path, cache: Path) -> Calibration:
    """The calibration of the mean of both logits; its slope is for pictures that need two looks."""
    scenes, truth = large_scenes(cache, CALIBRATION, SCENES)
    seen = looks(OnnxDetector(model), scenes)
    lookalike = np.array([scene.kind == "others" for scene in scenes]) & ~truth
    return cautious(seen.mean(1), truth, lookalike, doubtful=unsure(seen[:, 0]))


def unsure(logits: np.ndarray) -> np.ndarray:
    """Whether the detector looks again after such a first look."""
    percents = 100 / (1 + np.exp(-logits))
    return np.asarray((percents >= UNSURE[0]) & (percents <= UNSURE[1]))


def line(name: str, logits: np.ndarray, truth: np.ndarray) -> str:
    marks = Marks(logits, truth, np.full(len(truth), np.nan))
    said = logits >= DECISION_LOGIT
    return (
        f"{name:12} found {said[truth].mean():.3f}, false {said[~truth].mean():.3f}; found at "
        f"2 % false {recall_at(marks, 0.02):.3f}, at 1 % {recall_at(marks, 0.01):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/training"))
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--model", type=Path, default=MODEL)
    asked = parser.parse_args()
    scenes, truth = large_scenes(asked.cache, VALIDATION, asked.scenes)
    detector = OnnxDetector(asked.model)
    seen = looks(detector, scenes)
    again = unsure(seen[:, 0])
    both = np.where(again, logit(detector.together(*(1 / (1 + np.exp(-seen.T))))), seen[:, 0])
    print(line("one look", seen[:, 0], truth))
    print(line("two looks", both, truth))
    print(f"{again.mean():.2f} got a second look")


if __name__ == "__main__":
    main()
