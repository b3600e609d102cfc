"""What face collections hold and answer, and how Rekognition names it."""

from dataclasses import dataclass
from typing import Any

from rubberduck.core.models import Box

FACE = "Face"  # the label of a face's box


@dataclass(frozen=True)
class CollectionInfo:
    """A collection as the service describes it."""

    id: str
    faces: int
    users: int
    model_version: str


@dataclass(frozen=True)
class StoredFace:
    """A face vector at the service. `person_id` is what we gave as its ExternalImageId."""

    id: str
    person_id: str
    box: Box
    user_id: str | None = None


@dataclass(frozen=True)
class UnindexedFace:
    """A face of a picture that was not stored; `reasons` are the service's names."""

    box: Box
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Indexed:
    """What became of the faces of a picture, the largest first."""

    faces: tuple[StoredFace, ...]
    unindexed: tuple[UnindexedFace, ...]


@dataclass(frozen=True)
class Match:
    """A stored face, or a user, that is like the largest face of a picture, in percent.

    `person_id` is empty for a face that others stored without an ExternalImageId.
    """

    similarity: float
    person_id: str
    face_id: str | None = None  # None for a user


@dataclass(frozen=True)
class UserFault:
    """A face that did not become, or remain, one of a user; `reasons` are the service's."""

    face_id: str
    reasons: tuple[str, ...]


def face_from(item: Any) -> StoredFace:
    """Return a face of IndexFaces or ListFaces. Raises LookupError for another shape.

    One that others stored may have no ExternalImageId.
    """
    box = _box(item["BoundingBox"], item["Confidence"])
    return StoredFace(item["FaceId"], item.get("ExternalImageId", ""), box, item.get("UserId"))


def match_from(item: Any) -> Match:
    """Return a match of SearchFacesByImage. Raises LookupError for another shape."""
    face = item["Face"]
    return Match(item["Similarity"], face.get("ExternalImageId", ""), face["FaceId"])


def unindexed_from(item: Any) -> UnindexedFace:
    detail = item["FaceDetail"]
    box = _box(detail["BoundingBox"], detail["Confidence"])
    return UnindexedFace(box, tuple(item["Reasons"]))


def fault_from(item: Any) -> UserFault:
    return UserFault(item["FaceId"], tuple(item.get("Reasons", ())))


def _box(sides: Any, confidence: float) -> Box:
    return Box(sides["Left"], sides["Top"], sides["Width"], sides["Height"], FACE, confidence)
