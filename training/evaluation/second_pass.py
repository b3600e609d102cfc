"""Fit what the evidence of one or two looks means: `python -m training.evaluation.second_pass`.

The decision is at `--level`, or else where F1 is best on the tuning set with at most 2 % false
alarms. With `--write` the file gets it; nothing else in it changes.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.detectors.model_file import MODEL
from training.dataset.scene_files import Sources, add_arguments
from training.dataset.scenes import Scene
from training.evaluation.validation_set import pictures_of
from training.model.calibration import Calibration, fit_through
from training.model.detector_file import write

MAX_FALSE_ALARMS = 0.02
DOUBTFUL = 6.0  # logits from the decision within which the slope is fitted


class Evidence(NamedTuple):
    """The logit of each picture after all looks, and whether it has a duck."""

    logits: np.ndarray
    truth: np.ndarray


def evidence_of(detector: OnnxDetector, scenes: Iterable[Scene]) -> Evidence:
    """Ask the detector about each scene."""
    rows = [(detector.evidence(scene.image)[0], bool(scene.boxes)) for scene in scenes]
    logits, truth = zip(*rows, strict=True)
    return Evidence(np.array(logits), np.array(truth))


def best_threshold(seen: Evidence) -> float:
    """Return the logit with the best F1 among those with few enough false alarms."""
    candidates = np.sort(seen.logits[seen.truth])
    least = np.quantile(seen.logits[~seen.truth], 1 - MAX_FALSE_ALARMS)
    return max(candidates[candidates > least], key=lambda level: f1_at(seen, level))


def f1_at(seen: Evidence, level: float) -> float:
    """Return F1 if everything from this logit on is called a duck."""
    called = seen.logits >= level
    return float(2 * (called & seen.truth).sum() / (called.sum() + seen.truth.sum()))


def fit_decision(seen: Evidence, level: float) -> Calibration:
    """Return the line whose probability is 50 % at the logit `level`."""
    near = np.abs(seen.logits - level) < DOUBTFUL
    return fit_through(level, seen.logits[near], seen.truth[near])


def tuning_evidence(file: Path, sources: Sources) -> Evidence:
    """Ask a file's detector about the tuning set."""
    pictures = pictures_of(sources, "tuning")
    return evidence_of(OnnxDetector(file), (picture.scene for picture in pictures))


def add_decision(file: Path, sources: Sources, level: float) -> None:
    """Fit a file's percentages around the logit `level` on the tuning set, and write them."""
    write_decision(file, fit_decision(tuning_evidence(file, sources), level))


def write_decision(file: Path, line: Calibration) -> None:
    """Write the line into the file's metadata, from which the detector reads it."""
    model = onnx.load(file)
    facts = {each.key: each.value for each in model.metadata_props}
    onnx.helper.set_model_props(model, facts | {"evidence": json.dumps(asdict(line))})
    write(file, model.SerializeToString())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--level", type=float, help="the logit from which the answer is yes")
    parser.add_argument("--write", action="store_true", help="write the decision into the file")
    args = parser.parse_args()
    seen = tuning_evidence(args.model, Sources.from_arguments(args))
    level = best_threshold(seen) if args.level is None else args.level
    line = fit_decision(seen, level)
    alarms = float((seen.logits[~seen.truth] >= level).mean())
    found = float((seen.logits[seen.truth] >= level).mean())
    print(f"{line}: F1 {f1_at(seen, level):.3f}, recall {found:.3f}, false alarms {alarms:.3f}")
    if args.write:
        write_decision(args.model, line)


if __name__ == "__main__":
    main()
