"""Ablations of the training recipe over several seeds: `python -m training.evaluation.ablations`.

The runs are short, so that there can be many; the whole plan gains less from some ideas, and more
from others. `--photos` names folders `duck` and `no-duck` of real photographs to look at as well.
"""

import argparse
import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from rubberduck.detectors.passes import SIDE, letterbox
from training.dataset.scene_files import TRAINING, VALIDATION, Sources, add_arguments, scenes
from training.dataset.scenes import Mix
from training.evaluation.metrics import Predictions, area_under_curve, evaluate, recall_at
from training.evaluation.second_pass import best_threshold, f1_at, tuning_evidence
from training.model.calibration import Calibration
from training.model.export import Calibrations, ExportedDetector, export
from training.model.net import Net
from training.model.train import Features, TrainingConfig, load_features, predict, train

SHORT = TrainingConfig(epochs=1.2)
AGAIN = TrainingConfig(epochs=1.3, head_rate=5e-4, trunk_rate=1e-4)
SCENES = 5000
MORE = 450  # pictures of the second round that the first has not seen
CANDIDATES = replace(
    TRAINING, name="candidates", scenes=3000, mix=Mix(0, 0.4, 0.6, 0.3, 0.15), scene_seed=5
)
LARGE = 600  # scenes to look at twice
NOTHING = np.empty((0, 4), np.float32)
SOMETHING = np.array([[0, 0, 320, 320]], np.float32)  # the boxes of real ducks are not asked for


def photographs(net: Net, folder: Path) -> Features:
    """Return the features of real photographs, for evaluation only."""
    paths = [*sorted((folder / "duck").iterdir()), *sorted((folder / "no-duck").iterdir())]
    squares = []
    for path in paths:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            squares.append(letterbox(upright, step=SIDE)[0])
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
    with torch.no_grad():
        fine = torch.cat([net.early(part) for part in pixels.split(20)]).half()
    boxes = [SOMETHING if path.parent.name == "duck" else NOTHING for path in paths]
    return Features(fine, torch.zeros(len(paths), 1000).half(), boxes)


def interpolate(start: Net, end: Net, share: float) -> Net:
    """Return the net with weights interpolated: `share` of the way from one net to the other."""
    out = copy.deepcopy(end)
    with torch.no_grad():
        for mine, first in zip(out.parameters(), start.parameters(), strict=True):
            mine.copy_(first + share * (mine - first))
    return out.eval()


def interpolate_to_pretrained(net: Net, share: float) -> Net:
    """Return the net with its trunk interpolated towards ImageNet's (WiSE-FT, arXiv:2109.01903)."""
    start = copy.deepcopy(net)
    start.trunk.load_state_dict(Net().trunk.state_dict())
    return interpolate(start, net, share)


def soup(nets: list[Net]) -> Net:
    """Return the net with the mean of several nets' weights (model soups, arXiv:2203.05482)."""
    out = copy.deepcopy(nets[0])
    with torch.no_grad():
        for mine, *rest in zip(*(net.parameters() for net in [out, *nets]), strict=True):
            mine.copy_(torch.stack(rest).mean(0))
    return out.eval()


def summary_line(marks: Predictions) -> str:
    two, one = (recall_at(marks, share) for share in (0.02, 0.01))
    boxed = float((marks.best[marks.has_duck] >= 0.5).mean())
    area = area_under_curve(marks)
    return f"AUC {area:.4f}  recall at 2 % {two:.3f}, at 1 % {one:.3f}  boxes {boxed:.3f}"


def both(one: Features, other: Features) -> Features:
    return Features(
        torch.cat([one.fine, other.fine]),
        torch.cat([one.classes, other.classes]),
        [*one.boxes, *other.boxes],
    )


def part(features: Features, chosen: Tensor) -> Features:
    return Features(
        features.fine[chosen], features.classes[chosen], [features.boxes[i] for i in chosen]
    )


def hardest(net: Net, features: Features, count: int) -> Features:
    """Return the pictures with the highest logits (hard-example mining)."""
    logits = torch.cat([verdicts for verdicts, _ in predict(net, features.fine)])
    return part(features, logits.topk(count).indices)


def again(net: Net, features: Features, more: Features, seed: int) -> Net:
    """Train a short second round on some of the first pictures and `more`."""
    plan = replace(AGAIN, seed=seed)
    return train(both(more, part(features, torch.arange(4 * MORE))), plan, copy.deepcopy(net))


def variants(features: Features, candidates: Features, seeds: int) -> Iterator[tuple[str, Net]]:
    """Yield the nets of each ablation, one a seed."""
    runs: list[Net] = []
    for seed in range(seeds):
        net = train(features, replace(SHORT, seed=seed))
        runs.append(net)
        yield "plain", net
        yield "trunk 80 % of the way", interpolate_to_pretrained(net, 0.8)
        some = torch.randperm(len(candidates.boxes))[:MORE]
        yield "again, with any candidates", again(net, features, part(candidates, some), seed)
        yield "again, with the hardest", again(net, features, hardest(net, candidates, MORE), seed)
    yield "soup of all seeds", soup(runs)


def look_twice(net: Net, sources: Sources) -> Iterator[str]:
    """Yield the best F1 of the detector with this net on the tuning set."""
    as_it_is = Calibration(1.0, 0.0)
    file = sources.cache / "idea.onnx"
    export(ExportedDetector(net, Calibrations(as_it_is, as_it_is, as_it_is)), file, {})
    seen = tuning_evidence(file, sources)
    level = best_threshold(seen)
    yield f"two looks, tuning set: F1 {f1_at(seen, level):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sources = Sources.from_arguments(args)
    features = load_features(
        scenes(sources, replace(TRAINING, scenes=SCENES)), args.cache / "short.pt"
    )
    candidates = load_features(scenes(sources, CANDIDATES), args.cache / "candidates.pt")
    apart = load_features(scenes(sources, VALIDATION), args.cache / "validation.pt")
    sets = {"rendered": apart}
    if args.photos:
        sets["photographs"] = photographs(Net().eval(), args.photos)
    for name, net in variants(features, candidates, args.seeds):
        for kind, pictures in sets.items():
            said = summary_line(evaluate(net, pictures.fine, pictures.boxes))
            print(f"{name:28} {kind:12} {said}", flush=True)
        if name == "plain":
            print(*look_twice(net, sources), sep="\n", flush=True)


if __name__ == "__main__":
    main()
