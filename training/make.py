"""Makes the embedded detector from nothing: `python -m training.make`.

Every step keeps what it made in the cache folder, so that a second run goes on where it stopped.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from rubberduck.detectors.model_file import MODEL
from training.dataset.scene_files import (
    CALIBRATION,
    TRAINING,
    VALIDATION,
    Scenes,
    Sources,
    add_arguments,
    scenes,
)
from training.evaluation.metrics import by_kind, by_size, evaluate, figures, peak_scores
from training.evaluation.second_pass import add_decision
from training.model.calibration import Calibration, fit, fit_at_false_alarm_rate
from training.model.export import Calibrations, ExportedDetector, check, export, write
from training.model.net import Net
from training.model.quantization import RANGE_PICTURES
from training.model.train import TrainingConfig, load_features, train

# Set by hand, on 9 pictures of ducks and geese (logits from -1.8 up) and 182 photographs without
# birds (up to -6.3): too few to fit. The decision, 35 %, lies at -3.
WATERFOWL = Calibration(1.0, 2.4)
TRAINING_CONFIG = TrainingConfig(epochs=3.4, mixstyle_share=0.3)
CHECKED = 25  # pictures on which the file must agree with the trained net


def calibrate(net: Net, sources: Sources) -> Calibrations:
    """What the logits mean, learnt on scenes that neither trained the net nor are reported on."""
    aside = scenes(sources, CALIBRATION)
    fine = load_features(aside, sources.cache / "calibration.pt").fine
    marks = evaluate(net, fine, aside.boxes)
    heats, right = peak_scores(net, fine, aside.boxes)
    lookalike = (np.array(aside.kinds) == "look_alikes") & ~marks.has_duck
    duck = fit_at_false_alarm_rate(marks.logits, marks.has_duck, lookalike)
    return Calibrations(duck, fit(heats, right, float(right.mean())), WATERFOWL)


def report(net: Net, meaning: Calibrations, apart: Scenes, sources: Sources) -> dict[str, float]:
    marks = evaluate(net, load_features(apart, sources.cache / "validation.pt").fine, apart.boxes)
    metrics = figures(marks, meaning.duck.threshold)
    for name, value in metrics.items():
        print(f"{name:28} {value:.3f}")
    for line in (
        *by_size(marks, apart.boxes, meaning.duck.threshold),
        *by_kind(marks, apart.kinds, meaning.duck.threshold),
    ):
        print(line)
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--model", type=Path, default=MODEL)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    sources = Sources.from_arguments(args)
    net = load_or_train(sources)
    calibrate_and_export(net, scenes(sources, VALIDATION), sources, args.model)


def load_or_train(sources: Sources) -> Net:
    """The net in the cache, or the one that is trained now."""
    path = sources.cache / "net.pt"
    if path.exists():
        net = Net()
        net.load_state_dict(torch.load(path))
        return net.eval()
    net = train(
        load_features(scenes(sources, TRAINING), sources.cache / "training.pt"), TRAINING_CONFIG
    )
    scratch = path.with_suffix(".part")
    torch.save(net.state_dict(), scratch)
    scratch.rename(path)
    return net


def calibrate_and_export(net: Net, apart: Scenes, sources: Sources, model: Path) -> None:
    """Calibrate, report, and write the file that the site loads."""
    meaning = calibrate(net, sources)
    metrics = report(net, meaning, apart, sources)
    shipped = ExportedDetector(net, meaning)
    facts = {
        "calibration": json.dumps({k: asdict(v) for k, v in meaning._asdict().items()}),
        "validation": json.dumps({name: round(value, 4) for name, value in metrics.items()}),
        "licence": "Apache-2.0",
    }
    whole = sources.cache / "whole.onnx"
    learnt = scenes(sources, TRAINING).images
    export(shipped, whole, facts, learnt[:: len(learnt) // RANGE_PICTURES].copy())
    some = np.linspace(0, len(apart.images) - 1, CHECKED).astype(int)
    print(f"the file differs from the net by {check(shipped, whole, apart.images[some]):.4f}")
    add_decision(whole, sources)
    write(model, whole.read_bytes())


if __name__ == "__main__":
    main()
