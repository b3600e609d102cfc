"""Compare detector files on labelled pictures: `python -m training.evaluation.compare DIR FILE ...`

DIR is what training.evaluation.validation_set writes. For each file it prints, of one pass and of
the evidence after all passes: AUC, the best F1 over all thresholds and F1 at the file's own, recall
at 1 % and 2 % false alarms, the share of ducks whose likeliest box is right, and processor time.
`--side` gives the first pass another size; `--floats` measures, on squares, each file beside its
weights as 16-bit floats.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from PIL import Image, ImageOps

from rubberduck.core.models import Box
from rubberduck.detectors.embedded import OUTPUTS, OnnxDetector
from rubberduck.detectors.onnx_session import open_session
from rubberduck.detectors.passes import SIDE, STEP, View, letterbox, logit
from training.evaluation.metrics import Predictions, area_under_curve, recall_at
from training.evaluation.second_pass import Evidence, f1_at
from training.model.calibration import Calibration
from training.model.export import Calibrations, ExportedDetector, export
from training.model.free_sides import with_square
from training.model.from_onnx import load_shipped

REAL_DUCKS = "duck/real"
PHOTOGRAPHS = ("no-duck/real", "no-duck/photograph")


class LabelledPicture(NamedTuple):
    kind: str  # its folder, such as duck/plain
    image: Image.Image
    ducks: list[Box]


class Pass(NamedTuple):
    view: View
    seconds: float  # of processor time


class RecordingDetector(OnnxDetector):
    """A detector that keeps the passes of the last picture.

    Its first pass has a longer side of `side` pixels, a multiple of STEP. With `squares`, pictures
    are filled up to squares, as files of floats need it.
    """

    def __init__(self, model: Path, side: int = SIDE, *, squares: bool = False) -> None:
        super().__init__(model)
        if squares:
            self._step = SIDE
        self._share = side / SIDE
        self._larger = None
        if side != SIDE:
            self._larger = open_session(with_square(onnx.load(model), side).SerializeToString())
        self.passes: list[Pass] = []

    def evidence(self, image: Image.Image) -> tuple[float, View]:
        self.passes = []
        return super().evidence(image)

    def run_pass(self, image: Image.Image, share: float = 1.0) -> View:
        start = time.process_time()
        is_larger = self._larger is not None and not self.passes
        view = self._larger_pass(image) if is_larger else super().run_pass(image, share)
        self.passes.append(Pass(view, time.process_time() - start))
        return view

    def _larger_pass(self, image: Image.Image) -> View:
        assert self._larger is not None
        pixels, (left, top, width, height) = letterbox(image, self._share, STEP)
        duck, places, corners, waterfowl = self._larger.run(OUTPUTS, {"pixels": pixels[None]})
        inside = (corners - np.array([left, top, left, top])) / np.array([width, height] * 2)
        return View(float(duck), float(waterfowl), places, np.clip(inside, 0, 1))


def labelled_pictures(folder: Path) -> Iterator[LabelledPicture]:
    """Yield the pictures of a folder with their ducks' boxes as fractions of the picture."""
    boxes = json.loads((folder / "boxes.json").read_text())
    for path in sorted(folder.glob("*duck/*/*")):
        name = path.relative_to(folder)
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        corners = np.array(boxes.get(name.as_posix(), ())).reshape(-1, 4)
        ducks = [_box(each / np.array([*image.size] * 2)) for each in corners]
        yield LabelledPicture(name.parent.as_posix(), image, ducks)


def _box(corners: np.ndarray) -> Box:
    left, top, right, bottom = map(float, corners)
    return Box(left, top, right - left, bottom - top, "", 0.0)


class Measured(NamedTuple):
    """What a detector made of the pictures: by one pass, and after all of them."""

    one: Predictions
    all: Predictions
    one_milliseconds: float  # of processor time a picture, decoding left out
    all_milliseconds: float


def measured(detector: RecordingDetector, pictures: list[LabelledPicture]) -> Measured:
    """Ask the detector about each picture."""
    rows = []
    for _, image, ducks in pictures:
        evidence, view = detector.evidence(image)
        first = detector.passes[0]
        found = [
            max((_box(each.likeliest).overlap(duck) for duck in ducks), default=np.nan)
            for each in (first.view, view)
        ]
        total = sum(each.seconds for each in detector.passes)
        rows.append((logit(first.view.duck), evidence, *found, first.seconds, total))
    one, both, one_box, box, one_time, both_time = np.array(rows).T
    truth = np.array([bool(picture.ducks) for picture in pictures])
    return Measured(
        Predictions(one, truth, one_box),
        Predictions(both, truth, box),
        1000 * float(one_time.mean()),
        1000 * float(both_time.mean()),
    )


def summary(marks: Predictions, level: float | None = None) -> str:
    """Return the figures in one line; F1 also at the logit `level`."""
    seen = Evidence(marks.logits, marks.has_duck)
    levels = np.unique(marks.logits)
    best = max(levels, key=lambda each: f1_at(seen, each))
    decided = "" if level is None else f" (at {level:.2f}: {f1_at(seen, level):.3f})"
    return (
        f"AUC {area_under_curve(marks):.4f}  best F1 {f1_at(seen, best):.3f} at {best:.2f}{decided}"
        f"  recall at 1 % {recall_at(marks, 0.01):.3f}, at 2 % {recall_at(marks, 0.02):.3f}"
        f"  boxes {float((marks.best[marks.has_duck] >= 0.5).mean()):.3f}"
    )


def facts_of(file: Path) -> dict[str, str]:
    return {each.key: each.value for each in onnx.load(file).metadata_props}


def level_of(file: Path) -> float:
    """Return the logit from which a file's answer is yes."""
    line = json.loads(facts_of(file)["evidence"])
    return -float(line["offset"]) / float(line["slope"])


def in_floats(file: Path, folder: Path) -> Path:
    """Return the path of a new file with the same weights, kept in 16 bits, and float sums."""
    net, facts = load_shipped(file), facts_of(file)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(parameter.half().float())
    lines = {name: Calibration(**line) for name, line in json.loads(facts["calibration"]).items()}
    path = folder / f"{file.stem}-floats.onnx"
    export(ExportedDetector(net, Calibrations(**lines)), path, facts)
    return path


def detectors(
    files: list[Path], side: int, folder: Path | None
) -> Iterator[tuple[Path, RecordingDetector]]:
    """Yield a detector of each file; with a folder for files of floats, also one of floats."""
    for file in files:
        if not folder:
            yield file, RecordingDetector(file, side)
            continue
        for each in (file, in_floats(file, folder)):
            yield each, RecordingDetector(each, squares=True)


def photographs_line(marks: Predictions, kinds: list[str]) -> str:
    """Return the extremes of the real photographs; nothing where there are none of ducks."""
    real = np.array([kind == REAL_DUCKS for kind in kinds])
    others = np.array([kind in PHOTOGRAPHS for kind in kinds])
    if not real.any():
        return ""
    return (
        f"lowest of {real.sum()} real ducks {marks.logits[real].min():.1f}, "
        f"highest of {others.sum()} photographs without {marks.logits[others].max():.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of the first pass")
    parser.add_argument("--floats", type=Path, metavar="FOLDER", help="for the files of floats")
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path, nargs="+")
    args = parser.parse_args()
    pictures = list(labelled_pictures(args.folder))
    kinds = [picture.kind for picture in pictures]
    for file, detector in detectors(args.file, args.side, args.floats):
        seen = measured(detector, pictures)
        print(f"{file}, {len(pictures)} pictures")
        print(f"  one pass    {summary(seen.one)}  {seen.one_milliseconds:.1f} ms")
        print(f"  all passes  {summary(seen.all, level_of(file))}  {seen.all_milliseconds:.1f} ms")
        print(f"  {photographs_line(seen.all, kinds)}", flush=True)


if __name__ == "__main__":
    main()
