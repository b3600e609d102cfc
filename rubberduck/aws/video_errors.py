"""What Amazon Rekognition Video refused, in words for an operator, and whether to ask again."""

from typing import Any

from rubberduck.aws.custom_labels_errors import PASSING, SERVER_ERROR
from rubberduck.aws.errors import explain
from rubberduck.core.errors import DuckError

SERVICE = "Amazon Rekognition"
STARTS = ("StartLabelDetection", "StartCelebrityRecognition")
# Advice where a code means more than in other operations.
_ADVICE = {
    "InvalidS3ObjectException": (
        "the video is not in the bucket, or may not be read: allow s3:GetObject, and kms:Decrypt "
        "where a KMS key encrypts it"
    ),
    "VideoTooLargeException": "it takes 10 GB and 6 hours at most",
    "IdempotentParameterMismatchException": (
        "this start was made before with other parameters: ask for a new analysis"
    ),
    "LimitExceededException": "20 videos of this account are analysed already: wait for one",
    "InvalidPaginationTokenException": "the token of a page is older than 24 hours",
    "ResourceNotFoundException": (
        "it does not know this analysis any more; answers are kept for some days only: start a new "
        "one"
    ),
}
_VIDEO_CODES = {"InvalidS3ObjectException", "VideoTooLargeException"}


class VideoServiceFailed(DuckError):
    """A request to Rekognition Video failed; `code` is the service's, None without an answer."""

    status = 503
    slug = "rekognition-video-failed"
    title = "Amazon Rekognition Video could not do this"
    hint = "Please try again in a minute. Nothing is lost."
    code: str | None = None


class VideoServiceBusy(VideoServiceFailed):
    """The service was throttling, failing or out of reach; the same request may be made again."""

    slug = "rekognition-video-busy"
    retry_after = 60
    title = "Amazon Rekognition Video is busy or does not answer"


class PageTokenExpired(VideoServiceBusy):
    """A token of a list of results is not valid any more: the list begins again."""

    slug = "rekognition-video-pages-expired"


class VideoServiceRefused(VideoServiceFailed):
    """The service understood the request and refused it; the reason says what to do."""

    status = 409
    slug = "rekognition-video-refused"
    title = "Amazon Rekognition Video refused this"
    hint = "Do what the reason says, then try again."


class VideoNotTaken(VideoServiceRefused):
    """The service cannot take this video; another one may be sent."""

    status = 422
    slug = "rekognition-video-not-taken"
    title = "Amazon Rekognition Video cannot take this video"
    hint = "It takes H.264 in MP4 or MOV. Have its frames analysed one by one, or cut it."


class RekognitionVideoOff(DuckError):
    status = 409
    slug = "rekognition-video-off"
    title = "Amazon Rekognition Video is switched off"
    hint = "Set DUCK_BUCKET and DUCK_REKOGNITION_VIDEO=1, or use the free detector."


def refusal(operation: str, response: Any) -> VideoServiceFailed:
    """Return the error for a ClientError's response."""
    code = response["Error"]["Code"]
    status = response["ResponseMetadata"].get("HTTPStatusCode", 0)
    advice = explain(response, service=SERVICE, permission=f"rekognition:{operation}")
    if own := _ADVICE.get(code):
        advice = f"{code}: {own}"
    elif code == "InvalidParameterException":  # its message says which one
        advice = f"{code}: {response['Error'].get('Message', '').rstrip('.')}"
    kind = VideoServiceRefused
    if code == "InvalidPaginationTokenException":
        return _error(PageTokenExpired, operation, advice, code)
    if code in PASSING or status >= SERVER_ERROR or code == "LimitExceededException":
        return _error(VideoServiceBusy, operation, advice, code)
    if operation in STARTS and code in _VIDEO_CODES:
        kind = VideoNotTaken
    return _error(kind, operation, advice, code)


def no_answer(operation: str, problem: str) -> VideoServiceBusy:
    """Return the error for a request whose answer did not come."""
    return VideoServiceBusy(
        "{operation} got no answer: {problem}. Check the AWS credentials, DUCK_REGION and the "
        "network.",
        operation=operation,
        problem=problem,
    )


def _error(
    kind: type[VideoServiceFailed], operation: str, advice: str, code: str
) -> VideoServiceFailed:
    passes = issubclass(kind, VideoServiceBusy)
    reason = "{operation} failed: {advice}." if passes else "{operation} was refused: {advice}."
    error = kind(reason, operation=operation, advice=advice)
    error.code = code
    return error
