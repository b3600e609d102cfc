"""Amazon Rekognition Video: labels and celebrities of a stored video.

A video is analysed by a job of the service's, which takes about as long as the video and cannot be
stopped. Nothing here waits for it: a start returns at once, and the site's jobs ask for the state.
It reads H.264 in MP4 or MOV from a bucket, with the rights of whoever starts it.

botocore has no paginator for the lists of results. A list of results is `Iterator`: its tokens live
24 hours, after which PageTokenExpired is raised, and the caller begins the list again.

Every method raises VideoServiceRefused or VideoServiceBusy, whose `code` is the service's.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rubberduck.aws.celebrities import with_scheme
from rubberduck.aws.client_errors import translated_errors
from rubberduck.aws.custom_labels import S3Address
from rubberduck.aws.labels import label_from
from rubberduck.aws.video_errors import VideoServiceRefused, no_answer, refusal
from rubberduck.core.models import Label

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

Kind = Literal["labels", "celebrities"]
Item = TypeVar("Item")
LABELS: Kind = "labels"
CELEBRITIES: Kind = "celebrities"
IN_PROGRESS, SUCCEEDED, FAILED = "IN_PROGRESS", "SUCCEEDED", "FAILED"
TIMESTAMPS, SEGMENTS = "TIMESTAMPS", "SEGMENTS"
PAGE = 1000  # results, the most that the service gives at once
MILLISECOND = 0.001
DENIED = "AccessDeniedException"
CODEC = "h264"
CHECK_KEY, CHECK_JOB = "videos/check/none.mp4", "0" * 64


@dataclass(frozen=True)
class Channel:
    """Where the service says that a job has ended: a topic of SNS, and the role to publish by."""

    topic_arn: str
    role_arn: str


@dataclass(frozen=True)
class RemoteJob:
    """A job of the service's. `state` is a new one's or IN_PROGRESS until it has ended.

    `seconds` of video, and the sides of its pictures in pixels as the service sees them, are known
    when it has succeeded.
    """

    state: str
    message: str = ""
    seconds: float | None = None
    width: int = 0
    height: int = 0
    model_version: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in (SUCCEEDED, FAILED)


@dataclass(frozen=True)
class TimedLabel:
    """A label at a moment, in seconds from the start, which may be off by some frames."""

    seconds: float
    label: Label


@dataclass(frozen=True)
class LabelSegment:
    """A stretch in which a label was seen; `confidence` is the highest in it, without boxes."""

    name: str
    confidence: float
    start: float  # seconds
    end: float
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimedCelebrity:
    """A celebrity at a moment. `urls` have a scheme, which the service leaves out."""

    seconds: float
    id: str
    name: str
    confidence: float
    urls: tuple[str, ...]


class RekognitionVideo:
    """The operations, on a boto3 client.

    `pace` is called with an operation's name before each call, and waits: see db/call_rates.py.
    """

    def __init__(
        self,
        client: "RekognitionClient",
        channel: Channel | None = None,
        pace: Callable[[str], None] = lambda operation: None,
    ) -> None:
        self.client = client
        self.channel = channel
        self.pace = pace

    # ---- starts, which cost money

    def start_labels(self, video: S3Address, token: str, min_confidence: float) -> str:
        """Begin to detect labels above `min_confidence` percent; return the job's id.

        The same token starts it once: the id is that of the first start. Raises VideoNotTaken.
        """
        return self._start("StartLabelDetection", video, token, MinConfidence=min_confidence)

    def start_celebrities(self, video: S3Address, token: str) -> str:
        """Begin to recognise celebrities; return the job's id as `start_labels` does."""
        return self._start("StartCelebrityRecognition", video, token)

    def _start(self, operation: str, video: S3Address, token: str, **options: Any) -> str:
        if self.channel:
            options["NotificationChannel"] = {
                "SNSTopicArn": self.channel.topic_arn,
                "RoleArn": self.channel.role_arn,
            }
        address = {"S3Object": {"Bucket": video.bucket, "Name": video.key}}
        answer = self._call(operation, Video=address, ClientRequestToken=token, **options)
        return str(_member(operation, answer, "JobId"))

    # ---- states and results

    def job(self, kind: Kind, job_id: str) -> RemoteJob:
        """Return the state of a job, without its results."""
        operation = _GET[kind]
        answer = self._call(operation, JobId=job_id, MaxResults=1)
        video = answer.get("VideoMetadata", {})
        milliseconds = video.get("DurationMillis")
        return RemoteJob(
            str(_member(operation, answer, "JobStatus")),
            answer.get("StatusMessage", ""),
            None if milliseconds is None else milliseconds * MILLISECOND,
            video.get("FrameWidth", 0),
            video.get("FrameHeight", 0),
            answer.get("LabelModelVersion"),
        )

    def labels(self, job_id: str) -> Iterator[TimedLabel]:
        """Yield all labels of a job that has succeeded, by their times."""
        order = {"SortBy": "TIMESTAMP", "AggregateBy": TIMESTAMPS}
        return self._items(LABELS, "Labels", _timed_label, JobId=job_id, **order)

    def segments(self, job_id: str) -> Iterator[LabelSegment]:
        """Yield the stretches of all labels of a job that has succeeded, by their starts."""
        order = {"SortBy": "TIMESTAMP", "AggregateBy": SEGMENTS}
        return self._items(LABELS, "Labels", _segment, JobId=job_id, **order)

    def celebrities(self, job_id: str) -> Iterator[TimedCelebrity]:
        """Yield the celebrities of a job that has succeeded, by their times; nobody else's face."""
        order = {"SortBy": "TIMESTAMP"}
        return self._items(CELEBRITIES, "Celebrities", _celebrity, JobId=job_id, **order)

    # ---- rights

    def check(self, bucket: str) -> None:
        """Try every operation on a video and a job that do not exist; nothing is billed.

        Raises VideoServiceRefused, naming all rights that are missing.
        """
        none = S3Address(bucket, CHECK_KEY)
        calls: tuple[tuple[str, Callable[[], object]], ...] = (
            ("StartLabelDetection", lambda: self.start_labels(none, "check", 50.0)),
            ("StartCelebrityRecognition", lambda: self.start_celebrities(none, "check")),
            ("GetLabelDetection", lambda: self.job(LABELS, CHECK_JOB)),
            ("GetCelebrityRecognition", lambda: self.job(CELEBRITIES, CHECK_JOB)),
        )
        denied = []
        for operation, call in calls:
            try:
                call()
            except VideoServiceRefused as error:
                if error.code == DENIED:
                    denied.append(f"rekognition:{operation}")
        if denied:
            raise VideoServiceRefused(
                "Allow {permissions} to the user or role of this site{role}.",
                permissions=", ".join(denied),
                role=f", and iam:PassRole for {self.channel.role_arn}" if self.channel else "",
            )

    # ---- calls

    def _items(
        self, kind: Kind, member: str, parse: Callable[[Any], Item], **arguments: Any
    ) -> Iterator[Item]:
        """Yield the items of all pages. Raises PageTokenExpired."""
        operation = _GET[kind]
        token: dict[str, str] = {}
        while True:
            page = self._call(operation, MaxResults=PAGE, **arguments, **token)
            if page.get("JobStatus") != SUCCEEDED:
                raise no_answer(operation, "the analysis has not succeeded")
            with _translated(operation):
                items = [parse(item) for item in page[member]]
            yield from items
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _call(self, operation: str, **arguments: Any) -> Any:
        self.pace(operation)
        with _translated(operation):
            return getattr(self.client, _METHODS[operation])(**arguments)


_GET: dict[Kind, str] = {
    LABELS: "GetLabelDetection",
    CELEBRITIES: "GetCelebrityRecognition",
}
_METHODS = {
    "StartLabelDetection": "start_label_detection",
    "StartCelebrityRecognition": "start_celebrity_recognition",
    "GetLabelDetection": "get_label_detection",
    "GetCelebrityRecognition": "get_celebrity_recognition",
}


def _timed_label(item: Any) -> TimedLabel:
    return TimedLabel(item["Timestamp"] * MILLISECOND, label_from(item["Label"]))


def _segment(item: Any) -> LabelSegment:
    label = label_from(item["Label"])
    start, end = item["StartTimestampMillis"], item["EndTimestampMillis"]
    seconds = start * MILLISECOND, end * MILLISECOND
    return LabelSegment(label.name, label.confidence, *seconds, label.parents)


def _celebrity(item: Any) -> TimedCelebrity:
    person = item["Celebrity"]
    return TimedCelebrity(
        item["Timestamp"] * MILLISECOND,
        person["Id"],
        person["Name"],
        person["Confidence"],  # "MatchConfidence" in the answers for pictures
        tuple(with_scheme(url) for url in person.get("Urls", ())),
    )


def _member(operation: str, answer: Any, name: str) -> Any:
    with _translated(operation):
        return answer[name]


def _translated(operation: str) -> AbstractContextManager[None]:
    return translated_errors(
        "Rekognition", partial(refusal, operation), partial(no_answer, operation)
    )
