"""Figures agree with a reference of plain loops, and say what they cannot know."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rubberduck.core.models import Box
from rubberduck.custom_models.comparison import compare
from rubberduck.custom_models.dataset import InvalidDataset
from rubberduck.custom_models.evaluation import Evaluation, Figures
from rubberduck.custom_models.evaluation_summary import read_summary, write_summary
from rubberduck.custom_models.measuring import evaluate
from rubberduck.scoring.curves import Scored, average_precision
from rubberduck.scoring.matching import Answer, Target, TestedPicture

THRESHOLDS = {"cup": 0.5, "ball": 0.3}
Z = 1.959963984540054


def box(place: int, width: int = 4) -> Box:
    return Box(place / 12, 0.25, width / 12, 0.5, "", 100)


sides = st.builds(box, st.integers(0, 7), st.integers(2, 5))
labels = st.sampled_from(sorted(THRESHOLDS))
scores = st.integers(0, 10).map(lambda tenths: tenths / 10)  # so that some are equal
targets = st.builds(Target, labels, sides, st.sampled_from([False] * 4 + [True]))
answers = st.builds(Answer, labels, scores, sides)


@st.composite
def box_pictures(draw: st.DrawFn) -> list[TestedPicture]:
    return [
        TestedPicture(
            f"p{number}",
            draw(st.sampled_from("abcd")),
            tuple(draw(st.lists(targets, max_size=4))),
            tuple(draw(st.lists(answers, max_size=6))),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


@st.composite
def whole_pictures(draw: st.DrawFn) -> list[TestedPicture]:
    return [
        TestedPicture(
            f"p{number}",
            draw(st.sampled_from("abcd")),
            tuple(map(Target, draw(st.sets(labels)))),
            tuple(Answer(label, draw(scores)) for label in draw(st.sets(labels))),
        )
        for number in range(draw(st.integers(1, 12)))
    ]


@settings(max_examples=25, deadline=None)
@given(box_pictures())
def test_the_figures_of_boxes_are_those_of_plain_loops(pictures: list[TestedPicture]) -> None:
    compare_with_reference(pictures, evaluate(pictures, THRESHOLDS, "boxes", "validation"))


@settings(max_examples=25, deadline=None)
@given(whole_pictures())
def test_the_figures_of_whole_pictures_are_those_of_plain_loops(
    pictures: list[TestedPicture],
) -> None:
    compare_with_reference(pictures, evaluate(pictures, THRESHOLDS, "pictures", "validation"))


def compare_with_reference(pictures: list[TestedPicture], evaluation: Evaluation) -> None:
    totals = {}
    for one in evaluation.labels:
        by_group = counts(pictures, one.label, one.threshold)
        totals[one.label] = by_group
        same(one.figures, by_group)
        area = area_under_curve(pictures, one.label)
        assert one.figures.average_precision == pytest.approx(area, abs=1e-9)
        assert one.figures.auc == pytest.approx(share_of_pairs(pictures, one.label), abs=1e-9)
        having = [p for p in pictures if any(t.label == one.label for t in p.targets)]
        assert one.figures.pictures == len(having)
        assert one.figures.is_enough == (len(having) >= 10)
        if one.by_picture:
            found = [max_score(p, one.label) >= one.threshold for p in having]
            assert one.by_picture.right == sum(found)
            assert one.by_picture.missed == len(having) - sum(found)
    everything = {
        group: tuple(
            sum(totals[label].get(group, (0, 0, 0))[i] for label in THRESHOLDS) for i in range(3)
        )
        for group in {picture.group for picture in pictures}
    }
    same(evaluation.overall, everything)
    known = [one.figures.f1 for one in evaluation.labels if one.figures.f1 is not None]
    assert evaluation.mean.f1 == pytest.approx(sum(known) / len(known) if known else None)
    # The confusion matrix loses nothing: rows add up to the truth, columns to what was said.
    for one in evaluation.labels:
        sums = [sum(part) for part in zip(*totals[one.label].values(), strict=True)]
        right, false, missed = sums or (0, 0, 0)
        row = [evaluation.matrix.value(one.label, said) for said in evaluation.matrix.labels]
        column = [evaluation.matrix.value(truth, one.label) for truth in evaluation.matrix.labels]
        assert (sum(row), sum(column)) == (right + missed, right + false)
        assert evaluation.matrix.value(one.label, one.label) == right
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json()))) == evaluation


def same(figures: Figures, by_group: dict[str, tuple[int, ...]]) -> None:
    """Compare with the reference of counts, shares and Wilson's intervals over groups."""
    right, false, missed = (sum(group[i] for group in by_group.values()) for i in range(3))
    assert (figures.right, figures.false, figures.missed) == (right, false, missed)
    for name, whole in (("precision", right + false), ("recall", right + missed)):
        value = getattr(figures, name)
        assert value == pytest.approx(right / whole if whole else None, abs=1e-9)
        wholes = [(r, r + (f if name == "precision" else m)) for r, f, m in by_group.values()]
        assert figures.intervals.get(name) == pytest.approx(wilson(wholes), abs=1e-9)
    whole = 2 * right + false + missed
    assert figures.f1 == pytest.approx(2 * right / whole if whole else None, abs=1e-9)
    ends = wilson([(r, r + f + m) for r, f, m in by_group.values()])
    if ends is None:
        assert "f1" not in figures.intervals
    else:
        expected = [2 * end / (1 + end) for end in ends]
        assert figures.intervals["f1"] == pytest.approx(expected, abs=1e-9)


def wilson(groups: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    groups = [(part, whole) for part, whole in groups if whole]
    cases, number = sum(whole for _, whole in groups), len(groups)
    if not cases:
        return None
    share = sum(part for part, _ in groups) / cases
    size = float(number)
    if 0 < share < 1 and number > 1:
        squares = sum((part - share * whole) ** 2 for part, whole in groups)
        variance = squares / cases**2 * number / (number - 1)
        size = min(max(share * (1 - share) / variance, number), cases) if squares else cases
    middle = share + Z * Z / (2 * size)
    half = Z * math.sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    low, high = ((middle + sign * half) / (1 + Z * Z / size) for sign in (-1, 1))
    return min(max(low, 0), share), max(min(high, 1), share)


def counts(
    pictures: list[TestedPicture], label: str, threshold: float
) -> dict[str, tuple[int, ...]]:
    """Match anew at this threshold, without any use of the code under test but the overlap."""
    by_group: dict[str, list[int]] = {}
    for picture in pictures:
        sums = by_group.setdefault(picture.group, [0, 0, 0])
        truth = [t for t in picture.targets if t.label == label]
        free = [t for t in truth if not t.crowd]
        said = [a for a in picture.answers if a.label == label and a.score >= threshold]
        for answer in sorted(said, key=lambda a: -a.score):
            best = None
            for target in free:
                if iou(answer, target) >= 0.5 and (
                    best is None or iou(answer, target) > iou(answer, best)
                ):
                    best = target
            if best is not None:
                free = [target for target in free if target is not best]
                sums[0] += 1
            elif not any(inside(answer, t) >= 0.5 for t in truth if t.crowd):
                sums[1] += 1
        sums[2] += len(free)
    return {group: tuple(sums) for group, sums in by_group.items()}


def iou(answer: Answer, target: Target) -> float:
    if answer.box is None or target.box is None:
        return 1.0
    shared = common(answer.box, target.box)
    return shared / (area(answer.box) + area(target.box) - shared)


def inside(answer: Answer, crowd: Target) -> float:
    assert answer.box
    assert crowd.box
    return common(answer.box, crowd.box) / area(answer.box)


def common(one: Box, other: Box) -> float:
    """All boxes have the same top and height."""
    left = max(one.left, other.left)
    right = min(one.left + one.width, other.left + other.width)
    return max(0.0, right - left) * one.height


def area(one: Box) -> float:
    return one.width * one.height


def area_under_curve(pictures: list[TestedPicture], label: str) -> float | None:
    steps = sorted({a.score for p in pictures for a in p.answers if a.label == label}, reverse=True)
    total = sum(t.label == label and not t.crowd for p in pictures for t in p.targets)
    if not total:
        return None
    points = []
    for threshold in steps:
        found = counts(pictures, label, threshold).values()
        right, false = (sum(group[i] for group in found) for i in range(2))
        points.append((right / total, right / (right + false) if right + false else 0.0))
    sum_of_steps, before = 0.0, 0.0
    for number, (recall, _) in enumerate(points):
        sum_of_steps += (recall - before) * max(p for _, p in points[number:])
        before = recall
    return sum_of_steps


def test_the_curve_keeps_both_ends_of_each_fall_of_precision() -> None:
    """The line of the chart goes through the best precision of each recall, however long it is."""
    cup, elsewhere = box(0), box(7)
    scores = [0.9, 0.8, 0.7, 0.6]
    right = [
        TestedPicture(f"right {n}", f"{n}", (Target("cup", cup),), (Answer("cup", score, cup),))
        for n, score in enumerate(scores)
    ]
    wrong = [
        TestedPicture(f"wrong {n}", f"w{n}", (), (Answer("cup", score, elsewhere),))
        for n, score in enumerate((0.5, 0.4, 0.3))
    ]
    assert curve_of(right + wrong[:1]) == [(1, 0.25), (1, 0.5), (1, 0.75), (1, 1), (0.8, 1)]
    assert curve_of(right + wrong)[-2:] == [(1, 1), (pytest.approx(4 / 7), 1)]

    # Of a curve of 300 falls some are kept: each of these whole, and also the last.
    falls = [(0.99 - n / 500, n) for n in range(300)]
    pictures = [
        TestedPicture(
            f"{n}",
            f"{n}",
            (Target("cup", cup),),
            (Answer("cup", score, cup), Answer("cup", score - 0.001, elsewhere)),
        )
        for score, n in falls
    ]
    points = curve_of(pictures)
    assert len(points) <= 102
    assert points[-2:] == [(pytest.approx(300 / 599), 1), (0.5, 1)]
    assert all(a[1] == b[1] and a[0] > b[0] for a, b in zip(points[::2], points[1::2], strict=True))


def curve_of(pictures: list[TestedPicture]) -> list[tuple[float, float]]:
    """Return the precision and recall of each kept point of the cups' curve."""
    evaluation = evaluate(pictures, {"cup": 0.5}, "boxes", "validation")
    return [(point.precision, point.recall) for point in evaluation.labels[0].curve]


def max_score(picture: TestedPicture, label: str) -> float:
    return max([a.score for a in picture.answers if a.label == label] or [0.0])


def share_of_pairs(pictures: list[TestedPicture], label: str) -> float | None:
    having = [p for p in pictures if any(t.label == label for t in p.targets)]
    others = [p for p in pictures if p not in having]
    pairs = [(max_score(one, label), max_score(other, label)) for one in having for other in others]
    if not pairs:
        return None
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(scores, st.booleans(), st.integers(0, 3)), min_size=1, max_size=12),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
def test_a_resample_counts_a_group_as_often_as_it_is_drawn(
    rows: list[tuple[float, bool, int]], drawn: list[int]
) -> None:
    targets = [group for _, right, group in rows if right] + [0, 2]  # and two that were missed
    weighted = average_precision(Scored.of(rows, targets, 4), np.array([drawn], dtype=np.float64))
    again = [row for row in rows for _ in range(drawn[row[2]])]
    wanted = [group for group in targets for _ in range(drawn[group])]
    plain = average_precision(Scored.of(again, wanted, 4))
    assert weighted == pytest.approx(plain, abs=1e-9, nan_ok=True)


def picture_of(id: int, *, found: bool) -> TestedPicture:
    said = (Answer("cup", 0.9, box(0)),) if found else ()
    return TestedPicture(f"p{id}", f"g{id}", (Target("cup", box(0)),), said)


def of(*pictures: TestedPicture) -> Evaluation:
    return evaluate(pictures, {"cup": 0.5}, "boxes", "validation")


def test_mistakes_say_what_went_wrong_and_where() -> None:
    here, beside, near = box(0, 4), box(8, 4), box(2, 4)
    picture = TestedPicture(
        "p",
        "g",
        (Target("cup", here), Target("ball", beside)),
        (Answer("cup", 0.9, here), Answer("cup", 0.8, here), Answer("cup", 0.7, beside)),
    )
    moved = TestedPicture("q", "g", (Target("cup", here),), (Answer("cup", 0.6, near),))
    alone = TestedPicture("r", "g", (Target("ball", here),), (Answer("cup", 0.9, beside),))
    evaluation = evaluate([picture, moved, alone], THRESHOLDS, "boxes", "validation")
    assert [(m.kind, m.picture, m.label, m.truth) for m in evaluation.mistakes] == [
        ("missed", "r", "ball", None),
        ("false", "r", "cup", None),
        ("place", "q", "cup", None),
        ("label", "p", "cup", "ball"),
        ("twice", "p", "cup", None),
    ]
    assert evaluation.mistakes[2].truth_box == here
    assert evaluation.matrix.value("ball", "cup") == 1
    assert evaluation.matrix.value("", "cup") == 3


def test_versions_differ_only_if_the_same_pictures_say_so() -> None:
    good = of(*(picture_of(n, found=True) for n in range(12)))
    bad = of(*(picture_of(n, found=n < 4) for n in range(12)))
    close = of(*(picture_of(n, found=n < 11) for n in range(12)))
    better = compare(bad, good)
    assert (better.how, better.outcome, better.pictures) == ("paired", "better", 12)
    assert better.difference == pytest.approx(1 - 2 * 4 / (2 * 4 + 8))
    assert compare(good, bad).outcome == "worse"
    assert compare(close, good).outcome == "no difference"
    few = of(*(picture_of(n, found=False) for n in range(9)))
    assert compare(few, good).outcome == "too few pictures"
    # Pictures that were labelled anew, or that the other version trained with, prove nothing.
    changed = replace(good, tested=tuple(replace(one, revision=1) for one in good.tested))
    unpaired = compare(bad, changed)
    assert (unpaired.how, unpaired.outcome) == ("intervals", "better")
    assert compare(close, changed).outcome == "no difference"


# From the developer guide, shortened.
SERVICE = """{"Version": 1, "AggregatedEvaluationResults": {"ConfusionMatrix": [
 {"GroundTruthLabel": "CAP", "PredictedLabel": "CAP", "Value": 0.9948717948717949},
 {"GroundTruthLabel": "CAP", "PredictedLabel": "WATCH", "Value": 0.008547008547008548}],
 "F1Score": 0.9726959470546408, "Precision": 0.9719115848331294, "Recall": 0.9735042735042735},
 "EvaluationDetails": {"EvaluationEndTimestamp": "2019-11-21T07:30:23.910943",
 "Labels": ["CAP", "WATCH"], "NumberOfTestingImages": 624, "NumberOfTrainingImages": 5216,
 "ProjectVersionArn": "arn:aws:rekognition:us-east-1:1:project/p/version/v0/1574317227432"},
 "LabelEvaluationResults": [{"Label": "CAP", "Metrics": {"F1Score": 0.9794344473007711,
 "Precision": 0.9819587628865979, "Recall": 0.9769230769230769, "Threshold": 0.9879502058029175},
 "NumberOfTestingImages": 390}]}"""


def test_the_services_summary_is_read_and_written() -> None:
    theirs = read_summary(SERVICE)
    assert (theirs.thresholds_from, theirs.pictures, theirs.trained) == ("test", 624, 5216)
    assert (theirs.mean.f1, theirs.labels[0].threshold) == (0.9726959470546408, 0.9879502058029175)
    assert theirs.matrix.value("CAP", "WATCH") == 0.008547008547008548
    assert (theirs.overall.intervals, theirs.overall.right) == ({}, None)
    assert Evaluation.from_json(theirs.to_json()) == theirs

    whole = [
        TestedPicture("p", "p", (Target("cup"),), (Answer("cup", 0.9),)),
        TestedPicture("q", "q", (Target("cup"),), (Answer("ball", 0.9),)),
        TestedPicture("r", "r", (Target("ball"),), (Answer("ball", 0.9),)),
    ]
    for kind, ours in (
        ("boxes", of(picture_of(1, found=True), picture_of(2, found=False))),
        ("pictures", evaluate(whole, THRESHOLDS, "pictures", "validation", trained=7)),
    ):
        written = write_summary(ours, "arn", datetime(2026, 11, 29, tzinfo=UTC))
        back = read_summary(json.dumps(written))
        assert (back.kind, back.pictures, back.trained) == (kind, ours.pictures, ours.trained)
        assert (back.mean.f1, back.mean.precision) == (ours.mean.f1, ours.mean.precision)
        assert [(x.label, x.threshold, x.figures.f1) for x in back.labels] == [
            (x.label, x.threshold, x.figures.f1) for x in ours.labels
        ]
    assert back.matrix.value("cup", "ball") == 0.5
    with pytest.raises(InvalidDataset, match=r"LabelEvaluationResults\.0\.Metrics\.F1Score"):
        read_summary(SERVICE.replace('"F1Score": 0.9794344473007711', '"F1Score": "good"'))
