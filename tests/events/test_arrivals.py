"""A picture is put into a bucket, and its answer lies beside it: S3 and SQS over the wire."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from composition import build_delivery, build_event_poller, build_pipeline
from rubberduck.aws.event_queue import Message
from rubberduck.core.errors import DetectorFailed, PictureRefused
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.events.claims import LEASE_SECONDS, Claim
from rubberduck.events.delivery import BUSY_SECONDS
from rubberduck.events.queue_poller import QueuePoller
from rubberduck.events.s3_events import created_objects
from tests.support.arrivals import (
    INPUT,
    OUTPUT,
    Queue,
    body,
    new_queue,
    notify,
    record,
    unreliable,
)
from tests.support.aws import BUCKET
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import encoded, tiny


@pytest.fixture
def queue(s3: Any, request: pytest.FixtureRequest) -> Iterator[Queue]:
    queue = new_queue("events")
    yield queue
    for url in (queue.url, queue.dead_url):
        queue.client.delete_queue(QueueUrl=url)


@pytest.fixture
def poller(settings: Settings, queue: Queue, detector: FakeDetector) -> QueuePoller:
    """What the worker runs, with a detector that counts its calls, and without waits."""
    changes = {
        "events_input": INPUT,
        "events_output": OUTPUT,
        "events_queue": queue.url,
        "events_dead_queue": queue.dead_url,
    }
    settings = settings.model_copy(update=changes)
    pipeline = replace(build_pipeline(settings), detector=detector)
    poller = build_event_poller(settings, pipeline)
    assert poller
    delivery = replace(poller.delivery, retry_seconds=(0, 0, 0, 0), busy_seconds=(0, 1, 60))
    return replace(poller, delivery=delivery, poll_seconds=0)


def work_off(poller: QueuePoller, queue: Queue) -> None:
    with ThreadPoolExecutor(4) as executor:
        while poller.poll(executor) or queue.left:
            pass


def stored(s3: Any, key: str) -> bytes:
    read: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return read


def answers(s3: Any) -> dict[str, Any]:
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="out/").get("Contents", ())
    keys = [item["Key"] for item in listed if item["Key"].endswith(".json")]
    found = [json.loads(stored(s3, key)) for key in keys]
    return {answer["source"]["key"]: answer for answer in found}


def test_a_picture_put_into_the_bucket_finds_its_answer_beside_it(
    s3: Any, queue: Queue, poller: QueuePoller, detector: FakeDetector
) -> None:
    notify(s3, queue)
    # moto 5.2.5 answers 404 to a key with a newline, which S3 takes; see test_s3_events.py.
    keys = ["in/a b+c %41 ü (2).jpg", "in/a/b/c.jpg", f"in/{'x' * 1021}"]
    for number, key in enumerate(keys):
        s3.put_object(Bucket=BUCKET, Key=key, Body=tiny(number))
    s3.put_object(Bucket=BUCKET, Key="elsewhere.jpg", Body=tiny(9))
    work_off(replace(poller, at_once=16), queue)  # SQS hands over ten at most
    assert sorted(answers(s3)) == sorted(keys)
    answer = answers(s3)[keys[0]]
    assert (answer["found"], answer["score"], answer["engine"]) == (True, 94.0, "fake detector")
    assert answer["marked"] == "out/a b+c %41 ü (2).jpg.marked.jpg"
    assert Image.open(BytesIO(stored(s3, answer["marked"]))).format == "JPEG"
    # The answers are told of, too, and none of them is answered.
    assert detector.calls == len(keys)
    assert (queue.left, queue.dead()) == (0, [])


def test_a_multipart_upload_is_answered_once_though_it_is_told_of_twice(
    s3: Any, queue: Queue, poller: QueuePoller, detector: FakeDetector
) -> None:
    """moto 5.2.5 sends Put and CompleteMultipartUpload; S3 sends the second only."""
    notify(s3, queue)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="in/large.jpg")
    names = {"Bucket": BUCKET, "Key": "in/large.jpg", "UploadId": upload["UploadId"]}
    part = s3.upload_part(**names, PartNumber=1, Body=tiny(1))
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    work_off(poller, queue)
    assert list(answers(s3)) == ["in/large.jpg"]
    assert detector.calls == 1


def test_events_that_come_often_and_in_any_order_give_one_answer_each(
    s3: Any, queue: Queue, poller: QueuePoller, detector: FakeDetector
) -> None:
    bodies = []
    for number in range(12):
        key = f"in/{number}.jpg"
        etag = s3.put_object(Bucket=BUCKET, Key=key, Body=tiny(number))["ETag"]
        bodies.append(body(record(key, etag)))
    for message in unreliable(bodies, seed=1):
        queue.send(message)
    work_off(poller, queue)
    assert len(answers(s3)) == 12
    assert detector.calls == 12
    assert queue.dead() == []


def test_a_picture_that_was_replaced_or_deleted_is_left_to_its_next_event(
    s3: Any, queue: Queue, poller: QueuePoller, detector: FakeDetector
) -> None:
    old = s3.put_object(Bucket=BUCKET, Key="in/1.jpg", Body=tiny(1))["ETag"]
    new = s3.put_object(Bucket=BUCKET, Key="in/1.jpg", Body=tiny(2))["ETag"]
    gone = s3.put_object(Bucket=BUCKET, Key="in/2.jpg", Body=tiny(3))["ETag"]
    s3.delete_object(Bucket=BUCKET, Key="in/2.jpg")
    queue.send(body(record("in/1.jpg", old, sequencer="0A"), record("in/2.jpg", gone)))
    queue.send(body(record("in/1.jpg", new, sequencer="0B")))
    queue.send(body(record("in/1.jpg", old, sequencer="0A")))
    work_off(poller, queue)
    assert answers(s3)["in/1.jpg"]["source"]["version"] == new.strip('"')
    assert list(answers(s3)) == ["in/1.jpg"]
    assert detector.calls == 1


def test_an_event_of_a_picture_in_work_comes_again_soon_and_then_waits_for_a_crash(
    s3: Any, poller: QueuePoller
) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="in/1.jpg", Body=tiny(1))["ETag"]
    event = body(record("in/1.jpg", etag))
    (created,) = created_objects(event)
    delivery = replace(poller.delivery, busy_seconds=BUSY_SECONDS)
    claims = delivery.handler.claims
    claim = claims.take(created)
    assert isinstance(claim, Claim)
    waits = [delivery.deliver(Message("id", event, "receipt", received)) for received in (1, 2)]
    assert waits == [2, 10]
    last = delivery.deliver(Message("id", event, "receipt", 5))
    assert last is not None
    assert 10 < last <= LEASE_SECONDS
    claims.finish(claim)
    assert delivery.deliver(Message("id", event, "receipt", 6)) is None


def test_what_fails_five_times_is_given_up_with_its_reason_and_holds_nobody_up(
    s3: Any, queue: Queue, poller: QueuePoller, caplog: pytest.LogCaptureFixture
) -> None:
    notify(s3, queue)
    s3.put_object(Bucket=BUCKET, Key="in/poison.jpg", Body=b"no picture")
    s3.put_object(Bucket=BUCKET, Key="in/good.jpg", Body=tiny(1))
    queue.send("hello")
    work_off(poller, queue)
    given_up = {reason.partition(".")[0]: message for message, reason in queue.dead()}
    assert given_up.keys() == {
        "This file is not a picture we can read",
        "It is no event of S3: it is not JSON",
    }
    assert "poison.jpg" in given_up["This file is not a picture we can read"]
    tries = [record.args[1] for record in caplog.records if "event failed" in record.msg]  # type: ignore[index]
    assert tries == [1, 2, 3, 4]  # the fifth is given up
    found = answers(s3)
    # It came first, and was answered last.
    assert found["in/good.jpg"]["answered_at"] < found["in/poison.jpg"]["answered_at"]
    assert found["in/good.jpg"]["found"] is True
    assert found["in/poison.jpg"]["error"]["type"] == "not-a-picture"
    assert "JPEG" in found["in/poison.jpg"]["error"]["hint"]


def test_of_one_message_with_two_pictures_the_poison_does_not_spoil_the_other(
    s3: Any, queue: Queue, poller: QueuePoller
) -> None:
    poison = s3.put_object(Bucket=BUCKET, Key="in/poison.jpg", Body=b"no picture")["ETag"]
    good = s3.put_object(Bucket=BUCKET, Key="in/good.jpg", Body=tiny(1))["ETag"]
    queue.send(body(record("in/poison.jpg", poison), record("in/good.jpg", good)))
    work_off(poller, queue)
    found = answers(s3)
    assert found["in/good.jpg"]["found"] is True
    assert found["in/poison.jpg"]["error"]["type"] == "not-a-picture"
    assert [reason.partition(".")[0] for _, reason in queue.dead()] == [
        "This file is not a picture we can read"
    ]


def test_while_the_detector_fails_a_message_waits_and_is_answered_afterwards(
    s3: Any, queue: Queue, poller: QueuePoller, detector: FakeDetector
) -> None:
    class Failing(FakeDetector):
        def labels(self, picture: Any) -> Any:
            if self.calls < 3:
                self.calls += 1
                raise DetectorFailed("The detector failed.", cause="throttled")
            return super().labels(picture)

    handler = poller.delivery.handler
    failing = Failing(*detector.answer)
    pipeline = replace(handler.pipeline, detector=failing)
    delivery = replace(poller.delivery, handler=replace(handler, pipeline=pipeline))
    etag = s3.put_object(Bucket=BUCKET, Key="in/1.jpg", Body=encoded())["ETag"]
    queue.send(body(record("in/1.jpg", etag)))
    work_off(replace(poller, delivery=delivery), queue)
    assert answers(s3)["in/1.jpg"]["found"] is True
    assert failing.calls == 4
    assert queue.dead() == []


def test_a_picture_that_the_detector_refuses_is_given_up_without_a_wait(
    s3: Any, queue: Queue, poller: QueuePoller
) -> None:
    class Refusing(FakeDetector):
        def labels(self, picture: Any) -> Any:
            raise PictureRefused("It does not take it.", cause="InvalidImageFormatException")

    handler = poller.delivery.handler
    pipeline = replace(handler.pipeline, detector=Refusing())
    handler = replace(handler, pipeline=pipeline)
    delivery = replace(poller.delivery, handler=handler, retry_seconds=(3600, 3600, 3600, 3600))
    etag = s3.put_object(Bucket=BUCKET, Key="in/1.jpg", Body=encoded())["ETag"]
    queue.send(body(record("in/1.jpg", etag)))
    work_off(replace(poller, delivery=delivery), queue)
    ((_, reason),) = queue.dead()
    assert "InvalidImageFormatException" in reason
    assert "InvalidImageFormatException" in answers(s3)["in/1.jpg"]["error"]["why"]


def test_settings_that_do_not_go_together_stop_the_start(settings: Settings) -> None:
    pipeline = build_pipeline(settings)
    for changes, why in (
        ({"events_input": INPUT}, "or neither"),
        ({"events_input": INPUT, "events_output": f"{INPUT}out/"}, "would arrive as pictures"),
    ):
        with pytest.raises(InvalidSettings, match=why):
            build_delivery(settings.model_copy(update=changes), pipeline)
    alone = settings.model_copy(update={"events_queue": "https://sqs.example/1/q"})
    with pytest.raises(InvalidSettings, match="needs DUCK_EVENTS_INPUT"):
        build_event_poller(alone, pipeline)
