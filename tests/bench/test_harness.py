"""The bench's arithmetic and its fixtures; the measured times themselves are not tested."""

import sqlite3
from pathlib import Path

import boto3
import pytest

from bench.harness import database, endpoints
from bench.harness.figures import Aim, Comparison, Figures, Growth
from bench.harness.measuring import Sample, compare, measure_growth
from rubberduck.aws.labels import label_from
from rubberduck.db.results import Results

OURS, OTHER = Figures("ours", (2.0, 3.0, 10.0), (0.001, 0.002, 0.003)), Figures("peer", (1, 2, 20))


def test_figures_have_a_median_and_a_spread() -> None:
    figures = Figures("ours", tuple(range(1, 12)))
    assert (figures.median, figures.spread) == (6, (2, 10))
    assert Figures("ours", (4.0,)).spread == (4, 4)
    assert OURS.median_cpu == 0.002


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    assert Comparison("", "ms", OURS, OTHER).ratio == 1.5
    assert Comparison("", "ms", OURS).ratio is None


@pytest.mark.parametrize(
    ("aim", "figure", "verdict"),
    [
        (Aim(1.5, 1.15), 1.3, "met"),
        (Aim(1.5, 1.15), 1.1, "reached"),
        (Aim(1.5, 1.15), 1.6, "not met"),
        (Aim(5, at_least=True), 5.6, "met"),
        (Aim(2, 3, at_least=True), 2.5, "met"),
        (Aim(2, 3, at_least=True), 3.0, "reached"),
        (Aim(2, 3, at_least=True), 1.9, "not met"),
    ],
)
def test_an_aim_has_a_direction(aim: Aim, figure: float, verdict: str) -> None:
    assert aim.verdict(figure) == verdict


def test_an_absolute_aim_is_about_our_own_figure() -> None:
    assert Comparison("", "s", OURS, OTHER, Aim(0.5, absolute=True)).aimed_at == 3
    assert Comparison("", "s", OURS, OTHER, Aim(0.5)).aimed_at == 1.5


def test_both_sides_alternate_after_a_round_that_does_not_count() -> None:
    turns: list[str] = []

    def turn(name: str) -> Sample:
        turns.append(name)
        return Sample(len(turns))

    comparison = compare("", "", {"a": lambda: turn("a"), "b": lambda: turn("b")}, 3)
    assert turns == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert comparison.ours.values == (3, 6, 7)
    assert comparison.other == Figures("b", (4, 5, 8), (0, 0, 0))


def test_growth_distinguishes_flat_linear_and_quadratic() -> None:
    sides = {"flat": (5, 5, 5), "linear": (1, 10, 100), "quadratic": (1, 100, 10_000)}
    growth = Growth("", "ms", "", (1, 10, 100), sides)
    assert {name: growth.exponent(name) for name in sides} == pytest.approx(
        {"flat": 0, "linear": 1, "quadratic": 2}
    )


def test_growth_measures_each_side_at_each_size() -> None:
    seen: list[float] = []
    growth = measure_growth("", "", (1, 2), {"ours": seen.append}, 2)
    assert seen == [2, 1, 1, 2, 2, 1]
    assert len(growth.sides["ours"]) == 2


def test_a_filled_database_resembles_a_used_one(results: Results, tmp_path: Path) -> None:
    id = database.fill(results, 100)
    page = results.list_for_owner(database.OWNER, 20)
    assert len(page.results) == 20
    assert page.next
    assert results.get(id).verdict.found
    with sqlite3.connect(tmp_path / "duck.db") as connection:
        assert connection.execute("SELECT count(*) FROM duck_results").fetchone() == (100,)


def test_the_endpoints_answer_boto3_as_s3_and_rekognition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with endpoints.running() as aws:
        for name, value in aws.items():
            monkeypatch.setenv(name, value)
        s3, rekognition = boto3.client("s3"), boto3.client("rekognition")
        s3.put_object(Bucket=endpoints.BUCKET, Key="a.jpg", Body=b"a picture" * 10_000)
        stored = s3.get_object(Bucket=endpoints.BUCKET, Key="a.jpg")["Body"].read()
        assert stored == b"a picture" * 10_000
        with pytest.raises(s3.exceptions.ClientError, match="404"):
            s3.get_object(Bucket=endpoints.BUCKET, Key="b.jpg")
        labels = rekognition.detect_labels(Image={"Bytes": b"a picture"})["Labels"]
        assert [label_from(label) for label in labels] == database.LABELS
