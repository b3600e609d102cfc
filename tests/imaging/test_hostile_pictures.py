"""Good pictures, cut off and with bits turned over: a picture or a refusal, never an accident."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given

from tests.support.damaged import GOOD, calm, flipped, flips, is_read
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import form

CUTS = 50


pytestmark = [
    pytest.mark.parametrize("name", GOOD),
    pytest.mark.usefixtures("no_temporary_files"),
]


def test_it_is_good(name: str) -> None:
    assert is_read(GOOD[name])


def test_cut_off_anywhere(name: str) -> None:
    good = GOOD[name]
    taken = [is_read(good[: len(good) * part // CUTS]) for part in range(CUTS)]
    assert not all(taken)


@calm
@given(flips=flips)
def test_with_bits_turned_over(name: str, flips: list[tuple[float, int]]) -> None:
    is_read(flipped(GOOD[name], flips))


def test_through_the_site(
    client: FlaskClient, detector: FakeDetector, tmp_path: Path, name: str
) -> None:
    detector.answer = []  # nothing to draw
    good = GOOD[name]
    damaged = [flipped(good, [(part / 5, part), (0.9, 1)]) for part in range(5)]
    answers = [client.post("/", **form(data)) for data in (good, good[:-99], *damaged)]
    assert answers[0].status_code == 303
    for answer in answers:
        assert answer.status_code in (303, 415, 422)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    kept = [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]
    assert len(kept) == sum(answer.status_code == 303 for answer in answers)
    assert {path.suffix for path in kept} == {".jpg"}
