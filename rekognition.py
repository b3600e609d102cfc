"""Amazon Rekognition's DetectLabels; the only file that knows its words."""

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

from rubberduck.core.errors import DetectorFailed, NotBilled, PictureRefused
from rubberduck.core.models import Box, Label
from rubberduck.imaging.decode import Picture, to_jpeg_within

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

MAX_LABELS = 320  # with fewer, half-hidden ducks were missed
MAX_BYTES = 5_242_880  # of a picture that travels inside the request
NOT_A_PICTURE_BYTES = b"Is there a rubber duck in here?"
UNAVAILABLE_MESSAGE = "Amazon Rekognition could not look just now."
WHERE_TO_LOOK = "the AWS credentials, DUCK_REGION and the network"
COST_PER_CALL_USD = 0.001  # in the first million a month

# What an operator can do about each refusal. Codes: DetectLabels' reference, and signing's.
REMEDIES = {
    "AccessDeniedException": "allow rekognition:DetectLabels to the user or role of this site",
    "UnrecognizedClientException": "the AWS credentials are not valid: renew them",
    "InvalidSignatureException": "the AWS secret key, or this machine's clock, is wrong",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it by NTP",
    "RequestExpired": "this machine's clock is wrong: set it by NTP",
    "ExpiredTokenException": "the AWS credentials have expired: renew them",
    "SubscriptionRequiredException": "sign this AWS account up for Rekognition",
    "ThrottlingException": "more pictures a second than this account may ask: raise its quota",
    "ProvisionedThroughputExceededException": "raise this account's Rekognition quota",
    "LimitExceededException": "raise this account's Rekognition quota",
    "ServiceUnavailableException": "Amazon's own fault; it passes",
    "InternalServerError": "Amazon's own fault; it passes",
    "ResourceNotFoundException": "the model does not exist in this region: look at DUCK_REGION",
    "ResourceNotReadyException": "the model is stopped: start it",
    "InvalidS3ObjectException": "the picture is not in the bucket, or not to be read there",
    "InvalidImageFormatException": "it is no JPEG or PNG to Rekognition",
    "ImageTooLargeException": "it has more bytes or pixels than Rekognition takes",
    "InvalidParameterException": "a mistake of this site, or the picture's sides do not suit",
}
# What is about one picture, so that the next one may still be asked about.
PICTURE_ERRORS = {
    "InvalidImageFormatException",
    "ImageTooLargeException",
    "InvalidParameterException",
}
# With these, the picture was never on its way.
NOT_SENT_ERRORS = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
)


class Rekognition:
    """A detector that sends the picture along: neither the bucket nor its rights matter here.

    A picture is paid for at most once: see `_stop_retrying`.
    """

    name = "Amazon Rekognition"
    words = None  # it knows thousands
    cost_per_call_usd = COST_PER_CALL_USD

    def __init__(self, client: "RekognitionClient", min_confidence: float) -> None:
        self.client = client
        self.min_confidence = min_confidence
        before_others = client.meta.events.register_first
        before_others("needs-retry.rekognition.DetectLabels", _stop_retrying, "ask no more")

    def labels(self, picture: Picture) -> list[Label]:
        """DetectorFailed, with the cause for the operator, when Rekognition cannot answer."""
        jpeg = picture.jpeg
        if len(jpeg) > MAX_BYTES:
            jpeg = to_jpeg_within(picture.image, MAX_BYTES)
        return self._ask(jpeg)

    def check(self) -> None:
        """DetectorFailed unless it may be asked. What is no picture is refused, not billed."""
        try:
            self._ask(NOT_A_PICTURE_BYTES)
        except DetectorFailed as error:
            if error.cause is None or not error.cause.startswith("InvalidImageFormatException"):
                raise

    def _ask(self, jpeg: bytes) -> list[Label]:
        try:
            answer = self.client.detect_labels(
                Image={"Bytes": jpeg}, MaxLabels=MAX_LABELS, MinConfidence=self.min_confidence
            )
        except ClientError as error:
            raise _refusal(error) from error
        except BotoCoreError as error:
            cause = f"{str(error).rstrip('.')}. Look at {WHERE_TO_LOOK}."
            kind = NotBilled if isinstance(error, NOT_SENT_ERRORS) else DetectorFailed
            raise kind(UNAVAILABLE_MESSAGE, cause=cause) from error
        except (ResponseParserError, UnicodeDecodeError) as error:
            raise _unexpected_response() from error
        try:
            return [label_from(item) for item in answer["Labels"]]
        except (LookupError, TypeError) as error:
            raise _unexpected_response() from error


def label_from(item: Any) -> Label:
    """One of DetectLabels' `Labels`."""
    name = item["Name"]
    return Label(
        name=name,
        confidence=item["Confidence"],
        boxes=tuple(_box_from(name, each) for each in item.get("Instances", ())),
        parents=tuple(parent["Name"] for parent in item.get("Parents", ())),
    )


def _box_from(name: str, instance: Any) -> Box:
    side = instance["BoundingBox"]
    return Box(
        side["Left"], side["Top"], side["Width"], side["Height"], name, instance["Confidence"]
    )


def _unexpected_response() -> DetectorFailed:
    """Something between us and Amazon answered: a proxy's page, half an answer."""
    return DetectorFailed(
        UNAVAILABLE_MESSAGE, cause=f"what answered is not Rekognition: look at {WHERE_TO_LOOK}"
    )


def _refusal(error: ClientError) -> NotBilled:
    code = error.response["Error"]["Code"]
    cause = f"{code}: {REMEDIES.get(code) or error.response['Error'].get('Message', '')}"
    kind = PictureRefused if code in PICTURE_ERRORS else NotBilled
    return kind(UNAVAILABLE_MESSAGE, cause=cause)


def _stop_retrying(caught_exception: Exception | None = None, **_: Any) -> None:
    """Stop botocore's tries where the last one may have been billed.

    It tries up to three times. Throttling and the service's own faults (5xx) are not billed, nor
    is what never reached it. But a picture that was sent and not answered, because the time was
    up or the line broke, may have been looked at: asking again would be a second call, which
    nobody counted. Its stand-in is quicker, too.
    """
    if caught_exception is not None and not isinstance(caught_exception, NOT_SENT_ERRORS):
        raise caught_exception
