"""A bucket whose new objects are told of in a queue, and a source of events that S3 may be."""

import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import boto3

from tests.support.aws import BUCKET

INPUT, OUTPUT = f"s3://{BUCKET}/in/", f"s3://{BUCKET}/out/"


@dataclass(frozen=True)
class Queue:
    """A queue of moto's server and its dead-letter queue, seen from behind the site's back."""

    url: str
    dead_url: str
    client: Any

    @property
    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def send(self, body: str) -> None:
        self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def dead(self) -> list[tuple[str, str]]:
        """Return body and reason of the messages that were given up."""
        answer = self.client.receive_message(
            QueueUrl=self.dead_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [
            (item["Body"], item["MessageAttributes"]["Reason"]["StringValue"])
            for item in answer.get("Messages", ())
        ]


def new_queue(name: str) -> Queue:
    client = boto3.client("sqs")
    urls = [client.create_queue(QueueName=f"{name}{end}")["QueueUrl"] for end in ("", "-dead")]
    return Queue(urls[0], urls[1], client)


def notify(s3: Any, queue: Queue) -> None:
    """Let the bucket send its events to the queue, which begins with a test event."""
    arn = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])
    to = {"QueueArn": arn["Attributes"]["QueueArn"], "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [to]}
    )


def record(
    key: str, etag: str, *, sequencer: str = "0055AED6DCD90281E5", name: str = "ObjectCreated:Put"
) -> dict[str, Any]:
    """Return S3's record of a new object as AWS sends it now."""
    found = {"key": quote_plus(key, safe="/"), "size": 1, "eTag": etag.strip('"')}
    return {
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-11-28T21:32:17.013Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
            "object": {**found, "sequencer": sequencer},
        },
    }


def body(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": list(records)})


def from_eventbridge(key: str, etag: str) -> dict[str, Any]:
    """Return EventBridge's copy of an event: its key is not encoded."""
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": BUCKET},
            "object": {"key": key, "size": 1, "etag": etag.strip('"'), "sequencer": "0055"},
        },
    }


def unreliable(bodies: list[str], seed: int) -> list[str]:
    """Repeat each message up to three times, and shuffle them, as S3 may deliver its events."""
    chance = random.Random(seed)
    repeated = [body for body in bodies for _ in range(chance.randint(1, 3))]
    chance.shuffle(repeated)
    return repeated
