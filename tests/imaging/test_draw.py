"""Boxes on a copy of the picture."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rubberduck.core.models import Box
from rubberduck.core.outlines import outlines
from rubberduck.imaging.draw import draw_boxes

HALF = Box(0.25, 0.25, 0.5, 0.5, "Duck", 98.4)


def grey(width: int = 400, height: int = 300) -> Image.Image:
    return Image.new("RGB", (width, height), (128, 128, 128))


def yellow(image: Image.Image) -> int:
    """How many pixels have the plates' colour."""
    difference = np.abs(np.asarray(image).astype(int) - (255, 212, 59)).sum(axis=2)
    return int((difference < 30).sum())


@pytest.mark.parametrize("width", [80, 81, 333, 640, 1023, 1279, 2047, 2048])
def test_the_drawing_has_the_pictures_own_size(width: int) -> None:
    assert draw_boxes(grey(width, 97), [HALF]).size == (width, 97)


def test_the_original_is_left_alone() -> None:
    picture = grey()
    draw_boxes(picture, [HALF])
    assert picture.getcolors() == [(400 * 300, (128, 128, 128))]


def test_only_the_box_and_its_label_are_painted() -> None:
    change = np.asarray(draw_boxes(grey(), [HALF])) != 128
    rows, columns = np.nonzero(change.any(axis=2))
    assert (columns.min(), columns.max()) == pytest.approx((100, 300), abs=6)
    assert rows.max() == pytest.approx(225, abs=6)
    assert rows.min() > 40  # the label sits on the box
    assert not change[85:215, 110:290].any()


@pytest.mark.parametrize("background", ["black", "white", "#ffd43b", "#1b1b1b", "red"])
def test_box_and_label_stand_out_on_any_background(background: str) -> None:
    plain = Image.new("RGB", (400, 300), background)
    drawn = np.asarray(draw_boxes(plain, [HALF])).astype(int)
    across = drawn[150, 90:110]  # over the left side of the box
    assert np.abs(across - np.asarray(plain)[0, 0].astype(int)).sum(axis=1).max() > 200
    label = drawn[58:70, 105:150].sum(axis=2)
    assert label.max() - label.min() > 400  # dark letters on a light plate


@given(
    left=st.floats(-0.5, 1.5),
    top=st.floats(-0.5, 1.5),
    width=st.floats(0, 2),
    height=st.floats(0, 2),
)
def test_corners_are_always_inside(left: float, top: float, width: float, height: float) -> None:
    x0, y0, x1, y1 = Box(left, top, width, height, "Duck", 50).corners((640, 480))
    assert 0 <= x0 <= x1 <= 640
    assert 0 <= y0 <= y1 <= 480


def test_the_label_stays_in_the_picture() -> None:
    everywhere = [Box(x, y, 0.2, 0.2, "Inflatable", 77.0) for x in (-0.1, 0.95) for y in (0, 0.9)]
    # Four whole plates; one cut off at the edge would be smaller.
    assert yellow(draw_boxes(grey(), everywhere)) > 4 * 600


@pytest.mark.parametrize("side", [80, 100, 160])
def test_a_label_wider_than_the_picture_is_written_smaller(side: int) -> None:
    names = [Box(0.2, 0.5, 0.5, 0.4, name, 96.0) for name in ("Duck", "Inflatable", "Toy")]
    drawn = np.asarray(draw_boxes(grey(side, side), names)).astype(int)
    # A whole plate has grey left and right of it, in every one of its rows.
    plate = np.abs(drawn - (255, 212, 59)).sum(axis=2) < 30
    rows = plate.sum(axis=1).argmax()
    assert (drawn[rows, 0] == 128).all()
    assert (drawn[rows, -1] == 128).all()


def test_one_thing_with_three_names_gets_one_frame() -> None:
    boxes = [Box(0.1, 0.1, 0.5, 0.5, name, 90.0 + i) for i, name in enumerate(["Toy", "Bird"])]
    assert [frame.text for frame in outlines([*boxes, HALF], (100, 100))] == [
        "Duck 98%",
        "Bird, Toy 91%",
    ]


def test_names_a_few_pixels_apart_share_a_frame_and_others_keep_clear() -> None:
    shifted = [Box(0.25 + i / 80, 0.25, 0.5, 0.5, name, 90.0 - i) for i, name in enumerate("AB")]
    assert [frame.text for frame in outlines(shifted, (400, 300))] == ["A, B 90%"]
    beside = Box(0.25, 0.26, 0.2, 0.3, "Toy", 80.0)
    one, both = (yellow(draw_boxes(grey(), boxes)) for boxes in ([HALF], [HALF, beside]))
    assert both > 1.4 * one  # the second plate hides nothing of the first


def test_a_box_without_area_is_not_drawn() -> None:
    assert outlines([Box(1.2, 0.1, 0.5, 0.5, "Duck", 90)], (100, 100)) == []


def test_a_name_that_looks_like_a_formula_is_only_a_name() -> None:
    assert draw_boxes(grey(), [Box(0.1, 0.3, 0.3, 0.3, r"$\frac{", 90)]).size == (400, 300)


def test_sixteen_threads_draw_what_one_draws() -> None:
    pictures = [grey(300 + 7 * i, 200) for i in range(16)]
    boxes = [[Box(0.1, 0.2, 0.03 * (i + 5), 0.5, f"Duck {i}", 50.0 + i)] for i in range(16)]
    alone = [draw_boxes(*each).tobytes() for each in zip(pictures, boxes, strict=True)]
    together: dict[int, list[bytes]] = {}

    def draw(i: int) -> None:
        together[i] = [draw_boxes(pictures[i], boxes[i]).tobytes() for _ in range(3)]

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[i] for i in range(16)] == [[each] * 3 for each in alone]
