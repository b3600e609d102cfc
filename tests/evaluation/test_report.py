"""The figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubberduck.core.models import Box
from rubberduck.scoring.detection import Outcome, auc, best_overlap, measure


def outcome(truth: bool, found: bool, score: float = 0.0, fit: float | None = None) -> Outcome:
    return Outcome("duck" if truth else "no-duck", truth, found, score, 10.0, fit)


def test_the_figures_of_a_small_set() -> None:
    figures = measure(
        [
            outcome(True, True, 90, 0.8),
            outcome(True, True, 80, 0.4),
            outcome(True, False, 30),
            outcome(False, True, 60),
            outcome(False, False, 5),
        ]
    )
    assert figures.precision == figures.recall == figures.f1 == pytest.approx(2 / 3)
    assert figures.false_alarm_rate == 0.5
    assert (figures.boxed_pictures, figures.good_box_share) == (2, 0.5)
    assert figures.auc == pytest.approx(5 / 6)
    assert figures.milliseconds == 10.0


def test_nothing_found_has_no_precision() -> None:
    figures = measure([outcome(True, False)])
    assert (figures.precision, figures.recall, figures.f1) == (None, 0.0, 0.0)
    assert (figures.auc, figures.good_box_share) == (None, None)


def test_nothing_at_all() -> None:
    assert measure([]).milliseconds is None


SCORES = st.lists(st.sampled_from([0.0, 25.0, 50.0, 75.0]), min_size=1, max_size=12)


@given(SCORES, SCORES)
def test_the_auc_turns_round_with_the_sides(truths: list[float], others: list[float]) -> None:
    one, other = auc(truths, others), auc(others, truths)
    assert one is not None
    assert other is not None
    assert one + other == pytest.approx(1)


def box(left: float, top: float, width: float, height: float) -> Box:
    return Box(left, top, width, height, "Duck", 90)


SIDES = st.floats(0.01, 0.5)


@given(SIDES, SIDES, SIDES, SIDES, SIDES)
def test_overlap_is_even_and_whole_with_itself(
    left: float, top: float, width: float, height: float, shift: float
) -> None:
    one, other = box(left, top, width, height), box(left + shift, top, width, height)
    assert one.overlap(one) == pytest.approx(1)
    assert one.overlap(other) == pytest.approx(other.overlap(one))
    assert 0 <= one.overlap(other) < 1


def test_the_best_of_several_boxes_counts() -> None:
    truth = box(0.1, 0.1, 0.2, 0.2)
    assert best_overlap([box(0.6, 0.6, 0.1, 0.1), truth], [truth]) == pytest.approx(1)
    assert best_overlap([], [truth]) == 0.0
