"""What samples say: the verdict at any threshold, shares of time, segments, places."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from rubberduck.core.models import Box, Label
from rubberduck.core.question_file import load_question
from rubberduck.core.rules import RUBBER_DUCK, BoxRule, Group, Question
from rubberduck.core.settings import ROOT
from rubberduck.videos.models import Sample
from rubberduck.videos.timeline import (
    heat_map,
    judge_video,
    label_segments,
    label_shares,
)

REAL_DUCK = load_question(ROOT / "questions" / "real-duck.toml")
MUGS = Question(
    "Is there a mug?", (Group("mug or cup", any_of=("mug", "cup")),), boxes=BoxRule(("mug", "cup"))
)
PLACE = (0.2, 0.2, 0.3, 0.3)


def label(name: str, confidence: float, *places: tuple[float, float, float, float]) -> Label:
    return Label(name, confidence, tuple(Box(*place, name, confidence) for place in places))


def duck(confidence: float = 90.0, place: tuple[float, float, float, float] = PLACE) -> list[Label]:
    """What the embedded detector says of a rubber duck."""
    return [label(name, confidence, place) for name in ("Duck", "Bird", "Toy")]


def samples(*labels: list[Label], rate: float = 5.0) -> list[Sample]:
    return [Sample(n, n / rate, tuple(each)) for n, each in enumerate(labels)]


NOTHING: list[Label] = []


def test_a_duck_is_one_object_and_its_score_the_median() -> None:
    seen = samples(*[duck(score) for score in (80.0, 99.0, 90.0, 60.0, 95.0)])
    verdict = judge_video(RUBBER_DUCK, seen, end_seconds=1.0)
    assert (verdict.found, verdict.score, len(verdict.tracks)) == (True, 90.0, 1)
    (track,) = verdict.tracks
    assert (track.label, track.id) == ("Rubber duck", 1)
    assert track.seen_seconds == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ([NOTHING] * 150 + [duck(99.0)] + [NOTHING] * 149, False),
        ([duck()] * 150 + [NOTHING] + [duck()] * 149, True),
        ([duck()] * 150 + [[label("Duck", 90.0, PLACE)]] + [duck()] * 149, True),
        ([NOTHING] * 300, False),
        ([], False),
        ([duck(99.0)], False),
        ([duck(99.0)] * 2, True),
    ],
    ids=["one false", "one overlooked", "one without toy", "none", "empty", "one frame", "two"],
)
def test_one_false_frame_of_three_hundred_never_flips_the_answer(
    seen: list[list[Label]], found: bool
) -> None:
    verdict = judge_video(RUBBER_DUCK, samples(*seen), end_seconds=60.0)
    assert verdict.found is found
    assert len(verdict.tracks) == found


def test_a_threshold_drops_what_is_less_sure() -> None:
    """Two ducks, one surer than the other."""
    other = (0.7, 0.6, 0.2, 0.2)
    both = [
        Label(name, 90.0, (Box(*PLACE, name, 90.0), Box(*other, name, 60.0)))
        for name in ("Duck", "Bird", "Toy")
    ]
    seen = samples(*[both] * 10)
    counts = [len(judge_video(RUBBER_DUCK, seen, at).tracks) for at in (0, 35, 60, 61, 90, 91)]
    assert counts == [2, 2, 2, 1, 1, 0]


def test_unsure_samples_hold_a_track_together() -> None:
    seen = samples(*[duck()] * 5, *[duck(20.0)] * 20, *[duck()] * 5)
    (track,) = judge_video(RUBBER_DUCK, seen).tracks
    assert (track.first_seconds, track.last_seconds, track.score) == (0.0, 5.8, 90.0)
    assert len(judge_video(RUBBER_DUCK, seen, 10.0).tracks) == 1
    gone = samples(*[duck()] * 5, *[NOTHING] * 20, *[duck()] * 5)
    assert len(judge_video(RUBBER_DUCK, gone).tracks) == 2


def test_labels_without_boxes_count_as_runs() -> None:
    """Amazon boxes few things; then how many there are is not known, only when."""
    plain = [Label("Duck", 80.0), Label("Toy", 70.0)]
    seen = samples(*[NOTHING] * 5, *[plain] * 10, *[NOTHING] * 20, *[plain], *[NOTHING] * 3)
    verdict = judge_video(RUBBER_DUCK, seen, end_seconds=8.0)
    (run,) = verdict.tracks  # the single one at the end is not believed
    assert (run.first_seconds, run.last_seconds, run.score) == (1.0, 2.8, 75.0)
    assert run.best.box is None
    assert run.seen_seconds == pytest.approx(2.0)
    # Beside a track with boxes they are the same duck.
    near = samples(*[duck()] * 10, *[plain] * 5, *[duck()] * 10)
    assert [track.best.box is None for track in judge_video(RUBBER_DUCK, near).tracks] == [False]


def test_a_group_of_labels_that_must_be_missing() -> None:
    real = [label("Duck", 90.0, PLACE), label("Bird", 90.0, PLACE)]
    assert judge_video(REAL_DUCK, samples(*[real] * 5)).found
    assert not judge_video(REAL_DUCK, samples(*[duck()] * 5)).found
    faint_toy = [*real, Label("Toy", 20.0)]
    assert judge_video(REAL_DUCK, samples(*[faint_toy] * 5)).found
    assert not judge_video(REAL_DUCK, samples(*[faint_toy] * 5), 15.0).found


def test_the_rule_is_applied_to_each_object() -> None:
    """A bird and a toy elsewhere: what has no box on an object counts as it does in a picture."""
    apart = [label("Bird", 90.0, PLACE), label("Toy", 40.0, (0.7, 0.7, 0.2, 0.2))]
    verdict = judge_video(RUBBER_DUCK, samples(*[apart] * 5))
    assert [track.score for track in verdict.tracks] == [65.0, 65.0]


def test_custom_labels_are_followed_by_their_names() -> None:
    two = [label("mug", 90.0, (0.1, 0.1, 0.2, 0.2)), label("cup", 80.0, (0.6, 0.6, 0.2, 0.2))]
    verdict = judge_video(MUGS, samples(*[two] * 5))
    assert sorted((track.label, track.score) for track in verdict.tracks) == [
        ("cup", 80.0),
        ("mug", 90.0),
    ]


def test_shares_of_time_overall_and_by_minute() -> None:
    """As the brand-detection sample shows them, but of time, since samples are not equally far."""
    seen = [
        Sample(0, 0.0, (Label("Duck", 90.0),)),
        Sample(1, 50.0, (Label("Duck", 90.0), Label("Toy", 30.0))),  # until 80 s
        Sample(2, 80.0, ()),
        Sample(3, 90.0, (Label("Toy", 90.0),)),  # until the end at 100 s
    ]
    shares = label_shares(seen, 100.0)
    assert shares.overall.labels == pytest.approx({"Duck": 0.8, "Toy": 0.4})
    first, second = shares.minutes
    assert (first.start_seconds, first.end_seconds, second.end_seconds) == (0.0, 60.0, 100.0)
    assert first.labels == pytest.approx({"Duck": 1.0, "Toy": 10 / 60})
    assert second.labels == pytest.approx({"Duck": 0.5, "Toy": 30 / 40})
    assert label_shares(seen, 100.0, 50.0).overall.labels == pytest.approx(
        {"Duck": 0.8, "Toy": 0.1}
    )
    empty = label_shares([], 0.0)
    assert (empty.overall.labels, len(empty.minutes)) == ({}, 1)


@given(st.lists(st.booleans(), min_size=1, max_size=400), st.sampled_from([0.3, 1.0, 5.0, 7.0]))
def test_shares_and_segments_agree(present: list[bool], rate: float) -> None:
    seen = samples(*[[Label("Duck", 90.0)] if each else [] for each in present], rate=rate)
    end = len(present) / rate
    shares = label_shares(seen, end)
    ours = [segment.end_seconds - segment.start_seconds for segment in label_segments(seen, end)]
    assert shares.overall.labels.get("Duck", 0.0) * end == pytest.approx(sum(ours))
    by_minute = sum(
        share.labels.get("Duck", 0.0) * (share.end_seconds - share.start_seconds)
        for share in shares.minutes
    )
    assert by_minute == pytest.approx(sum(ours))
    assert sum(ours) == pytest.approx(sum(present) / rate)


def test_segments_of_each_label() -> None:
    faint = replace(label("Duck", 40.0), parents=("Bird",))
    seen = samples(NOTHING, [faint], duck(), NOTHING, duck(60.0), rate=1.0)
    ducks = [s for s in label_segments(seen, 6.0) if s.label == "Duck"]
    assert [(s.start_seconds, s.end_seconds, s.confidence) for s in ducks] == [
        (1.0, 3.0, 90.0),
        (4.0, 6.0, 60.0),
    ]
    assert ducks[0].parents == ("Bird",)
    sure = [s for s in label_segments(seen, 6.0, 80.0) if s.label == "Toy"]
    assert [(s.start_seconds, s.end_seconds) for s in sure] == [(2.0, 3.0)]


def test_the_heat_map_has_the_seconds_of_each_place() -> None:
    left, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.5, 0.5, 0.5)
    seen = samples(*[duck(place=left)] * 10, *[NOTHING] * 20, *[duck(place=right)] * 5)
    tracks = judge_video(RUBBER_DUCK, seen, end_seconds=7.0).tracks
    upper, lower = heat_map(tracks, columns=4, rows=2)
    assert upper == pytest.approx((2.0, 2.0, 0.0, 0.0))
    assert lower == pytest.approx((2.0, 2.0, 1.0, 1.0))
    speck = judge_video(RUBBER_DUCK, samples(*[duck(place=(0.999, 0.999, 1e-4, 1e-4))] * 5))
    assert sum(map(sum, heat_map(speck.tracks))) == pytest.approx(0.8)
