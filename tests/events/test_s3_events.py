"""What S3, SNS, SQS and EventBridge send, read as the objects that they tell of."""

import json
from typing import Any

import pytest

from rubberduck.events.places import InvalidPlace, Place, Places
from rubberduck.events.s3_events import CreatedObject, InvalidEvent, created_objects
from tests.support.arrivals import body, from_eventbridge, record
from tests.support.aws import BUCKET

# As moto 5.2.5 sends it: the slash is encoded, too, and there is no sequencer.
MOTO = {
    "eventVersion": "2.1",
    "eventSource": "aws:s3",
    "eventName": "ObjectCreated:CompleteMultipartUpload",
    "s3": {
        "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
        "object": {"key": "in%2Fr%C3%B6d+anka%2B1+%282%29.jpg", "eTag": "e10d"},
    },
}


@pytest.mark.parametrize(
    "key", ["in/a b.jpg", "in/a+b.jpg", "in/100%.jpg", "in/röd.jpg", "in/a\nb.jpg", "x" * 1024]
)
def test_every_key_is_read_as_it_was_written(key: str) -> None:
    expected = CreatedObject(BUCKET, key, "e10d", is_versioned=False)
    from_s3 = created_objects(body(record(key, "e10d")))
    # aws-lambda-powertools 3.37 decodes this copy's key, too, and then "+" is a space.
    from_bus = created_objects(from_eventbridge(key, '"e10d"'))
    assert [(each.key, each.version) for each in (*from_s3, *from_bus)] == [
        (expected.key, expected.version)
    ] * 2


def test_a_record_of_moto_is_read() -> None:
    (created,) = created_objects(body(MOTO))
    assert created == CreatedObject(BUCKET, "in/röd anka+1 (2).jpg", "e10d", is_versioned=False)


def test_all_records_are_read_in_any_envelope() -> None:
    inner = body(record("in/1", "a"), record("in/2", "b"))
    notification = json.dumps({"Type": "Notification", "Message": inner})
    in_sqs = {"Records": [{"eventSource": "aws:sqs", "body": notification}]}
    in_sns = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": inner}}]}
    for message in (inner, inner.encode(), notification, in_sqs, in_sns):
        assert [each.key for each in created_objects(message)] == ["in/1", "in/2"]


def test_a_version_id_counts_more_than_an_etag() -> None:
    versioned = record("in/1", "a")
    versioned["s3"]["object"]["versionId"] = "v1"
    (created,) = created_objects(body(versioned))
    assert (created.version, created.is_versioned) == ("v1", True)


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET},  # has no Records
        {"Records": [record("in/1", "a", name="ObjectRemoved:Delete")]},
        {"Records": [record("in/1", "a", name="ObjectTagging:Put")]},
        {"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}},
        {"Records": []},
    ],
)
def test_what_tells_of_no_new_object_is_passed_over(message: dict[str, Any]) -> None:
    assert created_objects(message) == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("hello", "not JSON"),
        ("[]", "not a JSON object"),
        ({}, "neither Records"),
        ({"Records": [1]}, "a record is not"),
        ({"Records": [{"eventSource": "aws:ses"}]}, "aws:ses"),
        ({"Records": [{**MOTO, "eventVersion": "3.0"}]}, "version '3.0'"),
        ({"Records": [{**MOTO, "s3": {}}]}, "s3.bucket.name is missing"),
        ({"Records": [{**MOTO, "s3": {"bucket": {"name": "b"}, "object": {"key": ""}}}]}, "lacks"),
    ],
)
def test_anything_else_is_refused_with_the_reason(message: Any, why: str) -> None:
    with pytest.raises(InvalidEvent, match=why):
        created_objects(message)


def test_sequencers_are_compared_as_text_padded_on_the_right() -> None:
    created = CreatedObject("b", "k", "1", is_versioned=True, sequencer="0055AED6DCD90281E5")
    assert created.is_older_than("0055AED6DCD90281E501")
    assert not created.is_older_than("0055AED6DCD90281E500")
    assert not created.is_older_than("0055AED6DCD9")
    assert not created.is_older_than(None)


@pytest.mark.parametrize(
    "output", ["s3://ducks/", "s3://ducks/in/out/", "s3://ducks/in/", "s3://ducks/i"]
)
def test_a_place_for_answers_that_would_wake_the_site_is_refused(output: str) -> None:
    with pytest.raises(InvalidPlace, match="would arrive as pictures"):
        Places(Place.parse("s3://ducks/in/"), Place.parse(output))


def test_answers_lie_beside_each_other_under_keys_that_s3_takes() -> None:
    places = Places(Place.parse("s3://ducks/in/"), Place.parse("s3://ducks/out/"))
    assert places.answer_key("in/a/b.jpg") == "out/a/b.jpg.json"
    assert places.marked_key("in/a/b.jpg") == "out/a/b.jpg.marked.jpg"
    long = [places.answer_key(f"in/{'ü' * 510}{end}") for end in "12"]
    assert len(set(long)) == 2
    assert all(len(key.encode()) <= 1024 for key in long)
