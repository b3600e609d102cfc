"""The figures."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubberduck.core.models import Box, Label
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.scoring.detection import Outcome, best_overlap, deciding_score, measure
from rubberduck.scoring.intervals import auc_with_interval, f1_interval, share_interval


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
    one, other = auc_with_interval(truths, others), auc_with_interval(others, truths)
    assert one is not None
    assert other is not None
    assert one[0] + other[0] == pytest.approx(1)
    assert 0 <= one[1][0] <= one[0] <= one[1][1] <= 1


@given(SCORES, SCORES)
def test_the_auc_is_the_share_of_pairs_in_order(truths: list[float], others: list[float]) -> None:
    pairs = [(one > other) + 0.5 * (one == other) for one in truths for other in others]
    found = auc_with_interval(truths, others)
    assert found is not None
    assert found[0] == pytest.approx(sum(pairs) / len(pairs))


def test_the_auc_of_many_pictures_needs_little_memory() -> None:
    """200,000 scores: all pairs at once would take 80 GB."""
    half = [float(i) for i in range(100_000)]
    found = auc_with_interval([i + 0.5 for i in half], half)
    assert found is not None
    assert found[0] == pytest.approx(0.5, abs=1e-4)


PERCENT = st.floats(0, 100)


@given(PERCENT, PERCENT, PERCENT, PERCENT)
def test_the_score_ranks_by_what_decides(
    duck: float, bird: float, toy: float, threshold: float
) -> None:
    """At every threshold, the yeses are the pictures whose score reaches it."""
    labels = [Label("Duck", duck), Label("Bird", bird), Label("Toy", toy)]
    question = replace(RUBBER_DUCK, min_confidence=threshold)
    decides = deciding_score(RUBBER_DUCK, labels)
    assert judge(question, labels).found == (decides >= threshold)


def test_a_live_duck_ranks_below_a_missed_rubber_duck() -> None:
    live = [Label("Duck", 95.0), Label("Bird", 95.0), Label("Toy", 3.0)]
    missed = [Label("Duck", 30.0), Label("Bird", 30.0), Label("Toy", 30.0)]
    assert deciding_score(RUBBER_DUCK, live) < deciding_score(RUBBER_DUCK, missed)


def test_without_a_label_for_a_group_nothing_decides() -> None:
    assert deciding_score(RUBBER_DUCK, [Label("Toy", 99.0)]) == 0.0


@given(st.integers(0, 50), st.integers(1, 50))
def test_an_interval_encloses_its_share(part: int, more: int) -> None:
    ends = share_interval(part, part + more)
    assert ends is not None
    assert 0 <= ends[0] <= part / (part + more) <= ends[1] <= 1


def test_more_pictures_make_narrower_intervals() -> None:
    few, many = f1_interval(9, 1, 1, 9), f1_interval(900, 100, 100, 900)
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < 0.9 < many[1] < few[1]


def test_the_intervals_of_known_counts() -> None:
    """As published for Wilson's interval: 81 of 263 gives 0.255 to 0.366 (Newcombe, 1998)."""
    assert share_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert share_interval(0, 0) is None
    assert f1_interval(0, 0, 0, 5) is None


def test_every_figure_has_its_interval() -> None:
    outcomes = [outcome(True, True, 90, 0.8), outcome(True, False, 20, 0.0)]
    outcomes += [outcome(False, True, 60), outcome(False, False, 5)]
    figures = measure(outcomes)
    assert set(figures.intervals) == {
        "precision",
        "recall",
        "f1",
        "false_alarm_rate",
        "good_box_share",
        "auc",
        "milliseconds",
    }
    for name, (low, high) in figures.intervals.items():
        assert low <= getattr(figures, name) <= high


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
