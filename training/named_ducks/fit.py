"""Make rubberduck/named_objects/projection.npz: `python -m training.named_ducks.fit`.

Photographs are kept in .cache/training/named_ducks; rendering them takes some twenty minutes on two
cores. FIT gives the classifier of cells, the axes and the cohort; TUNING gives the threshold.
JUDGED is not read here: tests/soak/test_which.py has the figures.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.core.settings import ROOT
from rubberduck.custom_models.trunk import CELLS, Window, shipped_trunk, square_view
from rubberduck.detectors.boxes import boxes_of
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.named_objects.embedding import of_length_one
from rubberduck.named_objects.features import cells_and_colours, features, window_around
from rubberduck.named_objects.matching import scores
from rubberduck.named_objects.projection import FILE, Floats, Projection, shipped_projection
from training.named_ducks.photographs import (
    FIT,
    TUNE,
    TUNE_TOO,
    DuckSet,
    is_enrolled,
    numbers_of,
    photograph,
)

TUNING = {"TUNE": TUNE, "TUNE_TOO": TUNE_TOO}
CACHE = ROOT / ".cache" / "training" / "named_ducks"
CELLS_SAMPLED = 40  # of each photograph, for the classifier
PENALTY = 20.0  # of the classifier's weights
COMPONENTS, DIMENSIONS = 500, 100  # of the features, and of the embedding
SHRINKAGE = 0.1  # of the scatter within ducks, towards a ball
COHORT_PHOTOS = 5  # whose mean stands for a duck of the cohort, as of a known one
REFUSED = 0.95  # of the strangers of TUNING: they are few, so more than is promised
SLOPE = 1.3  # of the log odds in a score: a logistic regression of TUNING's first answers has 1.28


@dataclass(frozen=True)
class Seen:
    """A set's photographs as the trunk sees them; `masks` are shares of each cell."""

    ducks: np.ndarray  # (photographs,)
    numbers: np.ndarray
    cells: list[np.ndarray]  # float16 (channels, CELLS ** 2)
    colours: list[Floats]
    masks: list[Floats]  # (CELLS ** 2,), of FIT alone


def render(of: DuckSet, folder: Path, place: tuple[int, int]) -> None:
    file = _file(folder, place)
    if file.exists():
        return
    taken = photograph(of, *place)
    Image.fromarray(taken.mask).save(file.with_suffix(".mask"), "PNG")
    taken.image.save(file.with_suffix(".part"), "PNG")
    file.with_suffix(".part").rename(file)


def _file(folder: Path, place: tuple[int, int]) -> Path:
    return folder / f"{place[0]:03}-{place[1]:02}.png"


def rendered(of: DuckSet, folder: Path) -> list[tuple[tuple[int, int], Path]]:
    """Render what is missing of a set; return duck, number and file of each photograph."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [(duck, n) for duck in range(of.ducks) for n in numbers_of(of, duck)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(render, of, folder), places, chunksize=8))
    return [((duck, n), _file(folder, (duck, n))) for duck, n in places]


def look(name: str, of: DuckSet) -> Seen:
    """Run the trunk over the photographs of a set."""
    detector, trunk = OnnxDetector(), shipped_trunk()
    cells, colours, masks = [], [], []
    files = rendered(of, CACHE / name)
    for _, file in files:
        image = Image.open(file).convert("RGB")
        window = window_around(boxes_of(detector.evidence(image)[1], 50)[0].corners(image.size))
        found, shown = cells_and_colours(image, window, trunk)
        cells.append(found.astype(np.float16))
        colours.append(shown)
        if of is FIT:
            mask = Image.open(file.with_suffix(".mask")).convert("RGB")
            masks.append(_shares(square_view(mask, window), mask.size, window))
    ducks, numbers = np.array([place for place, _ in files]).T
    return Seen(ducks, numbers, cells, colours, masks)


def _shares(square: Image.Image, size: tuple[int, int], window: Window) -> Floats:
    """Return how much of each cell the duck covers; beyond the picture's edges nothing."""
    inside = square_view(Image.new("RGB", size, (255, 255, 255)), window)
    is_inside = np.asarray(inside)[..., 0] == 255
    covered = np.where(is_inside, np.asarray(square, np.float32)[..., 0] / 255, 0)
    step = square.width // CELLS
    return covered.reshape(CELLS, step, CELLS, step).mean((1, 3)).ravel().astype(np.float32)


def cell_classifier(seen: Seen) -> tuple[Floats, Floats, Floats]:
    """Return weights of the channels, a term for each place, and the offset: logistic regression.

    The place enters by its distances from the middle, and their squares.
    """
    rng = np.random.default_rng(FIT.seed)
    steps = np.linspace(-1, 1, CELLS, dtype=np.float32)
    place = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    place = np.concatenate([place**2, place], 1)
    inputs, targets = [], []
    for cells, mask in zip(seen.cells, seen.masks, strict=True):
        some = rng.choice(mask.size, CELLS_SAMPLED, replace=False)
        inputs.append(np.concatenate([cells.T[some].astype(np.float32), place[some]], 1))
        targets.append(mask[some])
    x, y = np.concatenate(inputs), np.concatenate(targets)
    mean, spread = x.mean(0), x.std(0) + 1e-6
    x = np.concatenate([(x - mean) / spread, np.ones((len(x), 1), np.float32)], 1)
    weights = np.zeros(x.shape[1], np.float32)
    for _ in range(6):  # iteratively reweighted least squares
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        curvature = (x * (p * (1 - p) + 1e-3)[:, None]).T @ x + PENALTY * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, x.T @ (y - p) - PENALTY * weights)
    scaled = (weights[:-1] / spread).astype(np.float32)
    offset = np.float32(weights[-1] - (mean * scaled).sum())
    return scaled[:-4], (place @ scaled[-4:]).astype(np.float32), np.array(offset)


def all_features(seen: Seen, classifier: tuple[Floats, Floats, Floats]) -> Floats:
    weights, places, offset = classifier
    rows = []
    for cells, colours in zip(seen.cells, seen.colours, strict=True):
        wide = cells.astype(np.float32)
        mask = 1 / (1 + np.exp(-np.clip(weights @ wide + places + offset, -30, 30)))
        rows.append(features(wide, colours, mask.reshape(CELLS, CELLS).astype(np.float32)))
    return np.stack(rows)


def discriminant_axes(rows: Floats, ducks: np.ndarray, blocks: list[int]) -> tuple[Floats, Floats]:
    """Return offset and axes: principal components, then linear discriminant analysis.

    Each block of features weighs the same: its total variance is 1.
    """
    offset = rows.mean(0)
    centred = rows - offset
    starts = np.cumsum([0, *blocks])
    weight = np.concatenate([
        np.full(size, 1 / np.sqrt(centred[:, start : start + size].var(0).sum()))
        for start, size in zip(starts, blocks, strict=False)
    ])  # fmt: skip
    scaled = centred * weight
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    best = np.argsort(-values)[:COMPONENTS]
    components = scaled.T @ (vectors[:, best] / np.sqrt(values[best]))
    reduced = scaled @ components
    names, of_which, counts = np.unique(ducks, return_inverse=True, return_counts=True)
    means = np.stack([reduced[of_which == i].mean(0) for i in range(len(names))])
    rest = reduced - means[of_which]
    within = rest.T @ rest / (len(reduced) - len(names))
    between = means.T @ means / len(names) - within / counts.mean()
    within += np.eye(len(within)) * np.trace(within) / len(within) * SHRINKAGE
    whitening = np.linalg.cholesky(np.linalg.inv(within))
    values, vectors = np.linalg.eigh(whitening.T @ between @ whitening)
    best = np.argsort(-values)[:DIMENSIONS]
    discriminants = whitening @ vectors[:, best] * np.maximum(values[best], 0) ** 0.25
    axes = weight[:, None] * (components @ discriminants)
    return offset.astype(np.float32), axes.astype(np.float32)


def write(classifier: tuple[Floats, Floats, Floats], seen: Seen) -> None:
    rows = all_features(seen, classifier)
    channels = len(seen.cells[0])
    counts = rows.shape[1] - 4 * channels
    offset, axes = discriminant_axes(rows, seen.ducks, [*[channels] * 4, counts])
    vectors = of_length_one(np.asarray((rows - offset) @ axes, np.float32))
    means = [
        vectors[(seen.ducks == duck) & (seen.numbers < COHORT_PHOTOS)].mean(0)
        for duck in np.unique(seen.ducks)
    ]
    arrays: dict[str, np.ndarray] = {
        "duck_weights": classifier[0],
        "duck_places": classifier[1],
        "duck_offset": classifier[2],
        "offset": offset,
        "axes": axes.astype(np.float16),
        "cohort_means": of_length_one(np.stack(means)).astype(np.float16),
        "cohort_photos": vectors.astype(np.float16),
    }
    _save(arrays, 0.0)
    projection = shipped_projection.__wrapped__()
    found = [
        answers(all_features(seen, classifier), seen, of, projection)
        for seen, of in ((look(name, of), of) for name, of in TUNING.items())
    ]
    _save(arrays, threshold(found))


@dataclass(frozen=True)
class Answers:
    """The scores of pictures of known ducks, and whether the likeliest is right; of strangers."""

    known: Floats
    is_right: np.ndarray
    strangers: Floats


def answers(rows: Floats, seen: Seen, of: DuckSet, projection: Projection) -> Answers:
    """Ask about a tuning set, by its features."""
    vectors = of_length_one(np.asarray((rows - projection.offset) @ projection.axes, np.float32))
    enrolled = np.array(
        [is_enrolled(of, d, n) for d, n in zip(seen.ducks, seen.numbers, strict=True)]
    )
    means = of_length_one(np.stack([
        vectors[enrolled & (seen.ducks == duck)].mean(0) for duck in range(of.known)
    ]))  # fmt: skip
    found = scores(vectors, means, projection)
    asked = (seen.ducks < of.known) & ~enrolled
    is_right = found[asked].argmax(1) == seen.ducks[asked]
    return Answers(found[asked].max(1), is_right, found[seen.ducks >= of.known].max(1))


def threshold(found: list[Answers]) -> float:
    """Return the score that refuses enough strangers; print what it does to the known."""
    strangers = np.concatenate([each.strangers for each in found])
    limit = float(np.quantile(strangers, REFUSED))
    for each in found:
        named = each.known >= limit
        print(
            f"tuning set: top-1 {each.is_right.mean():.3f}; at a score of {limit:.2f}, "
            f"{(each.strangers < limit).mean():.3f} of strangers are refused, of known ducks "
            f"{(each.is_right & named).mean():.3f} named right, "
            f"{(~each.is_right & named).mean():.3f} wrong"
        )
    return limit


def _save(arrays: dict[str, np.ndarray], limit: float) -> None:
    numbers = {"threshold": np.float32(limit), "slope": np.float32(SLOPE)}
    with FILE.open("wb") as file:
        np.savez_compressed(file, **arrays, **numbers)  # type: ignore[arg-type]


def main() -> None:
    seen = look("FIT", FIT)
    write(cell_classifier(seen), seen)


if __name__ == "__main__":
    main()
