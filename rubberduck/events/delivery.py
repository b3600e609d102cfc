"""Answer the messages of a queue, and decide which come again and which are given up.

SQS's own redrive policy moves a message without a word about why. So the last try sends it to the
dead-letter queue itself, with its reason; the policy stays for what ends the process.
"""

import logging
from dataclasses import dataclass

from rubberduck.aws.event_queue import EventQueue, Message
from rubberduck.core.errors import DuckError, PictureRefused
from rubberduck.events.claims import Busy
from rubberduck.events.handler import EventHandler
from rubberduck.events.s3_events import CreatedObject, InvalidEvent, created_objects

log = logging.getLogger(__name__)
TRIES = 5
SERVER_ERROR = 500
RETRY_SECONDS = (10.0, 60.0, 300.0, 1800.0)  # after the first, second, … failure of a service
# While another answers the same key: nearly always done at once, but after a crash its claim stays
# for a minute. Each time counts as a try, of which a queue allows few.
BUSY_SECONDS = (2.0, 10.0, 60.0)


@dataclass(frozen=True)
class Delivery:
    """Answers messages with `handler`. `dead` is the dead-letter queue, if there is one."""

    handler: EventHandler
    dead: EventQueue | None
    retry_seconds: tuple[float, float, float, float] = RETRY_SECONDS
    busy_seconds: tuple[float, ...] = BUSY_SECONDS

    def deliver(self, message: Message) -> float | None:
        """Answer the objects of one message. Return None if it is done, and can be deleted.

        Else it should come again after so many seconds. Raises QueueFailed.
        """
        try:
            created = created_objects(message.body)
        except InvalidEvent as error:
            return self._give_up(message, f"It is no event of S3: {error}.")
        failed: list[tuple[CreatedObject, DuckError]] = []
        wait: float | None = None
        for each in created:  # one that fails holds up none of the others
            try:
                self.handler.handle(each)
            except Busy as busy:
                most = self.busy_seconds[min(message.received, len(self.busy_seconds)) - 1]
                wait = max(wait or 0.0, min(busy.seconds, most))
            except DuckError as error:
                failed.append((each, error))
        return self._retry(message, failed) if failed else wait

    def _retry(
        self, message: Message, failed: list[tuple[CreatedObject, DuckError]]
    ) -> float | None:
        _, first = failed[0]
        if message.received < TRIES:
            is_outage = any(_may_go_by(error) for _, error in failed)
            seconds = self.retry_seconds[message.received - 1] if is_outage else 0.0
            log.warning(
                "event failed message=%s tries=%d retry_s=%d cause=%s",
                *(message.id, message.received, seconds, first.operator_message),
            )
            return seconds
        for each, error in failed:
            self._refuse(each, error)
        return self._give_up(message, f"{first.problem.title}. {first.operator_message}")

    def _refuse(self, created: CreatedObject, error: DuckError) -> None:
        try:
            self.handler.refuse(created, error)
        except (DuckError, Busy) as failed:
            log.warning("refusal not written key=%r cause=%s", created.key, failed)

    def _give_up(self, message: Message, reason: str) -> float | None:
        log.error("event given up message=%s reason=%s", message.id, reason)
        if self.dead is None:
            return 0.0  # it comes again, until the queue's own policy takes it
        self.dead.send(message.body, reason)
        return None


def _may_go_by(error: DuckError) -> bool:
    """Return whether a service failed; what is wrong with the picture itself stays so."""
    return error.status >= SERVER_ERROR and not isinstance(error, PictureRefused)
