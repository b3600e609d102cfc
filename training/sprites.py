"""Renders the cast: rubber ducks, costumed ducks and things that are neither, each a sprite."""

import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from training.characters import character
from training.colours import Random
from training.costumes import costumed
from training.ducks import duck
from training.goods import good
from training.others import other
from training.render import Part, Sprite, View, render

SIDE = 200
BATCH = 40


@dataclass(frozen=True)
class Player:
    """One sprite of the cast; `kind` is "plain", "costumed", or what else it is."""

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


DUCKS = (some_duck, character)
CASTS: dict[str, Callable[[Random], tuple[str, list[Part]]]] = {
    "ducks": some_duck,
    "characters": character,
    "others": other,
    "goods": good,
}


def play(make: Callable[[Random], tuple[str, list[Part]]], seed: tuple[int, ...]) -> Player | None:
    rng = np.random.default_rng(seed)
    kind, parts = make(rng)
    sprite = render(parts, some_view(rng), some_lamp(rng), SIDE)
    return Player(sprite, kind, make in DUCKS) if sprite else None


def _batch(folder: Path, name: str, seed: int, number: int) -> Path:
    path = folder / f"{name}-{seed}-{number:03}.pickle"
    if not path.exists():
        make = CASTS[name]
        players = (play(make, (seed, len(name), number, i)) for i in range(BATCH))
        scratch = path.with_suffix(".part")
        scratch.write_bytes(pickle.dumps([player for player in players if player]))
        scratch.rename(path)
    return path


def cast(folder: Path, name: str, seed: int, count: int, workers: int = 2) -> list[Player]:
    """`count` ducks or others; what was rendered before is read from the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        paths = pool.map(partial(_batch, folder, name, seed), range(-(-count // BATCH)))
        return [player for path in paths for player in pickle.loads(path.read_bytes())][:count]
