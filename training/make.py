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
from training.calibrate import DECISION, Calibration, cautious, fit
from training.closer import together
from training.data import CALIBRATION, TRAINING, VALIDATION, Scenes, scenes
from training.evaluate import by_kind, by_size, figures, mark, places
from training.export import Meaning, Shipped, check, export, write
from training.net import Net
from training.quantize import RANGED_ON
from training.train import Plan, lesson, train

# Set by hand, on 9 pictures of ducks and geese (logits from -1.8 up) and 182 photographs without
# birds (up to -6.3): too few to fit. The decision, 35 %, lies at -3.
WATERFOWL = Calibration(1.0, 2.4)
PLAN = Plan(epochs=3.4, styles=0.3)
CHECKED = 25  # pictures on which the file must agree with the trained net


def understood(net: Net, cache: Path, workers: int) -> Meaning:
    """What the logits mean, learnt on scenes that neither trained the net nor are reported on."""
    aside = scenes(cache, CALIBRATION, workers)
    fine = lesson(aside, cache / "calibration.pt").fine
    marks = mark(net, fine, aside.boxes)
    heats, right = places(net, fine, aside.boxes)
    lookalike = (np.array(aside.kinds) == "others") & ~marks.has_duck
    duck = cautious(marks.logits, marks.has_duck, lookalike)
    return Meaning(duck, fit(heats, right, float(right.mean())), WATERFOWL)


def report(net: Net, meaning: Meaning, apart: Scenes, cache: Path) -> dict[str, float]:
    marks = mark(net, lesson(apart, cache / "validation.pt").fine, apart.boxes)
    said = figures(marks, meaning.duck.threshold)
    for name, value in said.items():
        print(f"{name:28} {value:.3f}")
    for line in (
        *by_size(marks, apart.boxes, meaning.duck.threshold),
        *by_kind(marks, apart.kinds, meaning.duck.threshold),
    ):
        print(line)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/training"))
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)

    net = trained(asked.cache, asked.threads)
    ship(net, scenes(asked.cache, VALIDATION, asked.threads), asked)


def trained(cache: Path, workers: int) -> Net:
    """The net in the cache, or the one that is trained now."""
    path = cache / "net.pt"
    if path.exists():
        net = Net()
        net.load_state_dict(torch.load(path))
        return net.eval()
    net = train(lesson(scenes(cache, TRAINING, workers), cache / "training.pt"), PLAN)
    scratch = path.with_suffix(".part")
    torch.save(net.state_dict(), scratch)
    scratch.rename(path)
    return net


def ship(net: Net, apart: Scenes, asked: argparse.Namespace) -> None:
    """Calibrates, reports, and writes the file that the site loads."""
    meaning = understood(net, asked.cache, asked.threads)
    said = report(net, meaning, apart, asked.cache)
    shipped = Shipped(net, meaning)
    facts = {
        "decision": str(DECISION),
        "calibration": json.dumps({k: asdict(v) for k, v in meaning._asdict().items()}),
        "validation": json.dumps({name: round(value, 4) for name, value in said.items()}),
        "licence": "Apache-2.0",
    }
    alone = asked.cache / "one-look.onnx"
    export(shipped, alone, facts)
    facts["together"] = json.dumps(asdict(together(alone, asked.cache)))
    # The percents are learnt before: rounding moves no answer to one side, and what a second fit
    # would follow is the chance of a few hundred look-alikes.
    whole = asked.cache / "whole.onnx"
    learnt = scenes(asked.cache, TRAINING, asked.threads).images
    export(shipped, whole, facts, learnt[:: len(learnt) // RANGED_ON].copy())
    some = np.linspace(0, len(apart.images) - 1, CHECKED).astype(int)
    print(f"the file differs from the net by {check(shipped, whole, apart.images[some]):.4f}")
    write(asked.model, whole.read_bytes())


if __name__ == "__main__":
    main()
