"""Which boxes an answer shows, from places that are given."""

import numpy as np
import pytest

from rubberduck.detectors.boxes import boxes_of
from rubberduck.detectors.passes import View

Place = tuple[float, tuple[float, float, float, float]]  # probability; left, top, right, bottom


def view_of(*places: Place) -> View:
    probabilities = np.zeros((2, 4), np.float32)
    corners = np.zeros((2, 4, 4), np.float32)
    for i, (probability, box) in enumerate(places):
        probabilities.flat[i] = probability
        corners.reshape(-1, 4)[i] = box
    return View(0.9, 0.0, probabilities, corners)


DUCK: Place = (0.9, (0.1, 0.2, 0.4, 0.6))


def test_two_ducks_have_a_box_each_the_surest_first() -> None:
    found = boxes_of(view_of((0.6, (0.6, 0.2, 0.9, 0.6)), DUCK), 95.0)
    assert [round(box.left, 1) for box in found] == [0.1, 0.6]
    assert [box.confidence for box in found] == pytest.approx([95.0, 60.0], abs=1e-4)


def test_a_yes_has_a_box_however_unsure_its_place_is() -> None:
    (box,) = boxes_of(view_of((0.05, DUCK[1])), 55.0)
    assert box.confidence == 55.0


def test_of_two_ducks_that_are_hard_to_see_both_have_a_box() -> None:
    both = view_of((0.38, DUCK[1]), (0.36, (0.6, 0.2, 0.9, 0.6)), (0.34, (0.6, 0.7, 0.9, 0.9)))
    assert [round(box.left, 1) for box in boxes_of(both, 72.0)] == [0.1, 0.6]


@pytest.mark.parametrize(
    "ghost",
    [
        pytest.param((0.36, (0.6, 0.6, 0.8, 0.8)), id="far weaker than the best"),
        pytest.param((0.8, (0.12, 0.2, 0.4, 0.62)), id="the same duck again"),
        pytest.param((0.8, (0.2, 0.3, 0.3, 0.5)), id="inside a surer one"),
        pytest.param((0.8, (0.05, 0.1, 0.9, 0.9)), id="around a surer one"),
    ],
)
def test_ghosts_are_left_out(ghost: Place) -> None:
    assert len(boxes_of(view_of(DUCK, ghost), 95.0)) == 1


def test_in_a_crowd_a_half_hidden_duck_has_a_box() -> None:
    crowd = [(0.9, (x, 0.1, x + 0.2, 0.4)) for x in (0.0, 0.25, 0.5)]
    assert len(boxes_of(view_of(*crowd, (0.4, (0.75, 0.1, 0.95, 0.4))), 95.0)) == 4


def test_a_box_has_room_for_tail_and_beak_but_stays_in_the_picture() -> None:
    (box,) = boxes_of(view_of((0.9, (0.0, 0.5, 0.5, 1.0))), 95.0)
    assert (box.left, box.top + box.height) == (0.0, 1.0)
    assert box.top < 0.5 < box.width


def test_of_a_thousand_ducks_a_hundred_have_boxes() -> None:
    """As many as Rekognition would answer at most."""
    side = np.arange(40, dtype=np.float32) / 40
    left, top = np.meshgrid(side, side)
    corners = np.stack([left, top, left + 0.02, top + 0.02], -1)
    view = View(0.99, 0.0, np.full((40, 40), 0.9, np.float32), corners)
    assert len(boxes_of(view, 99.0)) == 100
