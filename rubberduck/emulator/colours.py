"""IMAGE_PROPERTIES of DetectLabels: dominant colours and quality, computed from the pixels."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from rubberduck.core.models import Box, Label

SIDE = 128  # pixels: colours of a small copy are those of the picture
COLOURS = 12
# The twelve names that the service simplifies to, and where they lie.
SIMPLIFIED = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (220, 20, 30),
    "orange": (255, 140, 0),
    "yellow": (250, 220, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 220),
    "purple": (130, 40, 150),
    "pink": (250, 160, 190),
    "brown": (120, 70, 30),
}
CSS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "darkgray": (169, 169, 169),
    "lightgray": (211, 211, 211),
    "dimgray": (105, 105, 105),
    "red": (255, 0, 0),
    "darkred": (139, 0, 0),
    "orange": (255, 165, 0),
    "gold": (255, 215, 0),
    "yellow": (255, 255, 0),
    "khaki": (240, 230, 140),
    "green": (0, 128, 0),
    "darkolivegreen": (85, 107, 47),
    "yellowgreen": (154, 205, 50),
    "teal": (0, 128, 128),
    "skyblue": (135, 206, 235),
    "steelblue": (70, 130, 180),
    "blue": (0, 0, 255),
    "navy": (0, 0, 128),
    "slategray": (112, 128, 144),
    "purple": (128, 0, 128),
    "pink": (255, 192, 203),
    "saddlebrown": (139, 69, 19),
    "tan": (210, 180, 140),
    "beige": (245, 245, 220),
}
Pixels = npt.NDArray[np.uint8]


def image_properties(image: Any, labels: Iterable[Label], most: int | None) -> dict[str, Any]:
    """Return the properties of an upright picture, and of the places inside and outside boxes.

    `image` is a PIL image; `most` is the number of dominant colours.
    """
    small = image.resize((SIDE, SIDE))
    pixels, count = np.asarray(small), COLOURS if most is None else most
    inside = np.zeros((SIDE, SIDE), bool)
    for label in labels:
        for box in label.boxes:
            left, top, right, bottom = box.corners((SIDE, SIDE))
            inside[top:bottom, left:right] = True
    whole = _properties(pixels, np.ones_like(inside), count)
    if not inside.any():
        return whole
    return {
        **whole,
        "Foreground": _properties(pixels, inside, count),
        "Background": _properties(pixels, ~inside, count) if not inside.all() else None,
    }


def box_quality(image: Any, box: Box) -> dict[str, float]:
    """Return the brightness and sharpness of the part of a PIL image inside a box, 0 to 100."""
    left, top, right, bottom = box.corners(image.size)
    part = image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    pixels = np.asarray(part.resize((SIDE, SIDE)))
    quality = _quality(pixels, np.ones((SIDE, SIDE), bool))
    return {name: quality[name] for name in ("Brightness", "Sharpness")}


def _properties(pixels: Pixels, where: npt.NDArray[np.bool_], most: int) -> dict[str, Any]:
    return {
        "Quality": _quality(pixels, where),
        "DominantColors": _dominant(pixels[where], most),
    }


def _quality(pixels: Pixels, where: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return brightness, sharpness (the mean step to the next pixel) and contrast, 0 to 100."""
    grey = pixels.astype(np.float32).mean(axis=2)
    steps = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    values = grey[where]
    return {
        "Brightness": float(values.mean() / 2.55),
        "Sharpness": float(min(100.0, 5 * steps[where].mean())),
        "Contrast": float(min(100.0, values.std() / 1.275)),
    }


def _dominant(pixels: Pixels, most: int) -> list[dict[str, Any]]:
    """Return the most frequent colours, of the cube cut into 6 x 6 x 6 cells, each by its mean."""
    cells = (pixels.astype(np.int32) * 6 // 256) @ np.array([36, 6, 1])
    frequent = np.argsort(-np.bincount(cells, minlength=216), kind="stable")[:most]
    found = []
    for cell in frequent:
        own = pixels[cells == cell]
        if not len(own):
            break
        red, green, blue = (int(value) for value in own.mean(axis=0).round())
        found.append(
            {
                "Red": red,
                "Green": green,
                "Blue": blue,
                "HexCode": f"#{red:02x}{green:02x}{blue:02x}",
                "CSSColor": _nearest(CSS, (red, green, blue)),
                "SimplifiedColor": _nearest(SIMPLIFIED, (red, green, blue)),
                "PixelPercent": 100 * len(own) / len(pixels),
            }
        )
    return found


def _nearest(names: dict[str, tuple[int, int, int]], colour: tuple[int, int, int]) -> str:
    """
    >>> _nearest(SIMPLIFIED, (250, 215, 60)), _nearest(CSS, (250, 250, 250))
    ('yellow', 'white')
    """
    return min(
        names, key=lambda name: sum((a - b) ** 2 for a, b in zip(names[name], colour, strict=True))
    )
