"""The failures of S3 as errors of the site."""

from collections.abc import Mapping
from typing import Any

from rubberduck.core.errors import StorageCircuitOpen, StorageFailed
from rubberduck.storage.base import UNAVAILABLE_MESSAGE

CHECK_CONNECTION = "Check the AWS credentials, DUCK_REGION and the network."


class S3Unavailable(StorageFailed):
    """S3 did not answer or failed on its side. Counts for the circuit breaker."""


def require_etag(answer: Mapping[str, Any]) -> None:
    """Raise S3Unavailable for a response without ETag, which S3 always sends."""
    if not answer.get("ETag"):
        raise unexpected_response()


def unexpected_response() -> S3Unavailable:
    """Return the error for a response that is not S3's, such as a proxy's page."""
    return S3Unavailable(UNAVAILABLE_MESSAGE, cause=f"the answer is not S3's. {CHECK_CONNECTION}")


def circuit_open() -> StorageCircuitOpen:
    return StorageCircuitOpen(
        UNAVAILABLE_MESSAGE, cause="S3 failed repeatedly; the circuit breaker is open"
    )
