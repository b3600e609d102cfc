"""Notices that a job of Rekognition Video has ended: SNS sends them, a queue of SQS keeps them.

They arrive late, twice, out of order or never, so a notice is a hint to ask for the job's state at
once, and never the state itself. A notice is known by its JobId: its "API" and "Status" have had
several spellings.
"""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from rubberduck.aws.client_errors import translated_errors
from rubberduck.aws.sqs import BAD_HANDLE, LONGEST_POLL, SERVICE, sqs_advice
from rubberduck.aws.video_errors import VideoServiceBusy, VideoServiceFailed, VideoServiceRefused

MAX_NOTICES = 10  # of one request
DENIED = ("AccessDenied", "AccessDeniedException")


@dataclass(frozen=True)
class Notice:
    """`job_id` is None for a message that is no notice."""

    job_id: str | None
    handle: str


class NoticeQueue:
    """A queue of SQS that a topic sends to, on a boto3 client. Raises VideoServiceFailed."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url

    def receive(self, seconds: float = 0, *, peek: bool = False) -> list[Notice]:
        """Wait up to `seconds`, LONGEST_POLL at most, for notices; return them, often none.

        With `peek` they stay visible to others; else others see them after the queue's own time
        unless they are deleted.
        """
        options: dict[str, Any] = {"VisibilityTimeout": 0} if peek else {}
        with _translated("ReceiveMessage"):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=MAX_NOTICES,
                WaitTimeSeconds=min(int(seconds), LONGEST_POLL),
                **options,
            )
            return [
                Notice(job_id_in(item["Body"]), item["ReceiptHandle"])
                for item in answer.get("Messages", ())
            ]

    def delete(self, notice: Notice) -> None:
        with _translated("DeleteMessage"):
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=notice.handle)

    def check(self) -> None:
        """Try both rights; no notice is taken from the queue."""
        self.receive(peek=True)
        try:
            self.delete(Notice(None, "none"))
        except VideoServiceFailed as error:
            if error.code not in BAD_HANDLE:
                raise


def job_id_in(body: str) -> str | None:
    """Return the JobId of a message, in SNS's envelope or without it; None if it has none.

    >>> job_id_in('{"Type": "Notification", "Message": "{\\\\"JobId\\\\": \\\\"a1\\\\"}"}')
    'a1'
    >>> job_id_in('{"JobId": "a1"}'), job_id_in("hello"), job_id_in("[]")
    ('a1', None, None)
    """
    for _ in range(2):
        try:
            message = json.loads(body)
        except ValueError:
            return None
        if not isinstance(message, dict):
            return None
        if isinstance(found := message.get("JobId"), str):
            return found
        if not isinstance(body := message.get("Message", ""), str):
            return None
    return None


def _translated(operation: str) -> AbstractContextManager[None]:
    def refusal(response: Any) -> VideoServiceFailed:
        code = response["Error"]["Code"]
        kind = VideoServiceRefused if code in DENIED else VideoServiceBusy
        refused = kind(
            "Amazon SQS refused {operation}: {advice}.",
            operation=operation,
            advice=sqs_advice(response, operation, "DUCK_VIDEO_QUEUE"),
        )
        refused.code = code
        return refused

    def no_answer(problem: str) -> VideoServiceFailed:
        return VideoServiceBusy("Amazon SQS gave no answer: {problem}.", problem=problem)

    return translated_errors(SERVICE, refusal, no_answer)
