"""What a named object looks like: features of the trunk and colours, pooled where the object is.

The embedded detector finds the duck; the trunk looks at a square around it. A linear classifier of
the trunk's cells tells the duck from what is behind it, so that the background counts for nothing.
"""

import numpy as np
from PIL import Image

from rubberduck.custom_models.trunk import CELLS, Trunk, Window, square_view
from rubberduck.named_objects.projection import Floats, Projection

ROOM = 1.2  # the square's side, in longer sides of the box
COLOUR_SIDE = 4 * CELLS  # pixels of the square whose colours are counted
HUES, GREYS = 36, 5  # bins of the colours, and of what has none
UPPER_CELLS, UPPER_COLOURS = 0.45, 0.4  # share of the object's area that counts as its upper part
SURE = 30.0  # log odds beyond which exp() says nothing new


def window_around(box: tuple[float, float, float, float]) -> Window:
    """Return the square around a box: left, top, right, bottom in pixels of the picture."""
    left, top, right, bottom = box
    side = max(right - left, bottom - top, 1.0) * ROOM
    return Window((left + right - side) / 2, (top + bottom - side) / 2, side)


def cells_and_colours(image: Image.Image, window: Window, trunk: Trunk) -> tuple[Floats, Floats]:
    """Return the trunk's cells (channels, CELLS ** 2), and hue, saturation and value from 0 to 1.

    Colours are (COLOUR_SIDE, COLOUR_SIDE, 3).
    """
    square = square_view(image, window)
    cells = trunk.features(np.asarray(square)).cells
    small = square.resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX).convert("HSV")
    colours = np.asarray(np.asarray(small, np.float32) / 255, np.float32)
    return cells.reshape(len(cells), -1), colours


def object_mask(cells: Floats, projection: Projection) -> Floats:
    """Return the probability of each cell, (CELLS, CELLS), that it shows the object."""
    odds = projection.duck_weights @ cells + projection.duck_places + projection.duck_offset
    return _as_map(1 / (1 + np.exp(-np.clip(odds, -SURE, SURE))))


def features(cells: Floats, colours: Floats, mask: Floats) -> Floats:
    """Return one vector: means and spreads of the cells, and counts of colours, where mask is."""
    mask = np.maximum(mask, 1e-6)
    weights = mask.ravel() / mask.sum()
    mean = cells @ weights
    spread = np.sqrt(np.maximum(cells**2 @ weights - mean**2, 0) + 1e-6)
    upper, lower = _parts(mask, UPPER_CELLS)
    parts = [cells @ part.ravel() / (part.sum() + 1e-6) for part in (upper, lower)]
    large = np.asarray(
        Image.fromarray(mask).resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BILINEAR)
    )
    counts = [_colour_counts(colours, part) for part in (large, *_parts(large, UPPER_COLOURS))]
    return np.concatenate([mean, spread, *parts, *counts]).astype(np.float32)


def _parts(mask: Floats, share: float) -> tuple[Floats, Floats]:
    """Return the mask of the upper part, which has `share` of its area, and that of the rest."""
    area = np.cumsum(mask.sum(1)) / mask.sum()
    is_upper = (area < share)[:, None]
    return mask * is_upper, mask * ~is_upper


def _colour_counts(colours: Floats, weights: Floats) -> Floats:
    """Return square roots of the shares of hues, then of greys by brightness, (HUES + GREYS,)."""
    hue, saturation, value = np.moveaxis(colours, 2, 0)
    # What is dark or pale has no hue to speak of.
    colourful = np.clip(saturation * 1.2, 0, 1) * np.clip(value * 2, 0, 1)
    place = hue * HUES
    lower = np.floor(place).astype(int)
    nearness = place - lower
    hues = _histogram(lower % HUES, weights * colourful * (1 - nearness), HUES)
    hues += _histogram((lower + 1) % HUES, weights * colourful * nearness, HUES)
    brightness = np.minimum((value * GREYS).astype(int), GREYS - 1)
    greys = _histogram(brightness, weights * (1 - colourful), GREYS)
    shares = np.concatenate([hues, greys]) / (weights.sum() + 1e-6)
    return np.asarray(np.sqrt(shares), np.float32)


def _histogram(bins: np.ndarray, weights: Floats, count: int) -> Floats:
    return np.bincount(bins.ravel(), weights.ravel(), count).astype(np.float32)


def _as_map(values: Floats) -> Floats:
    return np.asarray(values, np.float32).reshape(CELLS, CELLS)
