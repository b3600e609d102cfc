"""Calls of Rekognition that send a picture inside the request: each is billed at most once."""

from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from rubberduck.aws.client_errors import not_sent_errors, translated_errors
from rubberduck.aws.errors import explain
from rubberduck.core.errors import DetectorFailed, NotBilled, PictureRefused

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

SERVICE = "Amazon Rekognition"
MAX_BYTES = 5_242_880  # of a picture sent inside the request
NOT_A_PICTURE_BYTES = b"Is there a rubber duck in here?"  # refused, and so not billed
UNAVAILABLE_MESSAGE = "Amazon Rekognition is unavailable."
CHECK_CONNECTION = "Check the AWS credentials, DUCK_REGION and the network."

# Errors of one picture, not of the service: the next picture may be sent.
PICTURE_ERRORS = {
    "InvalidImageFormatException",
    "ImageTooLargeException",
    "InvalidParameterException",
}


def bill_once(client: "RekognitionClient", operation: str) -> None:
    """Stop botocore's retries of this operation where the last call may have been billed."""
    event = f"needs-retry.rekognition.{operation}"
    client.meta.events.register_first(event, _stop_retrying, f"stop-retrying-{operation}")


def image_errors(operation: str) -> AbstractContextManager[None]:
    """Raise what a call raises as DetectorFailed: PictureRefused, NotBilled, or itself."""
    return translated_errors(
        "Rekognition", partial(_refusal, operation), _no_answer, not_sent=_not_sent
    )


def is_picture_error(error: DetectorFailed) -> bool:
    """Return whether the service refused what is no picture: whoever asked had the right to."""
    return error.cause is not None and error.cause.startswith("InvalidImageFormatException")


def _refusal(operation: str, response: Any) -> NotBilled:
    cause = explain(response, service=SERVICE, permission=f"rekognition:{operation}")
    if response["Error"]["Code"] in PICTURE_ERRORS:
        return PictureRefused("Its format or size is not what it takes.", cause=cause)
    return NotBilled(UNAVAILABLE_MESSAGE, cause=cause)


def _no_answer(problem: str) -> DetectorFailed:
    return DetectorFailed(UNAVAILABLE_MESSAGE, cause=f"{problem}. {CHECK_CONNECTION}")


def _not_sent(problem: str) -> NotBilled:
    return NotBilled(UNAVAILABLE_MESSAGE, cause=f"{problem}. {CHECK_CONNECTION}")


def _stop_retrying(caught_exception: Exception | None = None, **_: Any) -> None:
    """Raise what would be retried, if the picture may have been analysed.

    botocore calls up to three times. Throttling and the service's own faults (5xx) are not billed,
    nor is a request that was never sent. But a picture that was sent without a response, because of
    a time-out or a broken connection, may have been analysed: a retry would be a second call, which
    the budget does not count. The fallback detector is faster, too.
    """
    if caught_exception is not None and not isinstance(caught_exception, not_sent_errors()):
        raise caught_exception
