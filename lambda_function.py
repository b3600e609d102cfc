"""The function at AWS Lambda that answers pictures which arrive in a bucket.

It takes S3's events from a queue, so that what failed is tried again alone, or from S3, SNS or
EventBridge. docs/events.md says how to set it up.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rubberduck.events.delivery import Delivery

SQS = "aws:sqs"
KEPT_BYTES = 40_000_000  # of 2 GB: a process that answers one picture after the other
# The only folder that can be written there; matplotlib keeps its list of fonts in it.
os.environ.setdefault("MPLCONFIGDIR", "/tmp/matplotlib")


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the event's pictures; of a queue's messages, return which should come again.

    Without a queue the first failure is raised when all others are answered: Lambda itself then
    tries the event twice more.
    """
    records = event.get("Records")
    if isinstance(records, list) and any(each.get("eventSource") == SQS for each in records):
        again = [each["messageId"] for each in records if not _is_done(each)]
        return {"batchItemFailures": [{"itemIdentifier": id} for id in again]}
    return {"outcomes": _handle_all(event)}


def _handle_all(event: dict[str, Any]) -> list[str]:
    from rubberduck.core.errors import DuckError
    from rubberduck.events.claims import Busy
    from rubberduck.events.s3_events import created_objects

    outcomes: list[str] = []
    failures: list[Exception] = []
    for each in created_objects(event):
        try:
            outcomes.append(delivery().handler.handle(each))
        except (DuckError, Busy) as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return outcomes


def _is_done(record: dict[str, Any]) -> bool:
    from rubberduck.aws.event_queue import Message

    received = int(record["attributes"]["ApproximateReceiveCount"])
    message = Message(record["messageId"], record["body"], record["receiptHandle"], received)
    return delivery().deliver(message) is None


@cache
def delivery() -> "Delivery":
    """Return what answers events, built at the first one. Raises InvalidSettings."""
    from composition import build_delivery, build_pipeline
    from rubberduck.core.settings import SQLITE, InvalidSettings
    from rubberduck.core.settings_loading import load_settings
    from rubberduck.imaging.decode import keep_buffers
    from rubberduck.web.logging import configure_server_logging

    settings = load_settings()
    configure_server_logging(settings.log_level)
    keep_buffers(KEPT_BYTES)
    if settings.answering_engine == "rekognition" and settings.database_url.startswith(SQLITE):
        raise InvalidSettings(
            "DUCK_DATABASE_URL must be PostgreSQL, where all share the budget of Rekognition's "
            "calls; or DUCK_ENGINE=local, and the embedded detector answers."
        )
    if (built := build_delivery(settings, build_pipeline(settings))) is None:
        raise InvalidSettings("DUCK_EVENTS_INPUT and DUCK_EVENTS_OUTPUT are not set.")
    return built
