"""What a face is said to look like."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rubberduck.core.faces import Face
from rubberduck.faces.embedded import EmbeddedFaces
from rubberduck.faces.expressions import EMOTIONS, age_range, emotions, gender, smile
from rubberduck.imaging.decode import Picture

ASTRONAUT = Path(__file__).parent / "pictures" / "astronaut.jpg"
FINDER = EmbeddedFaces()


def astronaut(*, with_gender: bool = False) -> Face:
    with Image.open(ASTRONAUT) as image:
        picture = Picture(image.convert("RGB"), image.size)
    [face] = FINDER.faces(picture, with_gender=with_gender).faces
    return face


def test_a_broad_smile_is_one_and_looks_happy() -> None:
    face = astronaut()
    assert face.is_smiling
    assert face.emotions[0].name == "HAPPY"


def test_all_emotions_are_named_and_make_up_a_whole() -> None:
    found = astronaut().emotions
    assert {emotion.name for emotion in found} == set(EMOTIONS)
    assert sum(emotion.confidence for emotion in found) == pytest.approx(100, abs=0.01)
    confidences = [emotion.confidence for emotion in found]
    assert confidences == sorted(confidences, reverse=True)


def test_gender_is_told_only_when_asked_for() -> None:
    assert astronaut().gender is None
    asked = astronaut(with_gender=True).gender
    assert asked is not None
    assert 50 <= asked.confidence <= 100


def test_asking_for_gender_changes_nothing_else() -> None:
    without, with_gender = astronaut(), astronaut(with_gender=True)
    assert (without.box, without.smile, without.emotions, without.ages) == (
        with_gender.box,
        with_gender.smile,
        with_gender.emotions,
        with_gender.ages,
    )


def test_a_mirrored_face_looks_the_same() -> None:
    with Image.open(ASTRONAUT) as image:
        mirrored = image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    [face] = FINDER.faces(Picture(mirrored, mirrored.size)).faces
    assert face.is_smiling
    ages = astronaut().ages
    assert ages is not None
    assert face.ages is not None
    assert abs(face.ages.low - ages.low) <= 5


@pytest.mark.parametrize("happy", np.linspace(0, 1, 21))
def test_a_smile_is_never_surer_than_was_measured(happy: float) -> None:
    found = smile(float(happy))
    assert 50 <= found.confidence <= (70 if found.is_smiling else 90)


def test_equal_probabilities_keep_the_order_of_the_list() -> None:
    even = np.full(7, 1 / 7, np.float32)
    assert tuple(emotion.name for emotion in emotions(even)) == EMOTIONS


@pytest.mark.parametrize("years", [-5.0, 0.0, 1.4, 40.0, 99.6, 130.0])
def test_an_age_range_is_wide_and_starts_at_nought_or_later(years: float) -> None:
    ages = age_range(years)
    assert 0 <= ages.low < ages.high
    assert ages.high - ages.low >= 12


@pytest.mark.parametrize(("male", "name"), [(0.9, "Male"), (0.51, "Male"), (0.5, "Female")])
def test_gender_is_the_likelier_one(male: float, name: str) -> None:
    assert gender(male).name == name
