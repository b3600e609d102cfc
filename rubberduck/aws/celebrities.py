"""Amazon Rekognition's RecognizeCelebrities: who is in a picture, of those whom everybody knows.

Other members than in a video, whose celebrities are in aws/video.py.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rubberduck.aws.image_calls import (
    NOT_A_PICTURE_BYTES,
    SERVICE,
    bill_once,
    image_errors,
    is_picture_error,
)
from rubberduck.core.errors import DetectorFailed
from rubberduck.core.models import Box

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

OPERATION = "RecognizeCelebrities"
MAX_FACES = 64  # of a picture, the largest: what the service looks at


@dataclass(frozen=True)
class Celebrity:
    """A celebrity in a picture. `confidence` of the match is in percent, `box` is the face's.

    `urls` have a scheme, which the service leaves out.
    """

    name: str
    id: str
    confidence: float
    urls: tuple[str, ...]
    box: Box


@dataclass(frozen=True)
class CelebrityAnswer:
    """The celebrities of a picture, the largest face first, and how many faces are nobody's."""

    celebrities: tuple[Celebrity, ...]
    unknown_faces: int
    engine: str = SERVICE


class RekognitionCelebrities:
    """Recognises celebrities with a boto3 client. A picture is billed at most once."""

    def __init__(self, client: "RekognitionClient") -> None:
        self.client = client
        bill_once(client, OPERATION)

    def recognize(self, jpeg: bytes) -> CelebrityAnswer:
        """Return who is in the picture. Raises PictureRefused, DetectorFailed."""
        with image_errors(OPERATION):
            answer = self.client.recognize_celebrities(Image={"Bytes": jpeg})
            found = tuple(_celebrity(item) for item in answer["CelebrityFaces"])
            return CelebrityAnswer(found[:MAX_FACES], len(answer["UnrecognizedFaces"]))

    def check(self) -> None:
        """Raise DetectorFailed unless celebrities may be asked for. A refusal is not billed."""
        try:
            self.recognize(NOT_A_PICTURE_BYTES)
        except DetectorFailed as error:
            if not is_picture_error(error):
                raise


def with_scheme(url: str) -> str:
    """
    >>> with_scheme("www.imdb.com/name/nm0"), with_scheme("http://example.org")
    ('https://www.imdb.com/name/nm0', 'http://example.org')
    """
    return url if url.startswith(("https://", "http://")) else f"https://{url}"


def _celebrity(item: Any) -> Celebrity:
    name, confidence, side = item["Name"], item["MatchConfidence"], item["Face"]["BoundingBox"]
    sides = side["Left"], side["Top"], side["Width"], side["Height"]
    urls = tuple(map(with_scheme, item.get("Urls", ())))
    return Celebrity(name, item["Id"], confidence, urls, Box(*sides, name, confidence))
