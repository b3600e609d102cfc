"""A queue of Amazon SQS with events: messages are hidden while they are worked on, then deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rubberduck.aws.errors import explain
from rubberduck.aws.event_queue_errors import QueueFailed

SERVICE = "Amazon SQS"
LONGEST_POLL = 20  # seconds
LONGEST_HIDING = 43_200  # seconds, SQS's limit from the first receipt
MAX_REASON = 1000
BAD_HANDLE = ("ReceiptHandleIsInvalid", "InvalidParameterValue")


@dataclass(frozen=True)
class Message:
    """`received` counts the times it was received, this one included."""

    id: str
    body: str
    handle: str
    received: int


class EventQueue:
    """A queue on a boto3 client. Every method raises QueueFailed."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url

    def receive(self, most: int, wait: int = LONGEST_POLL, hide: int = 60) -> list[Message]:
        """Wait up to `wait` seconds for messages; others do not see them for `hide` seconds."""
        with _translated("ReceiveMessage"):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=min(wait, LONGEST_POLL),
                VisibilityTimeout=hide,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            return [
                Message(
                    item["MessageId"],
                    item["Body"],
                    item["ReceiptHandle"],
                    int(item["Attributes"]["ApproximateReceiveCount"]),
                )
                for item in answer.get("Messages", ())
            ]

    def hide(self, message: Message, seconds: float) -> None:
        """Let others see the message after so many seconds from now."""
        timeout = min(max(round(seconds), 0), LONGEST_HIDING)
        with _translated("ChangeMessageVisibility"):
            self.client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message.handle, VisibilityTimeout=timeout
            )

    def delete(self, message: Message) -> None:
        with _translated("DeleteMessage"):
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message.handle)

    def send(self, body: str, reason: str) -> None:
        """Send a message with the reason why it is here."""
        # SQS refuses empty values and most control characters.
        text = "".join(char if char.isprintable() else " " for char in reason)[:MAX_REASON]
        attribute = {"DataType": "String", "StringValue": text or "unknown"}
        with _translated("SendMessage"):
            self.client.send_message(
                QueueUrl=self.url, MessageBody=body, MessageAttributes={"Reason": attribute}
            )

    def check(self) -> None:
        """Try to receive and to delete; no message is taken from the queue."""
        self.receive(1, wait=0, hide=0)
        try:
            self.delete(Message("", "", "none", 0))
        except QueueFailed as error:
            if error.code not in BAD_HANDLE:
                raise


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    # Imported late: without AWS the site starts without botocore.
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        advice = explain(error.response, service=SERVICE, permission=f"sqs:{operation}")
        if code.endswith("NonExistentQueue") or code == "QueueDoesNotExist":
            advice = f"{code}: the queue does not exist: check DUCK_EVENTS_QUEUE"
        failed = QueueFailed("Amazon SQS refused {operation}.", cause=advice, operation=operation)
        failed.code = code
        raise failed from error
    except (BotoCoreError, ResponseParserError, LookupError, TypeError, ValueError) as error:
        cause = f"Amazon SQS gave no answer: {str(error).rstrip('.')}"
        raise QueueFailed("Amazon SQS gave no answer.", cause=cause) from error
