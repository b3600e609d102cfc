"""A queue of Amazon SQS with events: messages are hidden while they are worked on, then deleted."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from rubberduck.aws.client_errors import translated_errors
from rubberduck.aws.event_queue_errors import QueueFailed
from rubberduck.aws.sqs import BAD_HANDLE, LONGEST_POLL, SERVICE, sqs_advice

LONGEST_HIDING = 43_200  # seconds, SQS's limit from the first receipt
MAX_REASON = 1000
MAX_MESSAGES = 10  # of one ReceiveMessage


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
        """Wait up to `wait` seconds for messages; others do not see them for `hide` seconds.

        Returns ten at most.
        """
        with _translated("ReceiveMessage"):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=min(most, MAX_MESSAGES),
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


def _translated(operation: str) -> AbstractContextManager[None]:
    def refusal(response: Any) -> QueueFailed:
        advice = sqs_advice(response, operation, "DUCK_EVENTS_QUEUE")
        failed = QueueFailed("Amazon SQS refused {operation}.", cause=advice, operation=operation)
        failed.code = response["Error"]["Code"]
        return failed

    def no_answer(problem: str) -> QueueFailed:
        cause = f"Amazon SQS gave no answer: {problem}"
        return QueueFailed("Amazon SQS gave no answer.", cause=cause)

    return translated_errors(SERVICE, refusal, no_answer)
