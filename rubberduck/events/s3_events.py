"""Read S3's events: from S3 itself, through SNS or SQS, and EventBridge's copies.

aws-lambda-powertools 3.37 was tried: its data class of EventBridge's events decodes keys, which are
not encoded there, so that a key with "+" is not found; its models raise for S3's test event.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

CREATED = "ObjectCreated:"
TEST_EVENT = "s3:TestEvent"
MAJOR_VERSION = "2"  # AWS documents 2.5 and 2.6, and still sends 2.1
MAX_NESTING = 3  # SNS in SQS in the function's event


class InvalidEvent(Exception):
    """The message is none of S3's events; the text says what is wrong."""


@dataclass(frozen=True)
class CreatedObject:
    """A new object. `version` is its version id, or its ETag in a bucket without versions.

    `sequencer` orders the events of one key; S3 always sends it.
    """

    bucket: str
    key: str
    version: str
    is_versioned: bool
    sequencer: str | None = None

    def is_older_than(self, sequencer: str | None) -> bool:
        """Compare with another event of the same key, as AWS documents it.

        >>> CreatedObject("b", "k", "1", True, "0055AED6DCD9").is_older_than("0055AED6DCD90281E5")
        True
        """
        if self.sequencer is None or sequencer is None:
            return False
        length = max(len(self.sequencer), len(sequencer))
        return self.sequencer.ljust(length, "0") < sequencer.ljust(length, "0")


def created_objects(message: str | bytes | Mapping[str, Any]) -> list[CreatedObject]:
    """Return the objects whose creation the message tells of, without deletions and tests.

    Raises InvalidEvent.
    """
    return list(_created(message, MAX_NESTING))


def _created(message: str | bytes | Mapping[str, Any], depth: int) -> Iterator[CreatedObject]:
    event = _parsed(message)
    if event.get("Event") == TEST_EVENT:
        return
    if event.get("Type") == "Notification" and "Message" in event and depth:  # SNS
        yield from _created(event["Message"], depth - 1)
    elif event.get("source") == "aws.s3":
        yield from _from_eventbridge(event)
    elif isinstance(records := event.get("Records"), list):
        for record in records:
            yield from _from_record(record, depth)
    else:
        raise InvalidEvent("it has neither Records nor the source aws.s3")


def _parsed(message: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(message, str | bytes):
        try:
            message = json.loads(message)
        except ValueError:
            raise InvalidEvent("it is not JSON") from None
    if not isinstance(message, Mapping):
        raise InvalidEvent("it is not a JSON object")
    return message


def _from_record(record: Any, depth: int) -> Iterator[CreatedObject]:
    if not isinstance(record, Mapping):
        raise InvalidEvent("a record is not a JSON object")
    source = record.get("eventSource") or record.get("EventSource")
    if source == "aws:sqs" and depth:
        yield from _created(record.get("body", ""), depth - 1)
    elif source == "aws:sns" and depth:
        yield from _created(_member(record, "Sns", "Message"), depth - 1)
    elif source == "aws:s3":
        major = str(record.get("eventVersion", "")).partition(".")[0]
        if major != MAJOR_VERSION:
            raise InvalidEvent(f"records of version {record.get('eventVersion')!r} are unknown")
        if str(record.get("eventName", "")).startswith(CREATED):
            name, found = _member(record, "s3", "bucket", "name"), _member(record, "s3", "object")
            key = unquote_plus(str(_member(found, "key")))  # S3 encodes keys as forms do
            yield _object(name, key, found, "versionId", "eTag")
    else:
        raise InvalidEvent(f"records of {source!r} are unknown")


def _from_eventbridge(event: Mapping[str, Any]) -> Iterator[CreatedObject]:
    if event.get("detail-type") != "Object Created":
        return
    name, found = _member(event, "detail", "bucket", "name"), _member(event, "detail", "object")
    # EventBridge does not encode keys.
    yield _object(name, str(_member(found, "key")), found, "version-id", "etag")


def _object(
    bucket: Any, key: str, found: Mapping[str, Any], version: str, etag: str
) -> CreatedObject:
    id, tag = found.get(version), found.get(etag)
    if not isinstance(bucket, str) or not bucket or not key or not (id or tag):
        raise InvalidEvent("a record lacks bucket, key, or both version and ETag")
    sequencer = found.get("sequencer")
    return CreatedObject(
        bucket,
        key,
        str(id or tag).strip('"'),
        bool(id),
        str(sequencer).upper() if sequencer else None,
    )


def _member(value: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(value, Mapping) or name not in value:
            raise InvalidEvent(f"{'.'.join(names)} is missing")
        value = value[name]
    return value
