"""Data sets for the tests of the formats: random ones, their picture files, converting them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st
from PIL import Image

from rubberduck.custom_models.dataset import SPLITS, Box, Dataset, Picture
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions
from rubberduck.custom_models.turns import turned_size

LABELS = ("rubber duck", "Gans & Küken", "鴨", "a/b", "{x}")
NAMES = ("a.jpg", "b c.jpg", "sub/a.jpg", "sub/dir/ü.jpg", "d%20e+f.jpg", "g.jpg")


@st.composite
def boxes(draw: st.DrawFn, width: int, height: int, fractions: bool) -> Box:
    steps = 8 if fractions else 1
    left = draw(st.integers(0, width * steps - steps))
    top = draw(st.integers(0, height * steps - steps))
    wide = draw(st.integers(steps, width * steps - left))
    high = draw(st.integers(steps, height * steps - top))
    sides = (left / steps, top / steps, wide / steps, high / steps)
    return Box(draw(st.sampled_from(LABELS)), *sides, crowd=draw(st.booleans()))


@st.composite
def datasets(draw: st.DrawFn, fractions: bool = False) -> list[Picture]:
    """Draw pictures of all kinds: with boxes, with labels, empty, not labelled, turned, grouped."""
    pictures = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        width, height = draw(st.integers(2, 90)), draw(st.integers(2, 90))
        picture = Picture(
            name,
            width,
            height,
            turn=draw(st.integers(1, 8)),
            group=draw(st.sampled_from([None, "clip 1"])),
            split=draw(st.sampled_from([None, *SPLITS])),
        )
        if draw(st.booleans()):
            found = draw(st.lists(boxes(width, height, fractions), max_size=4))
            labels = draw(st.lists(st.sampled_from(LABELS), max_size=2, unique=True))
            picture = replace(picture, boxes=tuple(found), labels=tuple(labels))
        else:
            picture = replace(picture, labelled=False)
        pictures.append(picture)
    return pictures


def write_pictures(folder: Path, pictures: Iterable[Picture]) -> None:
    """Write a JPEG for each picture, stored as its Exif turn wants it."""
    for picture in pictures:
        assert picture.width
        assert picture.height
        image = Image.new("L", turned_size(picture.width, picture.height, picture.turn))
        exif = Image.Exif()
        exif[274] = picture.turn
        file = folder / picture.name
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, exif=exif)


def convert(
    pictures: Iterable[Picture],
    file: Path,
    format: str,
    writing: WriteOptions | None = None,
    reading: ReadOptions | None = None,
) -> tuple[Dataset, Dataset]:
    """Write and read again; return both data sets, the second with its pictures as a list."""
    first = Dataset(pictures)
    write(first, file, format, writing or WriteOptions())
    with opened(file, format, reading) as second:
        second.pictures = list(second.pictures)
    return first, second
