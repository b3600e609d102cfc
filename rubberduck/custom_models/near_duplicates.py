"""Find pictures that show nearly the same, and pictures of one burst.

A difference hash of our own, ten lines of Pillow and numpy: imagehash 4.3 brings scipy and
PyWavelets (150 MB) for the same hash, and ignores Exif's turn; dhash 1.4 calls what Pillow 14
removes. Pairs are found by parts of the hash that are equal, so 250,000 pictures need no
comparison of each with each; imagehash has no search, and pybktree walks a tree in Python.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rubberduck.custom_models.dataset import InvalidDataset
from rubberduck.custom_models.pictures import FORMATS
from rubberduck.imaging.orientation import BROKEN

SIDE = 8
BITS = 2 * SIDE * SIDE  # differences to the right and downwards
# Bits that may differ: docs/datasets.md has what was measured.
MAX_DISTANCE = 14
BURST = timedelta(seconds=2)  # between two pictures of one camera
BLOCK = 1 << 22  # pairs compared at once


def difference_hash(path: Path) -> bytes | None:
    """Return 16 bytes that are nearly equal for pictures that look the same, upright and small.

    None for a picture without contrast: all such pictures would count as the same. Raises
    InvalidDataset if it cannot be decoded.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft("L", (8 * SIDE, 8 * SIDE))  # lets libjpeg decode an eighth of the pixels
            return hash_of(ImageOps.exif_transpose(image))
    except (*BROKEN, Image.DecompressionBombError) as error:
        problem = f"it cannot be decoded ({error})"
        raise InvalidDataset(path, "", problem, "Replace the file, or remove it") from None


def hash_of(image: Image.Image) -> bytes | None:
    """Return the difference hash of an upright picture, None without contrast."""
    small = image.convert("L").resize((SIDE + 1, SIDE + 1), Image.Resampling.BOX)
    pixels = np.asarray(small, np.int16)
    if np.ptp(pixels) < SIDE:
        return None
    right = pixels[:-1, 1:] > pixels[:-1, :-1]
    down = pixels[1:, :-1] > pixels[:-1, :-1]
    return np.packbits(np.concatenate([right.ravel(), down.ravel()])).tobytes()


def nearest(value: bytes, hashes: Sequence[bytes], distance: int = MAX_DISTANCE) -> int | None:
    """Return the index of the hash that differs least, at most in `distance` bits, or None."""
    if not hashes:
        return None
    words = np.frombuffer(b"".join(hashes), np.uint64).reshape(len(hashes), -1)
    apart = np.bitwise_count(words ^ np.frombuffer(value, np.uint64)).sum(axis=1)
    best = int(apart.argmin())
    return best if apart[best] <= distance else None


def near_duplicates(
    hashes: Sequence[bytes | None], distance: int = MAX_DISTANCE
) -> Iterator[tuple[int, int]]:
    """Yield the indices of pairs whose hashes differ in at most `distance` bits.

    Of hashes cut into distance + 1 parts, two that are so near share at least one part.
    """
    known = np.array([i for i, value in enumerate(hashes) if value is not None])
    if known.size < 2:
        return
    packed = np.frombuffer(b"".join(h for h in hashes if h is not None), np.uint8)
    packed = packed.reshape(len(known), -1)
    bits = np.unpackbits(packed, axis=1)
    words = packed.copy().view(np.uint64)
    for part in np.array_split(bits, distance + 1, axis=1):
        keys = part.astype(np.int64) @ (1 << np.arange(part.shape[1], dtype=np.int64))
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
        for same in np.split(order, starts[1:]):
            yield from _near_pairs(same, words, known, distance)


def _near_pairs(
    same: np.ndarray, words: np.ndarray, known: np.ndarray, distance: int
) -> Iterator[tuple[int, int]]:
    """Compare the pictures of one bucket with each other, some rows at a time."""
    rows = max(1, BLOCK // max(1, len(same)))
    for start in range(0, len(same) if len(same) > 1 else 0, rows):
        these = same[start : start + rows]
        apart = np.bitwise_count(words[these, None] ^ words[None, same]).sum(axis=2)
        for row, column in np.argwhere(apart <= distance):
            if start + row < column:
                yield int(known[these[row]]), int(known[same[column]])


def bursts(taken: Iterable[tuple[datetime | None, str | None]]) -> Iterator[tuple[int, int]]:
    """Yield pairs of pictures that one camera took within BURST of each other."""
    by_camera: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for index, (moment, camera) in enumerate(taken):
        if moment is not None:
            by_camera[camera or ""].append((moment, index))
    for shots in by_camera.values():
        shots.sort()
        for (earlier, first), (later, second) in pairwise(shots):
            if later - earlier <= BURST:
                yield first, second
