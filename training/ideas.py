"""What each idea is worth, over several seeds: `python -m training.ideas`. README.md has the table.

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

from rubberduck.detectors.embedded import OnnxDetector, letterbox
from training.calibrate import Calibration
from training.closer import large_scenes, line, looks
from training.data import TRAINING, VALIDATION, scenes
from training.evaluate import Marks, area_under_curve, mark, recall_at
from training.export import Meaning, Shipped, export
from training.net import Net
from training.scenes import Mix
from training.train import Lesson, Plan, lesson, look, train

SHORT = Plan(epochs=1.2)
AGAIN = Plan(epochs=1.3, head_rate=5e-4, trunk_rate=1e-4)
SCENES = 5000
MORE = 450  # pictures of the second round that the first has not seen
CANDIDATES = replace(
    TRAINING, name="candidates", scenes=3000, mix=Mix(0, 0.4, 0.6, 0.3, 0.15), scene_seed=5
)
LARGE = 600  # scenes to look at twice
NOTHING = np.empty((0, 4), np.float32)
SOMETHING = np.array([[0, 0, 320, 320]], np.float32)  # the boxes of real ducks are not asked for


def photographs(net: Net, folder: Path) -> Lesson:
    """Real photographs as a lesson that nobody learns."""
    paths = [*sorted((folder / "duck").iterdir()), *sorted((folder / "no-duck").iterdir())]
    squares = []
    for path in paths:
        with Image.open(path) as image:
            squares.append(letterbox(ImageOps.exif_transpose(image).convert("RGB"))[0])
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
    with torch.no_grad():
        fine = torch.cat([net.early(part) for part in pixels.split(20)]).half()
    boxes = [SOMETHING if path.parent.name == "duck" else NOTHING for path in paths]
    return Lesson(fine, torch.zeros(len(paths), 1000).half(), boxes)


def between(start: Net, end: Net, share: float) -> Net:
    """The net that lies `share` of the way from one to the other, weight by weight."""
    out = copy.deepcopy(end)
    with torch.no_grad():
        for mine, first in zip(out.parameters(), start.parameters(), strict=True):
            mine.copy_(first + share * (mine - first))
    return out.eval()


def unlearnt(net: Net, share: float) -> Net:
    """The trunk taken back towards ImageNet's, the heads as they are (WiSE-FT, 2109.01903)."""
    start = copy.deepcopy(net)
    start.trunk.load_state_dict(Net().trunk.state_dict())
    return between(start, net, share)


def soup(nets: list[Net]) -> Net:
    """The mean of several nets' weights (model soups, arXiv:2203.05482)."""
    out = copy.deepcopy(nets[0])
    with torch.no_grad():
        for mine, *rest in zip(*(net.parameters() for net in [out, *nets]), strict=True):
            mine.copy_(torch.stack(rest).mean(0))
    return out.eval()


def told(marks: Marks) -> str:
    two, one = (recall_at(marks, share) for share in (0.02, 0.01))
    boxed = float((marks.best[marks.has_duck] >= 0.5).mean())
    area = area_under_curve(marks)
    return f"AUC {area:.4f}  recall at 2 % {two:.3f}, at 1 % {one:.3f}  boxes {boxed:.3f}"


def both(one: Lesson, other: Lesson) -> Lesson:
    return Lesson(
        torch.cat([one.fine, other.fine]),
        torch.cat([one.classes, other.classes]),
        [*one.boxes, *other.boxes],
    )


def part(learn: Lesson, chosen: Tensor) -> Lesson:
    return Lesson(learn.fine[chosen], learn.classes[chosen], [learn.boxes[i] for i in chosen])


def hardest(net: Net, learn: Lesson, count: int) -> Lesson:
    """The pictures that look most like a duck to the net."""
    logits = torch.cat([verdicts for verdicts, _ in look(net, learn.fine)])
    return part(learn, logits.topk(count).indices)


def again(net: Net, learn: Lesson, more: Lesson, seed: int) -> Net:
    """A short second round on some of the first lesson and `more`."""
    plan = replace(AGAIN, seed=seed)
    return train(both(more, part(learn, torch.arange(4 * MORE))), plan, copy.deepcopy(net))


def variants(learn: Lesson, candidates: Lesson, seeds: int) -> Iterator[tuple[str, Net]]:
    """Each idea's nets, one a seed."""
    runs: list[Net] = []
    for seed in range(seeds):
        net = train(learn, replace(SHORT, seed=seed))
        runs.append(net)
        yield "plain", net
        yield "trunk 80 % of the way", unlearnt(net, 0.8)
        yield "styles exchanged", train(learn, replace(SHORT, styles=0.5, seed=seed))
        some = torch.randperm(len(candidates.boxes))[:MORE]
        yield "again, with any candidates", again(net, learn, part(candidates, some), seed)
        yield "again, with the hardest", again(net, learn, hardest(net, candidates, MORE), seed)
    yield "soup of all seeds", soup(runs)


def look_twice(net: Net, cache: Path) -> Iterator[str]:
    """The figures of one look and of two, at larger scenes, as the detector would take them."""
    as_it_is = Calibration(1.0, 0.0)
    file = cache / "idea.onnx"
    export(Shipped(net, Meaning(as_it_is, as_it_is, as_it_is)), file, {})
    made, truth = large_scenes(cache, VALIDATION, LARGE)
    seen = looks(OnnxDetector(file), made)
    yield line("one look", seen[:, 0], truth)
    yield line("two looks", seen.mean(1), truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/training"))
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    learn = lesson(scenes(asked.cache, replace(TRAINING, scenes=SCENES)), asked.cache / "short.pt")
    candidates = lesson(scenes(asked.cache, CANDIDATES), asked.cache / "candidates.pt")
    apart = lesson(scenes(asked.cache, VALIDATION), asked.cache / "validation.pt")
    sets = {"rendered": apart}
    if asked.photos:
        sets["photographs"] = photographs(Net().eval(), asked.photos)
    for name, net in variants(learn, candidates, asked.seeds):
        for kind, pictures in sets.items():
            said = told(mark(net, pictures.fine, pictures.boxes))
            print(f"{name:28} {kind:12} {said}", flush=True)
        if name == "plain":
            print(*look_twice(net, asked.cache), sep="\n", flush=True)


if __name__ == "__main__":
    main()
