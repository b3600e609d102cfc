"""Faces as data classes, in Rekognition's vocabulary: what they look like, not who they are."""

from dataclasses import dataclass
from typing import Literal

from rubberduck.core.models import Box

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

    @property
    def is_smiling(self) -> bool:
        return self.smile is not None and self.smile.is_smiling


@dataclass(frozen=True)
class FaceAnswer:
    """The faces of a picture, the largest first, at most MAX_FACES, and what found them.

    `fallback_for` names what was unavailable, when a fallback answered, and `fallback_reason` is
    "failed" or "budget-spent".
    """

    faces: tuple[Face, ...]
    engine: str
    engine_version: str | None = None
    fallback_for: str | None = None
    fallback_reason: str | None = None

    @property
    def smiles(self) -> int:
        return sum(face.is_smiling for face in self.faces)
