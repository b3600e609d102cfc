"""A folder of scenes: pictures as bytes, boxes, and what kind each scene is."""

import argparse
import pickle
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from training.dataset.photos import gather
from training.dataset.scene_kinds import scene_of
from training.dataset.scenes import SIDE, Mix, Scene, SceneAssets, letterbox, make_scene
from training.props.sprites import DUCKS, LabelledSprite, SpriteStore
from training.rendering.colours import Random

EVEN = Mix()
LOOK_ALIKES = ("look_alikes", "household_objects")
BATCH = 100
WITHOUT_MESHES = (
    "no --meshes folder: the ducks of real models (SOURCES.md) are left out, so the detector "
    "will miss more real rubber ducks than the one that ships"
)
LARGE = 800  # pixels of the longer side of a scene for the second look


@dataclass(frozen=True)
class Sources:
    """Where things are kept, and where the models of rubber ducks are, if there are any."""

    cache: Path
    meshes: Path | None = None
    workers: int = 2

    @classmethod
    def from_arguments(cls, args: argparse.Namespace) -> "Sources":
        """Return the sources that a command was given; tells what lacks without models."""
        if args.meshes is None:
            print(WITHOUT_MESHES)
        return cls(args.cache, args.meshes, args.threads)

    def sprites(self) -> SpriteStore:
        """Return the store of sprites, with those of the models where there are any."""
        folder = self.cache / "sprites"
        if self.meshes is None:
            return SpriteStore(folder, self.workers)
        # Not at the top: the models need scipy and trimesh, which the site does not install.
        from training.props.mesh_ducks import with_mesh_ducks

        return SpriteStore(folder, self.workers, with_mesh_ducks(self.meshes, folder / "meshes"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `Sources.from_arguments`."""
    parser.add_argument("--cache", type=Path, default=Path(".cache/training"))
    parser.add_argument("--meshes", type=Path, help="folder of rubber-duck models, see SOURCES.md")
    parser.add_argument("--threads", type=int, default=2)


@dataclass(frozen=True)
class DatasetConfig:
    """How many sprites and scenes. Seeds and photographs differ between training, calibration and
    validation, so none of these has a sprite or photograph of another."""

    name: str
    seed: int
    scenes: int
    sprites: Mapping[str, int]
    mix: Mix = EVEN
    kinds: Mapping[str, float] = field(default_factory=dict)  # shares of scene_kinds; the rest: mix
    photographs: str = "training"
    scene_seed: int = 0  # 0: the sprites' seed


TRAINING = DatasetConfig(
    "training",
    1,
    14000,
    {
        "ducks": 2000,
        "characters": 1200,
        "mesh_ducks": 1600,
        "look_alikes": 3000,
        "household_objects": 1000,
    },
)
# After training, the net goes on with scenes as people photograph rubber ducks, in three rounds.
FINE_TUNING = DatasetConfig(
    "fine-tuning",
    1,
    6000,
    {
        "ducks": 240,
        "characters": 480,
        "mesh_ducks": 960,
        "look_alikes": 480,
        "household_objects": 160,
    },
    mix=Mix(ducks=0.15, look_alikes=0.2, photos=0.65),
    kinds={
        "plain": 0.09,
        "shop": 0.15,
        "costumed": 0.09,
        "crowd": 0.04,
        "small": 0.14,
        "clutter": 0.05,
        "look_alike": 0.14,
    },
)
FINE_TUNINGS = (
    FINE_TUNING,
    replace(FINE_TUNING, name="fine-tuning-2", seed=3),
    replace(FINE_TUNING, name="fine-tuning-3", seed=5),
)
# The percentages are fitted on one set, and the figures are measured on another.
CALIBRATION = DatasetConfig(
    "calibration",
    4,
    600,
    {
        "ducks": 120,
        "characters": 80,
        "tuning_mesh_ducks": 80,
        "look_alikes": 80,
        "household_objects": 40,
    },
    photographs="calibration",
)
VALIDATION = DatasetConfig(
    "validation",
    2,
    1200,
    {
        "ducks": 40,
        "characters": 40,
        "held_out_mesh_ducks": 80,
        "look_alikes": 80,
        "household_objects": 40,
    },
    photographs="validation",
)


@dataclass(frozen=True)
class Scenes:
    images: np.ndarray  # (n, side, side, 3) bytes
    boxes: list[np.ndarray]  # (ducks, 4) each
    kinds: list[str]


def load_sprites(sources: Sources, config: DatasetConfig) -> dict[str, list[LabelledSprite]]:
    """Return the sprites of each set, without those of models where there are none."""
    store = sources.sprites()
    return {
        name: store.load(name, config.seed, count)
        for name, count in config.sprites.items()
        if name in store.sets
    }


def load_assets(sources: Sources, config: DatasetConfig) -> SceneAssets:
    """Return the sprites and photographs of a data set, rendered and fetched where missing."""
    folder = sources.cache / "photos"
    photos = [Image.open(path).convert("RGB") for path in gather(folder, config.photographs)]
    sprites = load_sprites(sources, config)
    ducks = [sprite for name in DUCKS for sprite in sprites.get(name, ())]
    look_alikes = [sprite for name in LOOK_ALIKES for sprite in sprites.get(name, ())]
    return SceneAssets(ducks, look_alikes, photos, config.mix)


def large_scene_stream(assets: SceneAssets, seed: tuple[int, ...], count: int) -> Iterator[Scene]:
    """Yield scenes larger than the net's input, as photographs are, for the second look."""
    assets = assets._replace(side=LARGE)
    return (make_scene(assets, np.random.default_rng((*seed, i))) for i in range(count))


_loaded_assets: dict[str, SceneAssets] = {}  # one per worker process: loading takes seconds


def _compose(config: DatasetConfig, assets: SceneAssets, rng: Random) -> Scene:
    if not config.kinds:
        return make_scene(assets, rng)
    shares = list(config.kinds.values())
    kind = rng.choice([*config.kinds, ""], p=[*shares, 1 - sum(shares)])
    return scene_of(str(kind), assets, rng) if kind else make_scene(assets, rng)


def _batch(sources: Sources, config: DatasetConfig, number: int) -> Path:
    path = sources.cache / "scenes" / f"{config.name}-{number:04}.npz"
    if not path.exists():
        if config.name not in _loaded_assets:
            _loaded_assets[config.name] = load_assets(sources, config)
        assets = _loaded_assets[config.name]
        seeds = [(config.scene_seed or config.seed, number, i) for i in range(BATCH)]
        made = [letterbox(_compose(config, assets, np.random.default_rng(seed))) for seed in seeds]
        images = np.stack([np.asarray(s.image) for s in made])
        labels = [(np.array(s.boxes, np.float32).reshape(-1, 4), s.kind) for s in made]
        scratch = path.with_suffix(".part")
        with scratch.open("wb") as file:
            np.savez(file, images=images, labels=np.frombuffer(pickle.dumps(labels), np.uint8))
        scratch.rename(path)
    return path


def scenes(sources: Sources, config: DatasetConfig) -> Scenes:
    """Return the scenes of a data set; makes those that are not in the cache."""
    (sources.cache / "scenes").mkdir(parents=True, exist_ok=True)
    gather(sources.cache / "photos", config.photographs)
    load_sprites(sources, config)
    with ProcessPoolExecutor(sources.workers) as pool:
        numbers = range(-(-config.scenes // BATCH))
        paths = list(pool.map(partial(_batch, sources, config), numbers))
    images = np.empty((len(paths) * BATCH, SIDE, SIDE, 3), np.uint8)
    boxes, kinds = [], []
    for i, path in enumerate(paths):
        with np.load(path) as saved:
            images[i * BATCH : (i + 1) * BATCH] = saved["images"]
            for box, kind in pickle.loads(saved["labels"].tobytes()):
                boxes.append(box)
                kinds.append(kind)
    return Scenes(images, boxes, kinds)
