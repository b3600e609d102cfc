"""A face finder that answers what a test puts into it: the pages are tested, not the networks."""

from rubberduck.core.faces import (
    FACE,
    AgeRange,
    Emotion,
    EmotionName,
    Face,
    FaceAnswer,
    Gender,
    Smile,
)
from rubberduck.core.models import Box
from rubberduck.faces.finders import FaceFinders
from rubberduck.imaging.decode import Picture


class FakeFaces:
    """Answers with the faces in `answer`, and counts the calls."""

    name = "embedded face finder"

    def __init__(self, *faces: Face) -> None:
        self.answer = faces
        self.calls = 0

    def faces(self, picture: Picture, *, with_gender: bool = False) -> FaceAnswer:
        self.calls += 1
        return FaceAnswer(self.answer, self.name, "1")

    def finders(self) -> FaceFinders:
        return FaceFinders(self)


def face_at(
    left: float,
    top: float,
    emotion: EmotionName = "HAPPY",
    *,
    smiles: bool = True,
    side: float = 0.2,
) -> Face:
    """Return a face whose strongest emotion is 90 % sure, of no gender."""
    return Face(
        box=Box(left, top, side, side, FACE, 99.0),
        smile=Smile(smiles, 97.0),
        emotions=(Emotion(emotion, 90.0), Emotion("SURPRISED", 9.5), Emotion("FEAR", 0.5)),
        ages=AgeRange(25, 33),
    )


def two_faces() -> tuple[Face, Face]:
    """One smiles, the other does not."""
    return face_at(0.1, 0.3), face_at(0.6, 0.3, "CALM", smiles=False)


WOMAN = Gender("Female", 98.0)
