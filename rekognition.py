"""Amazon Rekognition's DetectLabels."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from rubberduck.aws.errors import explain
from rubberduck.aws.labels import label_from
from rubberduck.core.errors import DetectorFailed, NotBilled, PictureRefused
from rubberduck.core.models import Label
from rubberduck.imaging.decode import Picture, to_jpeg_within

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

MAX_LABELS = 320  # with fewer, half-hidden ducks were missed
MAX_BYTES = 5_242_880  # of a picture sent inside the request
NOT_A_PICTURE_BYTES = b"Is there a rubber duck in here?"
UNAVAILABLE_MESSAGE = "Amazon Rekognition is unavailable."
CHECK_CONNECTION = "Check the AWS credentials, DUCK_REGION and the network."

# Errors of one picture, not of the service: the next picture may be sent.
PICTURE_ERRORS = {
    "InvalidImageFormatException",
    "ImageTooLargeException",
    "InvalidParameterException",
}
# With these, the picture was never sent.
NOT_SENT_ERRORS = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
)


class Rekognition:
    """Finds labels with DetectLabels. Sends the picture in the request, so needs no bucket.

    A picture is billed at most once: see `_stop_retrying`.
    """

    name = "Amazon Rekognition"
    version: str | None = None  # LabelModelVersion of the last response
    supported_labels = None  # it has thousands

    def __init__(
        self, client: "RekognitionClient", min_confidence: float, cost_per_call_usd: float
    ) -> None:
        self.client = client
        self.min_confidence = min_confidence
        self.cost_per_call_usd = cost_per_call_usd
        client.meta.events.register_first(
            "needs-retry.rekognition.DetectLabels", _stop_retrying, "stop-retrying"
        )

    def labels(self, picture: Picture) -> list[Label]:
        """Return the labels of DetectLabels. Raises DetectorFailed, with the operator's cause."""
        jpeg = picture.jpeg
        if len(jpeg) > MAX_BYTES:
            jpeg = to_jpeg_within(picture.image, MAX_BYTES)
        return self._detect(jpeg)

    def check(self) -> None:
        """Raise DetectorFailed unless DetectLabels may be called. A refusal is not billed."""
        try:
            self._detect(NOT_A_PICTURE_BYTES)
        except DetectorFailed as error:
            if error.cause is None or not error.cause.startswith("InvalidImageFormatException"):
                raise

    def _detect(self, jpeg: bytes) -> list[Label]:
        try:
            answer = self.client.detect_labels(
                Image={"Bytes": jpeg}, MaxLabels=MAX_LABELS, MinConfidence=self.min_confidence
            )
        except ClientError as error:
            raise _refusal(error) from error
        except BotoCoreError as error:
            cause = f"{str(error).rstrip('.')}. {CHECK_CONNECTION}"
            kind = NotBilled if isinstance(error, NOT_SENT_ERRORS) else DetectorFailed
            raise kind(UNAVAILABLE_MESSAGE, cause=cause) from error
        except (ResponseParserError, UnicodeDecodeError) as error:
            raise _unexpected_response() from error
        try:
            self.version = answer["LabelModelVersion"]
            return [label_from(item) for item in answer["Labels"]]
        except (LookupError, TypeError) as error:
            raise _unexpected_response() from error


def _unexpected_response() -> DetectorFailed:
    """Return the error for a response that is not Rekognition's, such as a proxy's page."""
    return DetectorFailed(
        UNAVAILABLE_MESSAGE, cause=f"the answer is not Rekognition's. {CHECK_CONNECTION}"
    )


def _refusal(error: ClientError) -> NotBilled:
    kind = PictureRefused if error.response["Error"]["Code"] in PICTURE_ERRORS else NotBilled
    cause = explain(
        error.response, service="Amazon Rekognition", permission="rekognition:DetectLabels"
    )
    return kind(UNAVAILABLE_MESSAGE, cause=cause)


def _stop_retrying(caught_exception: Exception | None = None, **_: Any) -> None:
    """Stop botocore's retries where the last call may have been billed.

    botocore calls up to three times. Throttling and the service's own faults (5xx) are not billed,
    nor is a request that was never sent. But a picture that was sent without a response, because of
    a time-out or a broken connection, may have been analysed: a retry would be a second call, which
    the budget does not count. The fallback detector is faster, too.
    """
    if caught_exception is not None and not isinstance(caught_exception, NOT_SENT_ERRORS):
        raise caught_exception
