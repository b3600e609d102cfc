"""Rubber ducks from other people's models: deformed, repainted and dressed as our own are.

The models are not part of the project (SOURCES.md names them); without them these ducks are left
out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from training.props.characters import hooded, suited
from training.props.costumes import ACCESSORIES, HEADWEAR, costumed
from training.props.ducks import Duck, dress
from training.props.sprites import SPRITE_SETS, Maker
from training.rendering.colours import Random, beak_orange
from training.rendering.meshes import Mesh, load_mesh
from training.rendering.ray_marcher import Paint, Part
from training.rendering.shapes import Floats, vector

# Shares of ducks: as made, plain up to, not painted up to; the rest wears a painted costume.
AS_MADE, PLAIN, NOT_PAINTED = 0.12, 0.4, 0.72
SIZE = 2.4  # a model's longest side among our own shapes, whose bodies are 2 long


@dataclass(frozen=True)
class Proportions:
    """Of a model: head and body as (forwards, up) and radii (forwards, up, aside)."""

    head: tuple[float, float]
    skull: tuple[float, float, float]
    middle: tuple[float, float]
    body: tuple[float, float, float]
    weight: float = 1.0  # how often the model is used


MODELS = {
    "polyhaven_rubber_duck_toy": Proportions(
        (0.12, 0.71), (0.26, 0.25, 0.24), (0.0, 0.24), (0.48, 0.25, 0.36)
    ),
    "emilsvfx_rubber_duck": Proportions(
        (0.14, 0.80), (0.22, 0.20, 0.22), (0.03, 0.24), (0.45, 0.26, 0.34), 0.6
    ),
    "willie_thingiverse139894": Proportions(  # the same shape
        (0.14, 0.80), (0.22, 0.20, 0.22), (0.03, 0.24), (0.45, 0.26, 0.35), 0.4
    ),
    "ikki3d_rubber_duck": Proportions(
        (0.13, 0.63), (0.26, 0.22, 0.23), (-0.02, 0.22), (0.45, 0.24, 0.38)
    ),
    "darien_rubber_duck": Proportions(
        (0.13, 0.73), (0.29, 0.26, 0.28), (0.0, 0.27), (0.48, 0.28, 0.41)
    ),
    "polygoogle_rubber_duck": Proportions(
        (0.17, 0.63), (0.18, 0.19, 0.19), (-0.02, 0.20), (0.44, 0.22, 0.28), 0.4
    ),
}
# Neither trained on nor reported on: what thresholds are chosen with.
TUNING = {
    "creativetrio_rubber_duck": Proportions(
        (0.10, 0.68), (0.29, 0.24, 0.32), (0.0, 0.24), (0.48, 0.28, 0.43)
    ),
}
# Only reported on: what the validation set's models are.
HELD_OUT = {
    "laurieannis_rubber_duck": Proportions(
        (0.08, 0.72), (0.27, 0.23, 0.26), (0.0, 0.25), (0.48, 0.26, 0.42)
    ),
    "ryanking_rubber_duck": Proportions(
        (0.10, 0.68), (0.24, 0.24, 0.25), (-0.05, 0.23), (0.42, 0.25, 0.35)
    ),
}
# Points (3, n) to the model's own colours there, and whether they are the body's.
Surface = Callable[[Floats], tuple[Floats, np.ndarray]]


def deformed(mesh: Mesh, of: Proportions, rng: Random) -> tuple[Duck, Surface]:
    """A model stretched along its axes, leaning, with a larger or smaller head."""
    stretch = SIZE * vector(*rng.uniform(0.9, 1.12, 3))
    lean, swell = rng.uniform(-0.15, 0.15), rng.uniform(-0.12, 0.15)
    middle = vector(of.middle[0], of.middle[1], 0)
    neck = of.head[1] - of.skull[1]

    def to_mesh(p: Floats) -> Floats:
        q = np.asarray(p / stretch + middle, np.float32)
        q[0] -= lean * (q[1] - middle[1, 0])
        wide = 1 + swell * np.tanh((q[1] - neck) / 0.1)
        q[0] = (q[0] - of.head[0]) / wide + of.head[0]
        q[2] /= wide
        return q

    bound = np.float32(stretch.min() * (1 - abs(lean)) * (1 - abs(swell)))

    def shape(p: Floats) -> Floats:
        return np.asarray(mesh.distance(to_mesh(p)) * bound, np.float32)

    def surface(p: Floats) -> tuple[Floats, np.ndarray]:
        return mesh.nearest(to_mesh(p))

    head = vector(of.head[0] + lean * (of.head[1] - of.middle[1]), of.head[1], 0)
    larger = 1 + swell * float(np.tanh(of.skull[1] / 0.1))
    skull = vector(of.skull[0] * larger, of.skull[1], of.skull[2] * larger) * stretch
    vinyl = Part(shape, lambda p: surface(p)[0], rng.uniform(0.35, 1.0))
    floor = -float(stretch[1, 0]) * of.middle[1]
    duck = Duck((vinyl,), (head - middle) * stretch, skull, vector(*of.body) * stretch, floor)
    return duck, surface


def repainted(surface: Surface, body: Paint, rng: Random) -> Paint:
    """Another paint on the body; half of the beaks get another orange; eyes stay."""
    beak = np.array(beak_orange(rng), np.float32)[:, None]
    changes_beak = rng.random() < 0.5

    def paint(p: Floats) -> Floats:
        colour, is_body = surface(p)
        if changes_beak:
            reddish = ~is_body & (colour[0] > 0.5) & (colour[2] < 0.5)
            colour[:, reddish] = beak * (colour[0, reddish] / 0.9)
        colour[:, is_body] = body(p[:, is_body])
        return np.clip(colour, 0, 1)

    return paint


def character(mesh: Mesh, of: Proportions, rng: Random) -> tuple[str, list[Part]]:
    """One duck from a model, with its kind: plain, costumed or painted."""
    duck, surface = deformed(mesh, of, rng)
    kind = rng.random()
    if kind < AS_MADE:
        return "plain", list(duck.parts)
    body = dress(rng)[0]
    if kind > NOT_PAINTED:
        body = suited(duck, rng) if rng.random() < 0.8 else body
        body = hooded(duck, rng, body) if rng.random() < 0.45 else body
    vinyl = replace(duck.parts[0], paint=repainted(surface, body, rng))
    duck = replace(duck, parts=(vinyl,))
    if kind < PLAIN:
        return "plain", [vinyl]
    if kind < NOT_PAINTED:
        return "costumed", costumed(duck, rng)
    parts = [vinyl]
    if rng.random() < 0.55:
        parts += HEADWEAR[rng.integers(len(HEADWEAR))](duck, rng)
    if rng.random() < 0.5:
        parts += ACCESSORIES[rng.integers(len(ACCESSORIES))](duck, rng)
    return "painted", parts


@cache
def _loaded(folder: Path, kept: Path) -> Mesh:
    return load_mesh(folder, kept)


@dataclass(frozen=True)
class MeshDucks:
    """Makes ducks of the models in a folder. Picklable, for worker processes."""

    folder: Path
    kept: Path  # where distance grids are cached
    models: Mapping[str, Proportions]

    def __call__(self, rng: Random) -> tuple[str, list[Part]]:
        weights = np.array([of.weight for of in self.models.values()])
        name = list(self.models)[rng.choice(len(self.models), p=weights / weights.sum())]
        return character(_loaded(self.folder / name, self.kept), self.models[name], rng)


def with_mesh_ducks(folder: Path, kept: Path) -> dict[str, tuple[Maker, int]]:
    """Return all sprite sets, with ducks of the models in `folder`; `kept` caches their grids."""
    return SPRITE_SETS | {
        "mesh_ducks": (MeshDucks(folder, kept, MODELS), 11),
        "tuning_mesh_ducks": (MeshDucks(folder, kept, TUNING), 13),
        "held_out_mesh_ducks": (MeshDucks(folder, kept, HELD_OUT), 12),
    }
