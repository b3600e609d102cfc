"""DetectFaces and RecognizeCelebrities, on one real face."""

from typing import Any

from rubberduck.core.settings import ROOT
from tests.support.pictures import encoded

ASTRONAUT = {"Bytes": (ROOT / "tests/faces/pictures/astronaut.jpg").read_bytes()}


def test_a_face_is_found_with_what_was_asked(client: Any) -> None:
    (face,) = client.detect_faces(Image=ASTRONAUT)["FaceDetails"]
    assert set(face) == {"BoundingBox", "Confidence", "Quality"}
    assert 0.2 < face["BoundingBox"]["Left"] < 0.4
    (face,) = client.detect_faces(Image=ASTRONAUT, Attributes=["ALL"])["FaceDetails"]
    assert face["Smile"]["Value"] is True
    assert face["Emotions"][0]["Type"] == "HAPPY"
    assert face["AgeRange"]["Low"] <= face["AgeRange"]["High"]
    assert "Gender" not in face  # only with DUCK_FACES=all
    (face,) = client.detect_faces(Image=ASTRONAUT, Attributes=["EMOTIONS"])["FaceDetails"]
    assert "Smile" not in face


def test_nobody_is_recognised(client: Any) -> None:
    answer = client.recognize_celebrities(Image=ASTRONAUT)
    assert answer["CelebrityFaces"] == []
    assert len(answer["UnrecognizedFaces"]) == 1


def test_a_picture_without_a_face_has_none(client: Any) -> None:
    image = {"Bytes": encoded()}
    assert client.detect_faces(Image=image)["FaceDetails"] == []
    assert client.recognize_celebrities(Image=image)["UnrecognizedFaces"] == []
