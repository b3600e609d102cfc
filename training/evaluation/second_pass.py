"""Calibrate the second look: `python -m training.evaluation.second_pass`."""

import argparse
from pathlib import Path

import numpy as np

from rubberduck.detectors.embedded import UNSURE, OnnxDetector, around, logit
from rubberduck.detectors.model_file import MODEL
from training.dataset.scene_files import (
    CALIBRATION,
    VALIDATION,
    DatasetConfig,
    Sources,
    add_arguments,
    large_scene_stream,
    load_assets,
)
from training.dataset.scenes import Scene
from training.evaluation.metrics import Predictions, recall_at
from training.model.calibration import DECISION_LOGIT, Calibration, fit_at_false_alarm_rate

SEED = 999  # further than any batch of scenes is numbered
SCENES = 1500


def large_scenes(
    sources: Sources, config: DatasetConfig, count: int
) -> tuple[list[Scene], np.ndarray]:
    """Large scenes, and whether each has a duck."""
    made = list(large_scene_stream(load_assets(sources, config), (config.seed, SEED), count))
    return made, np.array([len(scene.boxes) > 0 for scene in made])


def two_pass_logits(detector: OnnxDetector, scenes: list[Scene]) -> np.ndarray:
    """Each scene's logits of the first look and of the closer one, (n, 2)."""
    seen = []
    for scene in scenes:
        first = detector.look(scene.image)
        second = detector.look(scene.image.crop(around(scene.image.size, first.likeliest)))
        seen.append((logit(first.duck), logit(second.duck)))
    return np.array(seen)


def fit_second_pass(model: Path, sources: Sources) -> Calibration:
    """The calibration of the mean of both logits; its slope is for pictures that need two looks."""
    scenes, truth = large_scenes(sources, CALIBRATION, SCENES)
    seen = two_pass_logits(OnnxDetector(model), scenes)
    lookalike = np.array([scene.kind == "look_alikes" for scene in scenes]) & ~truth
    return fit_at_false_alarm_rate(
        seen.mean(1), truth, lookalike, doubtful=needs_second_pass(seen[:, 0])
    )


def needs_second_pass(logits: np.ndarray) -> np.ndarray:
    """Whether the detector looks again after such a first look."""
    percents = 100 / (1 + np.exp(-logits))
    return np.asarray((percents >= UNSURE[0]) & (percents <= UNSURE[1]))


def line(name: str, logits: np.ndarray, truth: np.ndarray) -> str:
    marks = Predictions(logits, truth, np.full(len(truth), np.nan))
    said = logits >= DECISION_LOGIT
    return (
        f"{name:12} found {said[truth].mean():.3f}, false {said[~truth].mean():.3f}; found at "
        f"2 % false {recall_at(marks, 0.02):.3f}, at 1 % {recall_at(marks, 0.01):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--model", type=Path, default=MODEL)
    args = parser.parse_args()
    scenes, truth = large_scenes(Sources.from_arguments(args), VALIDATION, args.scenes)
    detector = OnnxDetector(args.model)
    seen = two_pass_logits(detector, scenes)
    again = needs_second_pass(seen[:, 0])
    both = np.where(
        again, logit(detector.together(*(1 / (1 + np.exp(-seen.T))))), seen[:, 0]
    )
    print(line("one look", seen[:, 0], truth))
    print(line("two looks", both, truth))
    print(f"{again.mean():.2f} got a second look")


if __name__ == "__main__":
    main()
