"""The numbers that turn features into an embedding; `training/named_ducks/fit.py` makes the file.

They were fitted on ducks rendered by this project alone. Whatever changes in this file, in the
detector's, in the trunk's or in the code that reads them, changes the embedding's version.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE = Path(__file__).with_name("projection.npz")
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """What was learned of rendered ducks, none of which anybody has named.

    `duck_weights` (channels), `duck_places` (cells of the map) and `duck_offset` give the log odds
    that a cell shows the duck. `offset` (features) and `axes` (features, DIMENSIONS) turn features
    into a vector. The cohort are ducks that answers are compared with: `cohort_means` (ducks,
    DIMENSIONS) and `cohort_photos` (photos, DIMENSIONS), of length 1. A score of `threshold` means
    as likely right as wrong; `slope` is that of the log odds.
    """

    duck_weights: Floats
    duck_places: Floats
    duck_offset: Floats
    offset: Floats
    axes: Floats
    cohort_means: Floats
    cohort_photos: Floats
    threshold: float
    slope: float
    sha256: str


@cache
def shipped_projection(file: Path = FILE) -> Projection:
    """Return the numbers of a file, read once in a process."""
    with np.load(file, allow_pickle=False) as arrays:
        read = {name: arrays[name].astype(np.float32) for name in arrays.files}
    threshold, slope = float(read.pop("threshold")), float(read.pop("slope"))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Projection(**read, threshold=threshold, slope=slope, sha256=sha256)
