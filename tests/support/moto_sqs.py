"""moto's queues, whose messages its server's threads change all at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from moto.sqs.models import Queue


@contextmanager
def one_change_at_a_time() -> Iterator[None]:
    """Let one thread at a time change the list of messages.

    moto 5.2.5 copies the list to delete a message (`Queue.delete_message`), and what another thread
    deletes or sends meanwhile comes back or is lost: a deleted message came again when it was
    visible, after 90 seconds.
    """
    lock = threading.RLock()

    def alone(change: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(change)
        def call(*values: Any, **named: Any) -> Any:
            with lock:
                return change(*values, **named)

        return call

    with (
        patch.object(Queue, "add_message", alone(Queue.add_message)),
        patch.object(Queue, "delete_message", alone(Queue.delete_message)),
    ):
        yield
