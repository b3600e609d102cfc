"""What `flask evaluate` draws: the numbers behind the lines, and which mistakes are shown."""

import io

import numpy as np
import pytest
from PIL import Image

from rubberduck.core.models import Box
from rubberduck.evaluation.plots import (
    MAX_EXAMPLES,
    Example,
    plot,
    precision_and_recall,
    reliability,
    sheet,
    thumbnail,
)
from rubberduck.scoring.detection import Outcome


def outcome(score: float, truth: bool) -> Outcome:
    return Outcome("duck" if truth else "no-duck", truth, score >= 35, score, 1.0)


def mistake(score: float, truth: bool, name: str = "a.jpg") -> Example:
    return Example(outcome(score, truth), name, Image.new("RGB", (40, 30), "navy"))


def test_precision_and_recall_by_hand() -> None:
    outcomes = [outcome(*each) for each in [(90, True), (80, False), (70, True), (10, False)]]
    precision, recall = precision_and_recall(outcomes)
    assert precision == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4])
    assert recall == pytest.approx([1 / 2, 1 / 2, 1, 1])


def test_equal_scores_cannot_be_told_apart() -> None:
    precision, recall = precision_and_recall([outcome(50, True), outcome(50, False)])
    assert (precision.tolist(), recall.tolist()) == ([0.5], [1.0])


def test_reliability_by_hand() -> None:
    outcomes = [outcome(*each) for each in [(82, True), (88, False), (100, True), (5, False)]]
    assert reliability(outcomes) == [(5, 0, 1), (85, 50, 2), (100, 100, 1)]


@pytest.mark.parametrize(
    "outcomes",
    [
        [outcome(90, True)],
        [outcome(3, False)],
        [outcome(0, True), outcome(0, False)],
        [outcome(float(s), s % 3 > 0) for s in range(100)],
    ],
)
def test_any_outcomes_can_be_plotted(outcomes: list[Outcome]) -> None:
    with Image.open(io.BytesIO(plot(outcomes, 35))) as image:
        assert image.size == (1320, 600)


@pytest.mark.parametrize("count", [0, 1, 7, MAX_EXAMPLES])
def test_any_number_of_mistakes_fits_on_a_sheet(count: int) -> None:
    mistakes = [mistake(40 + i / 2, False, f"$x_{i}$ {'long' * 30}.jpg") for i in range(count)]
    with Image.open(io.BytesIO(sheet(mistakes, "Mistakes"))) as image:
        navy = (np.asarray(image.convert("RGB")) == (0, 0, 128)).all(2).any()
        assert navy == (count > 0)
        assert image.height < 4000


@pytest.mark.parametrize("size", [(80, 2000), (2000, 80), (82, 6000), (1, 1)])
def test_a_thumbnail_of_any_shape_can_be_drawn_on(size: tuple[int, int]) -> None:
    names = "Duck, Bird, Toy"
    small = thumbnail(Image.new("RGB", size), [Box(0.1, 0.1, 0.8, 0.2, names, 99)])
    assert small.width <= max(320, size[0] * 80 / min(size))


def test_signs_that_the_font_lacks_are_no_trouble(recwarn: pytest.WarningsRecorder) -> None:
    assert sheet([mistake(40, False, "橡皮鸭 🦆.jpg")], "Mistakes").startswith(b"\x89PNG")
    assert not recwarn.list


def test_a_mistake_shows_its_boxes_and_leaves_the_picture() -> None:
    picture = Image.new("RGB", (1600, 800), "navy")
    small = thumbnail(picture, [Box(0.2, 0.2, 0.5, 0.5, "Toy", 60)])
    assert small.size == (320, 160)
    assert len(np.unique(np.asarray(small).reshape(-1, 3), axis=0)) > 2
    assert picture.size == (1600, 800)
