"""What all queues of Amazon SQS have in common: limits, error codes, advice."""

from collections.abc import Mapping
from typing import Any

from rubberduck.aws.errors import explain

SERVICE = "Amazon SQS"
LONGEST_POLL = 20  # seconds
# What DeleteMessage answers to a handle that is none, if it may be called.
BAD_HANDLE = ("ReceiptHandleIsInvalid", "InvalidParameterValue")


def sqs_advice(response: Mapping[str, Any], operation: str, setting: str) -> str:
    """Return the code of an error response, and what to do; `setting` has the queue's URL."""
    code = response["Error"]["Code"]
    if code.endswith("NonExistentQueue") or code == "QueueDoesNotExist":
        return f"{code}: the queue does not exist: check {setting}"
    return explain(response, service=SERVICE, permission=f"sqs:{operation}")
