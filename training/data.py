"""A folder of scenes: pictures as bytes, boxes, and what kind each scene is."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from training.photos import gather
from training.scenes import SIDE, Mix, Stage, letterbox, view
from training.sprites import cast

EVEN = Mix()
PHOTO_STEP = 7  # every seventh photograph is kept for validation
BATCH = 100


@dataclass(frozen=True)
class Recipe:
    """How many sprites and scenes. Seeds differ, so no sprite or photograph is in two sets."""

    name: str
    seed: int
    ducks: int
    others: int
    scenes: int
    goods: int = 0
    mix: Mix = EVEN
    scene_seed: int = 0  # the same as the sprites' unless told
    apart: bool = False  # on the photographs that are kept from training


TRAINING = Recipe("training", 1, 2800, 2000, 12000)
# The second round: fewer ducks, more of what was taken for one.
HARDER = Recipe(
    "harder",
    1,
    2800,
    2000,
    5000,
    goods=1000,
    mix=Mix(0.35, 0.3, 0.35, recoloured=0.4, closest=0.2),
    scene_seed=5,
)
# What the percent mean is learnt on one set, and the figures are told from another.
CALIBRATION = Recipe(
    "calibration", 4, 240, 160, 1200, goods=120, mix=Mix(0.5, 0.25, 0.25, 0.3, 0.2), apart=True
)
VALIDATION = Recipe("validation", 2, 240, 240, 1200, apart=True)


@dataclass(frozen=True)
class Scenes:
    images: np.ndarray  # (n, side, side, 3) bytes
    boxes: list[np.ndarray]  # (ducks, 4) each
    kinds: list[str]


def stage_for(cache: Path, recipe: Recipe) -> Stage:
    photos = [
        Image.open(path).convert("RGB")
        for i, path in enumerate(gather(cache / "photos"))
        if (i % PHOTO_STEP == 0) == recipe.apart
    ]
    sprites = cache / "sprites"
    ducks = cast(sprites, "ducks", recipe.seed, recipe.ducks, workers=1)
    others = cast(sprites, "others", recipe.seed, recipe.others, workers=1)
    others += cast(sprites, "goods", recipe.seed, recipe.goods, workers=1)
    return Stage(ducks, others, photos, recipe.mix)


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
    gather(cache / "photos")
    counts = {"ducks": recipe.ducks, "others": recipe.others, "goods": recipe.goods}
    for name, count in counts.items():
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
