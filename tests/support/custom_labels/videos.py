"""Jobs of Rekognition Video: what the fake answers about stored videos.

What is seen is what a test sets in `world.videos`; the object in the bucket decides whether it can
be analysed at all: H.264 in MP4 or MOV.
"""

import base64
import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any

import av

from tests.support.custom_labels.datasets import read_object
from tests.support.custom_labels.faults import Refused
from tests.support.custom_labels.state import Timed
from tests.support.custom_labels.world import World

Request = dict[str, Any]
Answer = dict[str, Any]
MAX_JOBS, PAGE = 20, 1000
TOKEN_SECONDS = 24 * 3600
UNSUPPORTED = "Unsupported codec/format. Supported are H.264 videos in MPEG-4 or MOV."


@dataclass
class VideoJob(Timed):
    """`arn` is its JobId."""

    operation: str = ""
    request: Request = field(default_factory=dict)
    metadata: Answer | None = None
    message: str = ""


@dataclass
class Videos:
    """What every video shows, what goes wrong, and what is billed.

    `labels` and `celebrities` are items of the answers by timestamps. `publish` is called with the
    topic and the message of a job that has ended, `notices` times. `minutes` are billed, by kind.
    """

    labels: list[Answer] = field(default_factory=list)
    celebrities: list[Answer] = field(default_factory=list)
    step: int = 500  # milliseconds between the frames that are looked at
    error: str | None = None  # the jobs that end next fail with this message
    max_bytes: int = 10_000_000_000
    publish: Callable[[str, str], None] | None = None
    notices: int = 1
    jobs: dict[str, VideoJob] = field(default_factory=dict)
    minutes: Counter[str] = field(default_factory=Counter)


def videos_of(world: World) -> Videos:
    world.videos = world.videos or Videos()
    return world.videos


def start_label_detection(world: World, request: Request) -> Answer:
    return _start(world, "StartLabelDetection", request)


def start_celebrity_recognition(world: World, request: Request) -> Answer:
    return _start(world, "StartCelebrityRecognition", request)


def _start(world: World, operation: str, request: Request) -> Answer:
    videos, token = videos_of(world), request.get("ClientRequestToken")
    for known in videos.jobs.values():
        if token and known.operation == operation and known.request["ClientRequestToken"] == token:
            if known.request != request:
                raise Refused("IdempotentParameterMismatchException")
            return {"JobId": known.arn}
    if "S3Object" not in request["Video"]:
        raise Refused("InvalidParameterException", "Video needs an S3Object")
    data = read_object(request["Video"]["S3Object"])
    if len(data) > videos.max_bytes:
        raise Refused("VideoTooLargeException")
    if sum(job.state == "IN_PROGRESS" for job in videos.jobs.values()) >= MAX_JOBS:
        raise Refused("LimitExceededException", "Too many jobs run")
    id = f"{len(videos.jobs) + 1:064x}"
    job = VideoJob(id, world.clock.now, "IN_PROGRESS", operation=operation, request=request)
    job.metadata = _look_into(data)
    job.go_on(world.due("video"), partial(_end, world, job))
    videos.jobs[id] = job
    return {"JobId": id}


def _look_into(data: bytes) -> Answer | None:
    """Return VideoMetadata; None for what the service does not take."""
    try:
        with av.open(BytesIO(data), "r") as container:
            (stream,) = container.streams.video
            if "mov" not in container.format.name or stream.codec_context.name != "h264":
                return None
            assert container.duration
            return {
                "Codec": "h264",
                "DurationMillis": container.duration // 1000,
                "Format": "QuickTime / MOV",
                "FrameRate": float(stream.average_rate or 25),
                "FrameHeight": stream.height,
                "FrameWidth": stream.width,
                "ColorRange": "LIMITED",
            }
    except (av.FFmpegError, ValueError):
        return None


def _end(world: World, job: VideoJob) -> None:
    videos = videos_of(world)
    job.message = videos.error or ("" if job.metadata else UNSUPPORTED)
    job.become("FAILED" if job.message else "SUCCEEDED")
    if job.metadata and not job.message:
        minutes = math.ceil(job.metadata["DurationMillis"] / 60_000)
        videos.minutes[job.operation] += minutes
    channel = job.request.get("NotificationChannel")
    for _ in range(videos.notices if channel and videos.publish else 0):
        where = job.request["Video"]["S3Object"]
        message = {
            "JobId": job.arn,
            "Status": "ERROR" if job.message else "SUCCEEDED",
            "API": job.operation,
            "Timestamp": int(world.clock.now * 1000),
            "Video": {"S3ObjectName": where["Name"], "S3Bucket": where["Bucket"]},
        }
        assert channel
        assert videos.publish
        videos.publish(channel["SNSTopicArn"], json.dumps(message))


def get_label_detection(world: World, request: Request) -> Answer:
    job = _job(world, request, "StartLabelDetection")
    by_segments = request.get("AggregateBy", "TIMESTAMPS") == "SEGMENTS"
    order = {"SortBy": request.get("SortBy", "TIMESTAMP")}
    order["AggregateBy"] = "SEGMENTS" if by_segments else "TIMESTAMPS"
    lowest = job.request.get("MinConfidence", 50)
    seen = [item for item in videos_of(world).labels if item["Label"]["Confidence"] >= lowest]
    items = _segments(seen, videos_of(world).step) if by_segments else seen
    if order["SortBy"] == "NAME":
        items.sort(key=lambda item: (item["Label"]["Name"], -item["Label"]["Confidence"]))
    else:
        items.sort(key=lambda item: item["Timestamp"])
    answer = _answer(world, job, request, order, "Labels", items)
    if job.state == "SUCCEEDED":
        answer |= {"GetRequestMetadata": order, "LabelModelVersion": "3.0"}
    return answer


def get_celebrity_recognition(world: World, request: Request) -> Answer:
    job = _job(world, request, "StartCelebrityRecognition")
    order = {"SortBy": request.get("SortBy", "TIMESTAMP")}
    items = list(videos_of(world).celebrities)
    items.sort(
        key=lambda item: item["Celebrity"]["Id"] if order["SortBy"] == "ID" else item["Timestamp"]
    )
    return _answer(world, job, request, order, "Celebrities", items)


def _segments(items: list[Answer], step: int) -> list[Answer]:
    """Join sightings of a label that follow one another: no boxes, the highest confidence."""
    joined: list[Answer] = []
    last: dict[str, Answer] = {}
    for item in sorted(items, key=lambda item: item["Timestamp"]):
        label = {key: value for key, value in item["Label"].items() if key != "Instances"}
        start, known = item["Timestamp"], last.get(label["Name"])
        if known and start <= known["EndTimestampMillis"]:
            known["Label"]["Confidence"] = max(known["Label"]["Confidence"], label["Confidence"])
        else:
            known = {"Timestamp": start, "StartTimestampMillis": start, "Label": label}
            last[label["Name"]] = known
            joined.append(known)
        known["EndTimestampMillis"] = start + step
        known["DurationMillis"] = start + step - known["StartTimestampMillis"]
    return joined


def _job(world: World, request: Request, operation: str) -> VideoJob:
    job = videos_of(world).jobs.get(request["JobId"])
    if job is None or job.operation != operation:
        raise Refused("ResourceNotFoundException", f"There is no job {request['JobId']}")
    return job


def _answer(
    world: World,
    job: VideoJob,
    request: Request,
    order: dict[str, str],
    member: str,
    items: list[Answer],
) -> Answer:
    answer: Answer = {"JobStatus": job.state, "JobId": job.arn, "Video": job.request["Video"]}
    if job.state == "FAILED":
        answer["StatusMessage"] = job.message
    if job.state != "SUCCEEDED":
        return answer | {member: []}
    start = _start_of_page(world, job, request, order)
    end = start + min(request.get("MaxResults", PAGE), PAGE)
    if end < len(items):
        answer["NextToken"] = _token(world, job, order, end)
    return answer | {"VideoMetadata": job.metadata, member: items[start:end]}


def _token(world: World, job: VideoJob, order: dict[str, str], start: int) -> str:
    parts = [job.arn[-8:], *order.values(), start, int(world.clock.now)]
    return base64.b64encode(json.dumps(parts).encode()).decode()


def _start_of_page(world: World, job: VideoJob, request: Request, order: dict[str, str]) -> int:
    """Return where the token's page begins. Refuses one of another list, or of yesterday."""
    if (token := request.get("NextToken")) is None:
        return 0
    try:
        *ours, start, at = json.loads(base64.b64decode(token))
    except ValueError:
        raise Refused("InvalidPaginationTokenException") from None
    if ours != [job.arn[-8:], *order.values()] or world.clock.now > at + TOKEN_SECONDS:
        raise Refused("InvalidPaginationTokenException")
    return int(start)
