"""Triangle meshes of rubber ducks as distance fields, so that the ray marcher can render them.

A mesh becomes a grid of distances and a set of coloured surface points. Costumes, lighting and
paint then work on it as on the shapes of this project. trimesh reads and samples the file; its own
signed distance needs a watertight mesh, which none of the models is, so the sign is found here by
flooding the grid from outside.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import trimesh
from scipy.ndimage import distance_transform_edt, gaussian_filter, label, map_coordinates
from scipy.spatial import cKDTree

from training.rendering.shapes import Floats

CELL = 0.0125  # of the grid; a model's longest side is 1
MARGIN = 6  # cells around the model
SURFACE_POINTS = 150_000
COLOURED_POINTS = 60_000
WALL = 0.75 * CELL  # half of the thickness of a surface; keeps the flood out
BAND = 5 * CELL  # around the surface, in which distances are exact
SMOOTHING = 0.8  # cells: without it, light shows the grid
SAME_COLOUR = 0.25  # RGB distance (0 to 1) up to which a point has the body's colour


@dataclass(frozen=True)
class Mesh:
    """A model with x forwards, y up and z to a side, its base at y = 0, its longest side 1."""

    name: str
    origin: Floats  # (3, 1), of the grid's first cell
    distances: Floats  # grid (x, y, z)
    points: Floats  # (n, 3) on the surface
    colours: Floats  # (n, 3), 0 to 1
    is_body: np.ndarray  # (n,): the point has the body's colour, not the beak's or an eye's

    def distance(self, p: Floats) -> Floats:
        """Return the distance of points (3, n) to the surface; negative inside."""
        cells = (p - self.origin) / CELL
        last = np.array(self.distances.shape, np.float32)[:, None] - 1
        inside = np.clip(cells, 0, last)
        near = map_coordinates(self.distances, inside, order=1, mode="nearest")
        away = np.sqrt(((cells - inside) ** 2).sum(0)) * CELL
        return np.asarray(near + away, np.float32)

    def nearest(self, p: Floats) -> tuple[Floats, np.ndarray]:
        """Return the colours (3, n) of the surface next to points, and whether it is the body's."""
        _, index = cKDTree(self.points).query(p.T, workers=1)
        return np.ascontiguousarray(self.colours[index].T), self.is_body[index]


def load_mesh(folder: Path, cache: Path) -> Mesh:
    """Read `folder`/mesh.obj; the grid is kept in `cache`. Raises FileNotFoundError."""
    kept = cache / f"{folder.name}.npz"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        mesh = _voxelized(folder)
        scratch = kept.with_suffix(".part")
        with scratch.open("wb") as file:
            np.savez(file, **{k: v for k, v in vars(mesh).items() if k != "name"})
        scratch.rename(kept)
    with np.load(kept) as saved:
        return Mesh(folder.name, **saved)


def _voxelized(folder: Path) -> Mesh:
    path = folder / "mesh.obj"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: each model's folder needs a mesh.obj.")
    model = trimesh.load(path, force="mesh", process=False)
    sample = partial(trimesh.sample.sample_surface, model, sample_color=True, seed=1)
    points, _, colours = sample(SURFACE_POINTS)
    points = np.asarray(points, np.float32)[:, [2, 1, 0]]  # the beak points to +z in the file
    colours = np.asarray(colours[:, :3], np.float32) / 255
    low = points.min(0) - MARGIN * CELL
    shape = np.ceil((points.max(0) + MARGIN * CELL - low) / CELL).astype(int) + 1
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    # Far from the surface the distance need not be exact, only never too long.
    tree, start = cKDTree(points), grid * CELL + low
    away, _ = tree.query(start, distance_upper_bound=BAND, workers=1)
    away = np.minimum(away, BAND).reshape(shape).astype(np.float32)
    away += CELL * 0.9 * distance_transform_edt(away >= BAND)
    regions, _ = label(away > WALL)
    inside = (regions != regions[0, 0, 0]) & (away > WALL)
    distances = np.where(inside, -away - WALL, away - WALL)
    few = slice(COLOURED_POINTS)
    median = np.median(colours, 0)
    is_body = np.sqrt(((colours - median) ** 2).sum(1)) < SAME_COLOUR
    return Mesh(
        folder.name,
        low.astype(np.float32)[:, None],
        gaussian_filter(distances, SMOOTHING).astype(np.float32),
        points[few],
        colours[few].astype(np.float32),
        is_body[few],
    )
