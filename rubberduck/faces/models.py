"""Faces as data classes, in Rekognition's vocabulary, and the protocol of what finds them."""

from dataclasses import dataclass
from typing import Literal, Protocol

from rubberduck.core.models import Box
from rubberduck.imaging.decode import Picture

# Of a picture, the largest first: as many as Amazon Rekognition describes.
MAX_FACES = 100
FACE = "Face"  # the label of a face's box
EmotionName = Literal[
    "HAPPY", "SAD", "ANGRY", "CONFUSED", "DISGUSTED", "SURPRISED", "CALM", "UNKNOWN", "FEAR"
]
GenderName = Literal["Female", "Male"]


@dataclass(frozen=True)
class Emotion:
    """What a face looks like, which is not what a person feels; `confidence` is in percent."""

    name: EmotionName
    confidence: float


@dataclass(frozen=True)
class Smile:
    """Whether a face smiles, and how sure that is, in percent."""

    is_smiling: bool
    confidence: float


@dataclass(frozen=True)
class Gender:
    """What a face looks like; nobody's identity. `confidence` is in percent."""

    name: GenderName
    confidence: float


@dataclass(frozen=True)
class AgeRange:
    """From how many years to how many a face looks, both included."""

    low: int
    high: int


@dataclass(frozen=True)
class Face:
    """One face. `emotions`: the strongest first. What was not asked for is None or empty."""

    box: Box
    smile: Smile | None = None
    emotions: tuple[Emotion, ...] = ()
    ages: AgeRange | None = None
    gender: Gender | None = None


@dataclass(frozen=True)
class FaceAnswer:
    """The faces of a picture, the largest first, at most MAX_FACES, and what found them."""

    faces: tuple[Face, ...]
    engine: str
    engine_version: str | None = None


class FaceAnalyzer(Protocol):
    """Finds and describes the faces of pictures. Identifies nobody."""

    @property
    def name(self) -> str: ...
    def faces(self, picture: Picture, *, with_gender: bool = False) -> FaceAnswer:
        """Return the faces of the picture. Raises DetectorFailed."""
