"""Take S3's events from a queue of Amazon SQS, some at a time, as the worker does."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from rubberduck.aws.event_queue import EventQueue, Message
from rubberduck.aws.event_queue_errors import QueueFailed
from rubberduck.aws.sqs import LONGEST_POLL
from rubberduck.core.errors import DuckError
from rubberduck.events.delivery import Delivery

log = logging.getLogger(__name__)
HIDE_SECONDS = 90  # longer than a claim: after a crash the claim runs out before others see it
EXTEND_SECONDS = 30.0
PAUSE_SECONDS = 10.0  # after the queue, or the dead-letter queue, failed


@dataclass(frozen=True)
class QueuePoller:
    """Answers the messages of `queue`, `at_once` at a time."""

    queue: EventQueue
    delivery: Delivery
    at_once: int = 2
    poll_seconds: int = LONGEST_POLL

    def run_forever(self, stopping: threading.Event) -> None:
        """Poll until `stopping` is set; what has begun is finished."""
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="event") as executor:
            while not stopping.is_set():
                try:
                    self.poll(executor)
                except DuckError as error:
                    log.error("queue failed cause=%s", error.operator_message)
                    stopping.wait(PAUSE_SECONDS)

    def check(self) -> None:
        """Try the queue, the place for answers and the claims. Raises DuckError.

        What is sent to the dead-letter queue cannot be taken back, so that is not tried.
        """
        handler = self.delivery.handler
        handler.bucket.check()
        handler.claims.check()
        self.queue.check()

    def poll(self, executor: ThreadPoolExecutor) -> int:
        """Answer the messages that are there; return their number. Raises QueueFailed."""
        messages = self.queue.receive(self.at_once, self.poll_seconds, HIDE_SECONDS)
        begun = [executor.submit(self._process, message) for message in messages]
        wait(begun)
        for each in begun:
            each.result()
        return len(messages)

    def _process(self, message: Message) -> None:
        with _kept_hidden(self.queue, message):
            seconds = self.delivery.deliver(message)
        if seconds is None:
            self.queue.delete(message)
        else:
            self.queue.hide(message, seconds)


@contextmanager
def _kept_hidden(queue: EventQueue, message: Message) -> Iterator[None]:
    """Hide the message from others as long as this lasts."""
    done = threading.Event()

    def extend() -> None:
        while not done.wait(EXTEND_SECONDS):
            try:
                queue.hide(message, HIDE_SECONDS)
            except QueueFailed as error:
                log.warning("message not hidden cause=%s", error.operator_message)

    thread = threading.Thread(target=extend, name="hide-message", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
