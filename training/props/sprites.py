"""Render props to sprites: rubber ducks, costumed ducks, look-alikes and household objects."""

import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from training.props.characters import character
from training.props.costumes import costumed
from training.props.ducks import duck
from training.props.household_objects import household_object
from training.props.look_alikes import look_alike
from training.rendering.colours import Random
from training.rendering.ray_marcher import Part, Sprite, View, render

SIDE = 200
BATCH = 40


@dataclass(frozen=True)
class LabelledSprite:
    """A sprite and what it shows; `kind` is "plain", "costumed", or a look-alike's name."""

    sprite: Sprite
    kind: str
    is_duck: bool


def some_view(rng: Random) -> View:
    """Mostly from the front half and slightly above, but from every side."""
    yaw = rng.normal(0, 60) if rng.random() < 0.6 else rng.uniform(-180, 180)
    pitch = rng.uniform(-8, 40) if rng.random() < 0.85 else rng.uniform(40, 88)
    roll = rng.normal(0, 8) if rng.random() < 0.92 else rng.uniform(-180, 180)
    return View(yaw, pitch, roll, rng.uniform(4.0, 9.0))


def some_lamp(rng: Random) -> np.ndarray:
    lamp = np.array([rng.uniform(-0.9, 0.9), rng.uniform(0.2, 1), rng.uniform(0.1, 1)])
    return (lamp / np.linalg.norm(lamp)).astype(np.float32)


def some_duck(rng: Random) -> tuple[str, list[Part]]:
    body = duck(rng)
    if rng.random() < 0.55:
        return "plain", list(body.parts)
    return "costumed", costumed(body, rng)


Maker = Callable[[Random], tuple[str, list[Part]]]  # the kind and the parts of one prop
DUCKS = ("ducks", "characters", "mesh_ducks", "tuning_mesh_ducks", "held_out_mesh_ducks")
# Each set's maker, and a number that tells the sets' seeds apart.
SPRITE_SETS: dict[str, tuple[Maker, int]] = {
    "ducks": (some_duck, 5),
    "characters": (character, 10),
    "look_alikes": (look_alike, 6),
    "household_objects": (household_object, 5),
}


def render_sprite(make: Maker, seed: tuple[int, ...], is_duck: bool) -> LabelledSprite | None:
    """Return the sprite of one prop; None where its view shows too little of it."""
    rng = np.random.default_rng(seed)
    kind, parts = make(rng)
    sprite = render(parts, some_view(rng), some_lamp(rng), SIDE)
    return LabelledSprite(sprite, kind, is_duck) if sprite else None


@dataclass(frozen=True)
class SpriteStore:
    """Renders sprites, and keeps them in a folder."""

    folder: Path
    workers: int = 2
    sets: Mapping[str, tuple[Maker, int]] = field(default_factory=lambda: SPRITE_SETS)

    def load(self, name: str, seed: int, count: int) -> list[LabelledSprite]:
        """Return `count` sprites of a set; what was rendered before is read from the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(self.workers) as pool:
            paths = pool.map(partial(self._batch, name, seed), range(-(-count // BATCH)))
            return [sprite for path in paths for sprite in pickle.loads(path.read_bytes())][:count]

    def _batch(self, name: str, seed: int, number: int) -> Path:
        path = self.folder / f"{name}-{seed}-{number:03}.pickle"
        if not path.exists():
            make, stream = self.sets[name]
            seeds = [(seed, stream, number, i) for i in range(BATCH)]
            sprites = (render_sprite(make, each, name in DUCKS) for each in seeds)
            scratch = path.with_suffix(".part")
            scratch.write_bytes(pickle.dumps([sprite for sprite in sprites if sprite]))
            scratch.rename(path)
        return path
