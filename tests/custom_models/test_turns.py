"""Exif turns: a box of the stored pixels and of the upright picture, against Pillow's turning."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from rubberduck.custom_models.dataset import Box, Picture
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions
from rubberduck.custom_models.turns import stored_box, turned_size, upright_box
from tests.support.datasets import convert, write_pictures

TURNS = range(1, 9)


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_box_is_where_pillow_shows_it(turn: int, tmp_path: Path) -> None:
    stored = Image.new("L", (40, 30))
    stored.paste(255, (3, 5, 13, 11))
    exif = Image.Exif()
    exif[274] = turn
    stored.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        upright = ImageOps.exif_transpose(image)
    box = upright_box(Box("duck", 3, 5, 10, 6), (40, 30), turn)
    assert (box.left, box.top, box.right, box.bottom) == upright.getbbox()
    assert turned_size(40, 30, turn) == upright.size


@given(st.sampled_from(TURNS), *[st.integers(0, 50)] * 2, *[st.integers(1, 50)] * 2)
def test_turning_back_gives_the_same_box(
    turn: int, left: int, top: int, width: int, height: int
) -> None:
    box = Box("duck", left, top, width, height, crowd=True)
    turned = upright_box(box, (100, 120), turn)
    assert stored_box(turned, turned_size(100, 120, turn), turn) == box


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_boxes_of_stored_pixels_come_back_without_an_error(
    format: str, turn: int, tmp_path: Path
) -> None:
    """For programs that ignore Exif, as cv2 with IMREAD_IGNORE_ORIENTATION and most of torch."""
    box = Box("duck", 30, 5, 10, 20)
    picture = Picture("a.jpg", 60, 40, (box,), turn=turn)
    write_pictures(tmp_path / "pictures", [picture])
    _, again = convert(
        [picture],
        tmp_path / "set",
        format,
        WriteOptions(pictures=tmp_path / "pictures", stored_pixels=True),
        ReadOptions(pictures=tmp_path / "pictures", pixels="stored"),
    )
    assert again.pictures == [picture]


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_a_size_that_only_fits_the_stored_pixels_tells_how_boxes_are_meant(
    turn: int, tmp_path: Path
) -> None:
    picture = Picture("a.jpg", 60, 40, (Box("duck", 30, 5, 10, 20),), turn=turn)
    write_pictures(tmp_path / "pictures", [picture])
    _, again = convert(
        [picture],
        tmp_path / "set.json",
        "coco",
        WriteOptions(stored_pixels=True),
        ReadOptions(pictures=tmp_path / "pictures"),
    )
    assert again.pictures == [picture]
    assert again.report.lines() == [
        "boxes of stored pixels were turned upright (once, first: a.jpg)"
    ]
