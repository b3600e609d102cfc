"""Figures and pictures of the model card: `python -m training.evaluation.model_card`.

All pictures are asked through the detector as it ships, closer look included: scenes larger than
its square, apart from training, and real photographs that nobody trained on.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.evaluation import plots as charts
from rubberduck.evaluation.report import table
from rubberduck.imaging.decode import Picture
from rubberduck.scoring.detection import (
    Outcome,
    as_fractions,
    best_overlap,
    by_kind,
    deciding_score,
    measure,
)
from training.dataset.backgrounds import wall, water
from training.dataset.photos import gather
from training.dataset.scene_files import (
    LARGE,
    VALIDATION,
    Sources,
    add_arguments,
    large_scene_stream,
    load_assets,
)
from training.dataset.scenes import Scene

FOLDER = Path(__file__).parents[1] / "card"
SEED = 3
SMALL = 0.12  # of the frame
CROWD = 5
DARK = 50  # mean brightness of 255
SHOWN = 12
OWN_BACKGROUNDS, OWN_SCENES = 60, 300


def kind_of(scene: Scene) -> str:
    """The first of these that fits, as one folder of pictures would be called."""
    if not scene.boxes:
        return f"no-duck/{'hidden' if scene.ducks else scene.kind}"
    longest = max(max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in scene.boxes)
    if longest < SMALL * max(scene.image.size):
        return "duck/small"
    if len(scene.boxes) >= CROWD:
        return "duck/many"
    if np.asarray(scene.image.convert("L")).mean() < DARK:
        return "duck/dark"
    return f"duck/{scene.ducks[0].replace('_', ' ')}"


def ask(detector: OnnxDetector, scene: Scene, kind: str) -> Outcome:
    start = time.perf_counter()
    labels = detector.labels(Picture(scene.image, scene.image.size))
    milliseconds = 1000 * (time.perf_counter() - start)
    verdict = judge(RUBBER_DUCK, labels)
    score = deciding_score(RUBBER_DUCK, labels)
    known = as_fractions(scene.boxes, scene.image.size)
    fit = best_overlap(verdict.boxes, known) if known else None
    return Outcome(kind, bool(known), verdict.found, score, milliseconds, fit, verdict.boxes)


def answered(detector: OnnxDetector, scenes: Iterator[Scene]) -> Iterator[tuple[Scene, Outcome]]:
    for scene in scenes:
        yield scene, ask(detector, scene, kind_of(scene))


def real(cache: Path) -> Iterator[Scene]:
    """Photographs that served nothing else, as they are."""
    for path in gather(cache / "photos", "validation"):
        yield Scene(Image.open(path).convert("RGB"), (), "photograph")


def examples(answers: list[tuple[Scene, Outcome]]) -> list[charts.Example]:
    return [
        charts.Example(
            outcome, outcome.kind.split("/")[1], charts.thumbnail(scene.image, outcome.boxes)
        )
        for scene, outcome in answers[:SHOWN]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--scenes", type=int, default=1500)
    args = parser.parse_args()
    detector, assets = OnnxDetector(), load_assets(Sources.from_arguments(args), VALIDATION)
    made = large_scene_stream(assets, (SEED,), args.scenes)
    outcomes = [outcome for _, outcome in answered(detector, made)]
    outcomes += [outcome for _, outcome in answered(detector, real(args.cache))]
    print(table(measure(outcomes), by_kind(outcomes)))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "calibration.png").write_bytes(charts.plot(outcomes, RUBBER_DUCK.min_confidence))
    # What is shown is all our own, backgrounds included.
    rng = np.random.default_rng(SEED)
    ours = [
        (water if i % 2 else wall)((LARGE, LARGE * 3 // 4), rng) for i in range(OWN_BACKGROUNDS)
    ]
    shown = large_scene_stream(assets._replace(photos=ours), (SEED, 1), OWN_SCENES)
    answers = list(answered(detector, shown))
    found = examples([each for each in answers if each[1].truth and each[1].found])
    wrong = examples([each for each in answers if each[1].wrong])
    (FOLDER / "found.png").write_bytes(charts.sheet(found, "Found"))
    (FOLDER / "mistakes.png").write_bytes(charts.sheet(wrong, "Missed, or taken for a duck"))


if __name__ == "__main__":
    main()
