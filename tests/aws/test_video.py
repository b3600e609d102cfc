"""Rekognition Video over the wire: real boto3 and real HTTP against the fake, videos in S3."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from rubberduck.aws.custom_labels import S3Address
from rubberduck.aws.video import CELEBRITIES, LABELS, Channel, RekognitionVideo
from rubberduck.aws.video_errors import (
    PageTokenExpired,
    VideoNotTaken,
    VideoServiceBusy,
    VideoServiceRefused,
)
from rubberduck.aws.video_notices import NoticeQueue
from tests.support.aws import BUCKET
from tests.support.custom_labels import LOSE_ANSWER, LOSE_REQUEST, FakeCustomLabels
from tests.support.stored_videos import encoded_video, seen_celebrity, seen_label

KEY = "videos/a b+ä/copy.mp4"
VIDEO = S3Address(BUCKET, KEY)
ONCE = Config(retries={"total_max_attempts": 1})
DAY = 24 * 3600


@pytest.fixture
def fake(custom_labels: FakeCustomLabels, s3: Any) -> FakeCustomLabels:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=encoded_video())
    custom_labels.clock.per_describe = 0
    return custom_labels


@pytest.fixture
def service(fake: FakeCustomLabels) -> RekognitionVideo:
    return RekognitionVideo(boto3.client("rekognition", config=ONCE))


def test_a_video_is_started_once_and_its_labels_come_both_ways(
    service: RekognitionVideo, fake: FakeCustomLabels
) -> None:
    fake.videos.labels = [
        seen_label(0, "Bird", 71.0),
        seen_label(500, "Duck", 94.1, box=True, parents=["Animal", "Bird"]),
        seen_label(1000, "Duck", 96.0),
        seen_label(1000, "Bird", 80.0),
        seen_label(1500, "Duck", 9.0),  # below what is asked for
    ]
    fake.faults.order("StartLabelDetection", LOSE_ANSWER)
    with pytest.raises(VideoServiceBusy, match="got no answer"):
        service.start_labels(VIDEO, "token-1", 10.0)
    job = service.start_labels(VIDEO, "token-1", 10.0)
    assert service.start_labels(VIDEO, "token-1", 10.0) == job
    assert list(fake.videos.jobs) == [job]
    with pytest.raises(VideoServiceRefused, match="other parameters: ask for a new analysis"):
        service.start_labels(VIDEO, "token-1", 50.0)
    assert not service.job(LABELS, job).has_ended
    with pytest.raises(VideoServiceBusy, match="has not succeeded"):
        next(service.labels(job))
    fake.advance(60)
    state = service.job(LABELS, job)
    assert (state.state, state.seconds, state.model_version) == ("SUCCEEDED", 2.0, "3.0")
    found = list(service.labels(job))
    assert [(each.seconds, each.label.name, each.label.confidence) for each in found] == [
        (0.0, "Bird", 71.0),
        (0.5, "Duck", 94.1),
        (1.0, "Duck", 96.0),
        (1.0, "Bird", 80.0),
    ]
    (box,) = found[1].label.boxes
    assert (box.left, box.top, box.width, box.height) == (0.125, 0.25, 0.25, 0.5)
    assert found[1].label.parents == ("Animal", "Bird")
    segments = [(s.name, s.start, s.end, s.confidence) for s in service.segments(job)]
    assert segments == [
        ("Bird", 0.0, 0.5, 71.0),
        ("Duck", 0.5, 1.5, 96.0),
        ("Bird", 1.0, 1.5, 80.0),
    ]


@pytest.mark.parametrize("number", [10_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_labels_come_in_pages_whose_tokens_live_a_day(
    service: RekognitionVideo, fake: FakeCustomLabels, number: int
) -> None:
    fake.throttle.rate = 1000
    labels: list[dict[str, Any]] = [
        {"Timestamp": 500 * (n // 4), "Label": {"Name": f"Label {n % 4}", "Confidence": 90.0}}
        for n in range(number)
    ]
    fake.videos.labels = labels
    job = service.start_labels(VIDEO, "token", 50.0)
    fake.advance(60)
    found = [(round(each.seconds * 1000), each.label.name) for each in service.labels(job)]
    assert found == [(item["Timestamp"], item["Label"]["Name"]) for item in labels]
    assert fake.calls["GetLabelDetection"] == number / 1000
    pages = service.labels(job)
    for _ in range(number // 2):
        next(pages)
    fake.advance(DAY + 1)
    with pytest.raises(PageTokenExpired):
        list(pages)
    assert next(service.labels(job)).label.name == "Label 0"


def test_celebrities_have_names_times_and_whole_addresses(
    service: RekognitionVideo, fake: FakeCustomLabels
) -> None:
    fake.videos.celebrities = [seen_celebrity(480, "Ada L"), seen_celebrity(0, "Grace H", 91.5)]
    job = service.start_celebrities(VIDEO, "token")
    fake.advance(60)
    assert service.job(CELEBRITIES, job).state == "SUCCEEDED"
    first, second = service.celebrities(job)
    assert (first.name, first.seconds, first.confidence) == ("Grace H", 0.0, 91.5)
    assert (second.id, second.urls) == ("AdaL", ("https://www.imdb.com/name/Ad",))


def test_what_cannot_be_analysed_says_why(
    service: RekognitionVideo, fake: FakeCustomLabels, s3: Any
) -> None:
    with pytest.raises(VideoNotTaken, match="allow s3:GetObject"):
        service.start_labels(S3Address(BUCKET, "videos/none.mp4"), "a", 50.0)
    fake.videos.max_bytes = 100
    with pytest.raises(VideoNotTaken, match="10 GB and 6 hours"):
        service.start_labels(VIDEO, "b", 50.0)
    fake.videos.max_bytes = 10**9
    webm = encoded_video(codec="libvpx-vp9", format="webm")
    s3.put_object(Bucket=BUCKET, Key="videos/copy.webm", Body=webm)
    job = service.start_labels(S3Address(BUCKET, "videos/copy.webm"), "c", 50.0)
    fake.advance(60)
    state = service.job(LABELS, job)
    assert (state.state, state.has_ended) == ("FAILED", True)
    assert "H.264" in state.message
    with pytest.raises(VideoServiceRefused, match="does not know this analysis any more"):
        service.job(CELEBRITIES, job)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("ThrottlingException", VideoServiceBusy, "have the quota raised"),
        ("ProvisionedThroughputExceededException", VideoServiceBusy, "request rate"),
        ("InternalServerError", VideoServiceBusy, "it passes"),
        ("LimitExceededException", VideoServiceBusy, "20 videos of this account"),
        (LOSE_REQUEST, VideoServiceBusy, "got no answer"),
        ("AccessDeniedException", VideoServiceRefused, "allow rekognition:StartLabelDetection"),
        ("InvalidParameterException", VideoServiceRefused, "said the fake endpoint"),
    ],
)
def test_every_fault_passes_or_is_refused_in_words(
    service: RekognitionVideo,
    fake: FakeCustomLabels,
    fault: str,
    kind: type[Exception],
    words: str,
) -> None:
    fake.faults.order("StartLabelDetection", fault)
    with pytest.raises(kind, match=words):
        service.start_labels(VIDEO, "token", 50.0)
    assert service.start_labels(VIDEO, "token", 50.0)
    assert len(fake.videos.jobs) == 1


def test_the_twenty_first_video_waits(service: RekognitionVideo, fake: FakeCustomLabels) -> None:
    fake.clock.per_call = 1
    for number in range(20):
        fake.throttle.rate = 100
        service.start_labels(VIDEO, f"token-{number}", 50.0)
    with pytest.raises(VideoServiceBusy, match="wait for one"):
        service.start_celebrities(VIDEO, "token-20")
    fake.advance(60)
    assert service.start_celebrities(VIDEO, "token-20")


def test_the_check_names_all_rights_that_are_missing(
    service: RekognitionVideo, fake: FakeCustomLabels
) -> None:
    service.check(BUCKET)
    fake.faults.denied |= {"StartCelebrityRecognition", "GetLabelDetection"}
    with pytest.raises(VideoServiceRefused) as refused:
        service.check(BUCKET)
    assert "Allow rekognition:StartCelebrityRecognition, rekognition:GetLabelDetection to" in str(
        refused.value
    )
    assert fake.videos.jobs == {}


def test_a_notice_goes_from_the_topic_to_the_queue(fake: FakeCustomLabels) -> None:
    """Through moto's SNS and SQS: once in the topic's envelope, once raw, and twice each."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="videos")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    topics = []
    for raw in ("false", "true"):
        topic = sns.create_topic(Name=f"videos-{raw}")["TopicArn"]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn["QueueArn"],
            Attributes={"RawMessageDelivery": raw},
        )
        topics.append(topic)
    fake.videos.publish = lambda topic, message: sns.publish(TopicArn=topic, Message=message)
    fake.videos.notices = 2
    client = boto3.client("rekognition", config=ONCE)
    jobs = [
        RekognitionVideo(
            client, Channel(topic, "arn:aws:iam::123456789012:role/notices")
        ).start_labels(VIDEO, f"token{number}", 50.0)
        for number, topic in enumerate(topics)
    ]
    fake.advance(60)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"hello": 1}))
    notices = NoticeQueue(boto3.client("sqs", config=ONCE), queue)
    notices.check()
    received = notices.receive()
    assert sorted(str(each.job_id) for each in received) == sorted([*jobs, *jobs, "None"])
    for each in received:
        notices.delete(each)
    assert notices.receive(1) == []
    sqs.delete_queue(QueueUrl=queue)
    with pytest.raises(VideoServiceBusy, match="check DUCK_VIDEO_QUEUE"):
        notices.receive()
    for topic in topics:
        sns.delete_topic(TopicArn=topic)
