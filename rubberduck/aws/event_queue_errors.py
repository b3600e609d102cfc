"""The error of the queue of events."""

from rubberduck.core.errors import Unavailable


class QueueFailed(Unavailable):
    """SQS refused a request, or gave no answer; `code` is its own word for it."""

    slug = "queue-failed"
    title = "The queue of events does not work"
    code: str | None = None
