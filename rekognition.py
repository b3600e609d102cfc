"""Amazon Rekognition's DetectLabels."""

from typing import TYPE_CHECKING

from rubberduck.aws.image_calls import (
    MAX_BYTES,
    NOT_A_PICTURE_BYTES,
    SERVICE,
    bill_once,
    image_errors,
    is_picture_error,
)
from rubberduck.aws.labels import label_from
from rubberduck.core.errors import DetectorFailed
from rubberduck.core.models import Label
from rubberduck.imaging.decode import Picture

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

MAX_LABELS = 320  # with fewer, half-hidden ducks were missed


class Rekognition:
    """Finds labels with DetectLabels. Sends the picture in the request, so needs no bucket.

    A picture is billed at most once: see aws/image_calls.py.
    """

    name = SERVICE
    version: str | None = None  # LabelModelVersion of the last response
    supported_labels = None  # it has thousands

    def __init__(
        self, client: "RekognitionClient", min_confidence: float, cost_per_call_usd: float
    ) -> None:
        self.client = client
        self.min_confidence = min_confidence
        self.cost_per_call_usd = cost_per_call_usd
        bill_once(client, "DetectLabels")

    def labels(self, picture: Picture) -> list[Label]:
        """Return the labels of DetectLabels. Raises DetectorFailed, with the operator's cause."""
        return self._detect(picture.jpeg_within(MAX_BYTES))

    def check(self) -> None:
        """Raise DetectorFailed unless DetectLabels may be called. A refusal is not billed."""
        try:
            self._detect(NOT_A_PICTURE_BYTES)
        except DetectorFailed as error:
            if not is_picture_error(error):
                raise

    def _detect(self, jpeg: bytes) -> list[Label]:
        with image_errors("DetectLabels"):
            answer = self.client.detect_labels(
                Image={"Bytes": jpeg}, MaxLabels=MAX_LABELS, MinConfidence=self.min_confidence
            )
            self.version = answer["LabelModelVersion"]
            return [label_from(item) for item in answer["Labels"]]
