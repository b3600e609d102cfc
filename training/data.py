"""A folder of scenes: pictures as bytes, boxes, and what kind each scene is."""

import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from training.photos import gather
from training.scenes import SIDE, Mix, Scene, Stage, letterbox, view
from training.sprites import cast

EVEN = Mix()
DUCKS, OTHERS = ("ducks", "characters"), ("others", "goods")
BATCH = 100
LARGE = 800  # the longer side of a scene to look at twice


@dataclass(frozen=True)
class Recipe:
    """How many sprites and scenes. Seeds and uses differ between what is learnt, calibrated and
    reported, so none of these has a sprite or photograph of another."""

    name: str
    seed: int
    scenes: int
    ducks: int
    characters: int
    others: int
    goods: int
    mix: Mix = EVEN
    photographs: str = "training"
    scene_seed: int = 0  # the sprites' unless told

    @property
    def cast(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in (*DUCKS, *OTHERS)}


TRAINING = Recipe("training", 1, 14000, ducks=2800, characters=1500, others=3000, goods=1000)
# What the percent mean is learnt on one set, and the figures are told from another.
CALIBRATION = Recipe("calibration", 4, 1200, 240, 120, 160, 120, photographs="calibration")
VALIDATION = Recipe("validation", 2, 1200, 240, 120, 240, 120, photographs="validation")


@dataclass(frozen=True)
class Scenes:
    images: np.ndarray  # (n, side, side, 3) bytes
    boxes: list[np.ndarray]  # (ducks, 4) each
    kinds: list[str]


def stage_for(cache: Path, recipe: Recipe) -> Stage:
    photos = [
        Image.open(path).convert("RGB") for path in gather(cache / "photos", recipe.photographs)
    ]
    players = {
        name: cast(cache / "sprites", name, recipe.seed, count, workers=1)
        for name, count in recipe.cast.items()
    }
    ducks, others = (players[a] + players[b] for a, b in (DUCKS, OTHERS))
    return Stage(ducks, others, photos, recipe.mix)


def large(stage: Stage, seed: tuple[int, ...], count: int) -> Iterator[Scene]:
    """Scenes larger than the net's square, as photographs are: only then can a closer look help."""
    stage = stage._replace(side=LARGE)
    return (view(stage, np.random.default_rng((*seed, i))) for i in range(count))


_staged: dict[str, Stage] = {}  # one per worker process: loading takes seconds


def _batch(cache: Path, recipe: Recipe, number: int) -> Path:
    path = cache / "scenes" / f"{recipe.name}-{number:04}.npz"
    if not path.exists():
        if recipe.name not in _staged:
            _staged[recipe.name] = stage_for(cache, recipe)
        stage = _staged[recipe.name]
        seeds = [(recipe.scene_seed or recipe.seed, number, i) for i in range(BATCH)]
        made = [letterbox(view(stage, np.random.default_rng(seed))) for seed in seeds]
        images = np.stack([np.asarray(s.image) for s in made])
        labels = [(np.array(s.boxes, np.float32).reshape(-1, 4), s.kind) for s in made]
        scratch = path.with_suffix(".part")
        with scratch.open("wb") as file:
            np.savez(file, images=images, labels=np.frombuffer(pickle.dumps(labels), np.uint8))
        scratch.rename(path)
    return path


def scenes(cache: Path, recipe: Recipe, workers: int = 2) -> Scenes:
    """Makes what is not yet in the cache."""
    (cache / "scenes").mkdir(parents=True, exist_ok=True)
    gather(cache / "photos", recipe.photographs)
    for name, count in recipe.cast.items():
        cast(cache / "sprites", name, recipe.seed, count, workers)
    with ProcessPoolExecutor(workers) as pool:
        numbers = range(-(-recipe.scenes // BATCH))
        paths = list(pool.map(partial(_batch, cache, recipe), numbers))
    images = np.empty((len(paths) * BATCH, SIDE, SIDE, 3), np.uint8)
    boxes, kinds = [], []
    for i, path in enumerate(paths):
        with np.load(path) as saved:
            images[i * BATCH : (i + 1) * BATCH] = saved["images"]
            for box, kind in pickle.loads(saved["labels"].tobytes()):
                boxes.append(box)
                kinds.append(kind)
    return Scenes(images, boxes, kinds)
