"""moto's queues forget no deletion, though several threads of the worker delete at once."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.sqs.models import Message, Queue

from tests.support.aws import REGION
from tests.support.moto_sqs import one_change_at_a_time

QUEUES, MESSAGES, THREADS = 40, 12, 4


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_what_was_deleted_does_not_come_back() -> None:
    """Of moto 5.2.5 alone, one in twenty comes back: its delete_message writes an old list."""
    with one_change_at_a_time(), ThreadPoolExecutor(THREADS) as executor:
        for _ in range(QUEUES):
            queue = Queue("events", REGION, "123456789012")  # type: ignore[abstract]
            for number in range(MESSAGES):
                message = Message(str(number), "body")
                message.mark_sent()
                queue.add_message(message)
                message.mark_received(90)
            handles = [message.receipt_handle for message in queue._messages]
            list(executor.map(queue.delete_message, handles))
            assert queue._messages == []
