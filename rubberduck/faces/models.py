"""The protocol of what finds faces. The faces themselves are in core, where aws and db see them."""

from typing import Protocol

from rubberduck.core.faces import (
    FACE,
    MAX_FACES,
    AgeRange,
    Emotion,
    EmotionName,
    Face,
    FaceAnswer,
    Gender,
    GenderName,
    Smile,
)
from rubberduck.imaging.decode import Picture

__all__ = [
    "FACE",
    "MAX_FACES",
    "AgeRange",
    "Emotion",
    "EmotionName",
    "Face",
    "FaceAnalyzer",
    "FaceAnswer",
    "Gender",
    "GenderName",
    "PaidFaceAnalyzer",
    "Smile",
]


class FaceAnalyzer(Protocol):
    """Finds and describes the faces of pictures. Identifies nobody."""

    @property
    def name(self) -> str: ...
    def faces(self, picture: Picture, *, with_gender: bool = False) -> FaceAnswer:
        """Return the faces of the picture. Raises DetectorFailed."""


class PaidFaceAnalyzer(FaceAnalyzer, Protocol):
    """A service that describes faces for money."""

    @property
    def dollars_a_call(self) -> float: ...
    def check(self) -> None:
        """Raise DetectorFailed, with the cause for the operator, unless it may be called."""
