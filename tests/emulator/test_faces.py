"""DetectFaces and RecognizeCelebrities, on one real face."""

import json
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from rubberduck.core.settings import ROOT
from rubberduck.faces.landmarks import Landmarks
from tests.support.pictures import encoded
from tests.support.recordings import RECORDED

ASTRONAUT = {"Bytes": (ROOT / "tests/faces/pictures/astronaut.jpg").read_bytes()}


def test_a_face_is_found_with_what_was_asked(client: Any) -> None:
    (face,) = client.detect_faces(Image=ASTRONAUT)["FaceDetails"]
    assert set(face) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert 0.2 < face["BoundingBox"]["Left"] < 0.4
    (face,) = client.detect_faces(Image=ASTRONAUT, Attributes=["ALL"])["FaceDetails"]
    assert face["Smile"]["Value"] is True
    assert face["Emotions"][0]["Type"] == "HAPPY"
    assert face["AgeRange"]["Low"] <= face["AgeRange"]["High"]
    assert "Gender" not in face  # only with DUCK_FACES=all
    (face,) = client.detect_faces(Image=ASTRONAUT, Attributes=["EMOTIONS"])["FaceDetails"]
    assert "Smile" not in face


def test_eyes_and_nose_are_where_they_are_and_turn_with_the_picture(client: Any) -> None:
    """Where the pupils are was read off the picture."""

    def face_of(image: Image.Image) -> dict[str, Any]:
        answer = client.detect_faces(Image={"Bytes": encoded(image, quality=95)})
        (face,) = answer["FaceDetails"]
        return dict(face)

    with Image.open(BytesIO(ASTRONAUT["Bytes"])) as image:
        upright, turned = face_of(image), face_of(image.rotate(-20, Image.Resampling.BICUBIC))
    points = {each["Type"]: (each["X"], each["Y"]) for each in upright["Landmarks"]}
    assert points["eyeLeft"] == pytest.approx((0.397, 0.281), abs=0.02)
    assert points["eyeRight"] == pytest.approx((0.517, 0.286), abs=0.02)
    assert points["eyeLeft"][0] < points["nose"][0] < points["eyeRight"][0]
    assert points["nose"][1] > points["eyeLeft"][1]
    assert turned["Pose"]["Roll"] - upright["Pose"]["Roll"] == pytest.approx(20, abs=5)


def test_the_roll_is_that_of_a_recorded_answer() -> None:
    """The recording does not say how wide its picture was; it was about square."""
    recorded = json.loads((RECORDED / "detect_faces_emotions.json").read_text())
    (face,) = recorded["FaceDetails"]
    points = {each["Type"]: (each["X"], each["Y"]) for each in face["Landmarks"]}
    found = Landmarks(points["eyeLeft"], points["eyeRight"], points["nose"])
    assert found.roll((1000, 1000)) == pytest.approx(face["Pose"]["Roll"], abs=1)


def test_nobody_is_recognised(client: Any) -> None:
    answer = client.recognize_celebrities(Image=ASTRONAUT)
    assert answer["CelebrityFaces"] == []
    assert len(answer["UnrecognizedFaces"]) == 1


def test_a_picture_without_a_face_has_none(client: Any) -> None:
    image = {"Bytes": encoded()}
    assert client.detect_faces(Image=image)["FaceDetails"] == []
    assert client.recognize_celebrities(Image=image)["UnrecognizedFaces"] == []
