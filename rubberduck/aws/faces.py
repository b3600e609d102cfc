"""Amazon Rekognition's DetectFaces: what the faces in a picture look like. It stores nothing.

Never IndexFaces, which keeps a vector of each face at Amazon.
"""

from typing import TYPE_CHECKING, Any, get_args

from rubberduck.aws.image_calls import (
    NOT_A_PICTURE_BYTES,
    bill_once,
    image_errors,
    is_picture_error,
)
from rubberduck.core.errors import DetectorFailed
from rubberduck.core.faces import (
    FACE,
    MAX_FACES,
    AgeRange,
    Emotion,
    EmotionName,
    Face,
    Gender,
    Smile,
)
from rubberduck.core.models import Box

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.literals import AttributeType

OPERATION = "DetectFaces"
# Box and confidence come without being asked for.
ATTRIBUTES: "tuple[AttributeType, ...]" = ("AGE_RANGE", "EMOTIONS", "SMILE")
WITH_GENDER: "tuple[AttributeType, ...]" = (*ATTRIBUTES, "GENDER")
KNOWN_EMOTIONS = frozenset(get_args(EmotionName))


class RekognitionFaces:
    """Describes faces with a boto3 client. A picture is billed at most once."""

    def __init__(self, client: "RekognitionClient") -> None:
        self.client = client
        bill_once(client, OPERATION)

    def find(self, jpeg: bytes, *, with_gender: bool = False) -> tuple[Face, ...]:
        """Return the faces, the largest first. Raises DetectorFailed."""
        attributes = WITH_GENDER if with_gender else ATTRIBUTES
        with image_errors(OPERATION):
            answer = self.client.detect_faces(Image={"Bytes": jpeg}, Attributes=attributes)
            faces = sorted(map(_face, answer["FaceDetails"]), key=_area, reverse=True)
        return tuple(faces[:MAX_FACES])

    def check(self) -> None:
        """Raise DetectorFailed unless DetectFaces may be called. A refusal is not billed."""
        try:
            self.find(NOT_A_PICTURE_BYTES)
        except DetectorFailed as error:
            if not is_picture_error(error):
                raise


def _area(face: Face) -> float:
    return face.box.width * face.box.height


def _face(item: Any) -> Face:
    """Return the face of one item of `FaceDetails`. Raises LookupError and TypeError."""
    side = item["BoundingBox"]
    sides = side["Left"], side["Top"], side["Width"], side["Height"]
    smile, ages, gender = (item.get(name) for name in ("Smile", "AgeRange", "Gender"))
    emotions = [Emotion(_known(each["Type"]), each["Confidence"]) for each in item["Emotions"]]
    return Face(
        box=Box(*sides, FACE, item["Confidence"]),
        smile=smile and Smile(smile["Value"], smile["Confidence"]),
        emotions=tuple(sorted(emotions, key=lambda emotion: -emotion.confidence)),
        ages=ages and AgeRange(ages["Low"], ages["High"]),
        gender=gender and Gender(gender["Value"], gender["Confidence"]),
    )


def _known(emotion: str) -> EmotionName:
    """Return an emotion's name; one that the service may add some day is UNKNOWN."""
    return emotion if emotion in KNOWN_EMOTIONS else "UNKNOWN"  # type: ignore[return-value]
