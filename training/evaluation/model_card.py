"""Draw the model card's examples: `python -m training.evaluation.model_card`.

Everything in these pictures is this project's own: rendered ducks, look-alikes and backgrounds. The
card's figures come from the validation set and `flask evaluate`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.evaluation import plots
from rubberduck.imaging.decode import Picture
from rubberduck.scoring.detection import Outcome, deciding_score
from training.dataset.backgrounds import wall, water
from training.dataset.scene_files import (
    LARGE,
    LOOK_ALIKES,
    VALIDATION,
    Sources,
    large_scene_stream,
    load_sprites,
)
from training.dataset.scenes import Scene, SceneAssets

FOLDER = Path(__file__).parents[1] / "card"
SEED = 3
SHOWN = 12
BACKGROUNDS, SCENES = 60, 300


def own_assets(cache: Path) -> SceneAssets:
    """Return sprites of this project's own shapes, and backgrounds that are not photographs."""
    sprites = load_sprites(Sources(cache), VALIDATION)
    ducks = [
        each for name, several in sprites.items() if name not in LOOK_ALIKES for each in several
    ]
    rng, size = np.random.default_rng(SEED), (LARGE, LARGE * 3 // 4)
    backgrounds = [(water if i % 2 else wall)(size, rng) for i in range(BACKGROUNDS)]
    return SceneAssets(ducks, [each for name in LOOK_ALIKES for each in sprites[name]], backgrounds)


def answer(detector: OnnxDetector, scene: Scene) -> Outcome:
    """Ask the detector as the site does."""
    labels = detector.labels(Picture(scene.image, scene.image.size))
    verdict, score = judge(RUBBER_DUCK, labels), deciding_score(RUBBER_DUCK, labels)
    kind = scene.ducks[0] if scene.ducks else scene.kind
    return Outcome(kind, bool(scene.boxes), verdict.found, score, 0.0, None, verdict.boxes)


def examples(answers: list[tuple[Scene, Outcome]]) -> Iterator[plots.Example]:
    """Yield the first answers as the contact sheet shows them."""
    for scene, outcome in answers[:SHOWN]:
        thumbnail = plots.thumbnail(scene.image, outcome.boxes)
        yield plots.Example(outcome, outcome.kind.replace("_", " "), thumbnail)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/training"))
    args = parser.parse_args()
    detector, scenes = OnnxDetector(), large_scene_stream(own_assets(args.cache), (SEED, 1), SCENES)
    answers = [(scene, answer(detector, scene)) for scene in scenes]
    found = [each for each in answers if each[1].truth and each[1].found]
    wrong = [each for each in answers if each[1].wrong]
    FOLDER.mkdir(exist_ok=True)
    for name, chosen, title in (
        ("found", found, "Found"),
        ("mistakes", wrong, "Missed, or taken for a duck"),
    ):
        (FOLDER / f"{name}.png").write_bytes(plots.sheet(list(examples(chosen)), title))


if __name__ == "__main__":
    main()
