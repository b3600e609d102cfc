"""StartLabelDetection and GetLabelDetection: the site's own analysis of videos, by the worker."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from rubberduck.core.errors import DuckError
from rubberduck.core.models import Label
from rubberduck.emulator.errors import ServiceError, invalid_parameter, not_found, throttled
from rubberduck.emulator.labels import MODEL_VERSION, describe, filtered, with_parents
from rubberduck.emulator.objects import invalid_object
from rubberduck.emulator.paging import page_of
from rubberduck.emulator.site import Site
from rubberduck.services.videos import ANALYSE, VideoService, new_id
from rubberduck.videos.errors import NoSuchVideo
from rubberduck.videos.models import READY, Sample, Video
from rubberduck.videos.timeline import LabelSegment, label_segments

VIDEO, TOKEN = "video", "token"  # kinds of records
NOTIFY = "emulator-video"  # the job that tells a topic how it ended
KEPT = timedelta(days=7)  # of a job, as at the service
MIN_CONFIDENCE, MAX_RESULTS = 50.0, 1000
TIMESTAMP, NAME, TIMESTAMPS, SEGMENTS = "TIMESTAMP", "NAME", "TIMESTAMPS", "SEGMENTS"
Entry = dict[str, Any]


def start_label_detection(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    channel = given.get("NotificationChannel")
    if channel and channel["SNSTopicArn"] not in site.settings.emulator_topics:
        raise invalid_parameter(
            "The emulator publishes to the topics that DUCK_EMULATOR_TOPICS names, and to no others"
        )
    where = given["Video"].get("S3Object", {})
    if "Bucket" not in where or "Name" not in where:
        raise invalid_parameter()
    id, token = new_id(), given.get("ClientRequestToken")
    if token and (known := _known_job(site, token, given, id)):
        return {"JobId": known}
    # Before the job, which looks for it.
    site.records.put(VIDEO, id, {"request": given}, lasts=KEPT)
    try:
        _receive(site, where, id, NOTIFY if channel else ANALYSE)
    except (DuckError, OSError, ServiceError):
        if token:
            site.records.delete(TOKEN, token)
        site.records.delete(VIDEO, id)
        raise
    return {"JobId": id}


def _known_job(site: Site, token: str, given: dict[str, Any], id: str) -> str | None:
    """Return the job that has this token; if none has, give it to `id` and return None.

    Before the video is received, which takes time: an SDK may repeat the request meanwhile.
    """
    asked = sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
    if site.records.put_new(TOKEN, token, {"asked": asked, "job": id}, lasts=KEPT):
        return None
    known = site.records.get(TOKEN, token)
    if known is None:  # its request failed at this moment
        raise throttled()
    if known["asked"] != asked:
        raise ServiceError(
            "IdempotentParameterMismatchException",
            "The ClientRequestToken was used with other parameters",
        )
    return str(known["job"])


def _service(site: Site) -> VideoService:
    return VideoService(site.pipeline, site.jobs, site.settings)


def _receive(site: Site, where: dict[str, str], id: str, kind: str) -> None:
    most = site.settings.video_bytes
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        size = site.objects.fetch(where["Bucket"], where["Name"], path, where.get("Version"))
        if size > most:
            raise ServiceError("VideoTooLargeException", f"The limit is {most:,} bytes")
        if not size:
            raise invalid_object()
        more = {"delay": site.settings.emulator_delay} if kind == NOTIFY else {}
        _service(site).receive(path, None, size, id=id, kind=kind, **more)


def get_label_detection(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    id = given["JobId"]
    record = site.records.get(VIDEO, id)
    try:
        video = _service(site).get(id) if record else None
    except NoSuchVideo:
        video = None
    if record is None or video is None:
        raise not_found(f"Could not find JobId {id}")
    request = record["request"]
    sort, aggregate = given.get("SortBy", TIMESTAMP), given.get("AggregateBy", TIMESTAMPS)
    answer: dict[str, Any] = {
        "JobId": id,
        "JobTag": request.get("JobTag"),
        "Video": request["Video"],
        "GetRequestMetadata": {"SortBy": sort, "AggregateBy": aggregate},
        "LabelModelVersion": MODEL_VERSION,
    }
    if video.is_active or site.is_settling(video.created_at):
        return answer | {"JobStatus": "IN_PROGRESS", "Labels": []}
    if video.status != READY:
        return answer | {"JobStatus": "FAILED", "StatusMessage": video.error, "Labels": []}
    samples = list(_chosen(request, _service(site).samples(video)))
    entries = _segments(samples, video) if aggregate == SEGMENTS else _timestamps(samples)
    entries.sort(key=ORDERS[sort])
    limited = given | {"MaxResults": min(given.get("MaxResults", MAX_RESULTS), MAX_RESULTS)}
    numbered = list(enumerate(entries))
    list_id = f"{id} {sort} {aggregate}"
    page, token = page_of(numbered, limited, list_id, lambda each: str(each[0]), MAX_RESULTS)
    return answer | {
        "JobStatus": "SUCCEEDED",
        "VideoMetadata": _metadata(video),
        "Labels": [entry for _, entry in page],
        "NextToken": token,
    }


def _by_time(entry: Entry) -> tuple[int, str]:
    return entry["Timestamp"], entry["Label"]["Name"]


def _by_name(entry: Entry) -> tuple[str, float, int]:
    """The surest of a name come first: so the reference of SortBy says it."""
    return entry["Label"]["Name"], -entry["Label"]["Confidence"], entry["Timestamp"]


ORDERS: dict[str, Callable[[Entry], Any]] = {TIMESTAMP: _by_time, NAME: _by_name}


def _chosen(request: dict[str, Any], samples: Iterable[Sample]) -> Iterator[Sample]:
    """Yield the samples with the labels that the request leaves, parents included."""
    least = request.get("MinConfidence", MIN_CONFIDENCE)
    filters = request.get("Settings", {}).get("GeneralLabels", {})
    for sample in samples:
        labels = filtered(with_parents(list(sample.labels)), filters)
        kept = tuple(label for label in labels if label.confidence >= least)
        yield Sample(sample.pts, sample.seconds, kept, sample.is_cut)


def _timestamps(samples: Sequence[Sample]) -> list[Entry]:
    return [
        {"Timestamp": _milliseconds(sample.seconds), "Label": describe(label)}
        for sample in samples
        for label in sample.labels
    ]


def _segments(samples: Sequence[Sample], video: Video) -> list[Entry]:
    """Return stretches of time; they have no instances, and the highest confidence."""
    end = video.info.seconds if video.info else 0.0
    return [_segment(each) for each in label_segments(samples, end)]


def _segment(segment: LabelSegment) -> Entry:
    start, end = _milliseconds(segment.start_seconds), _milliseconds(segment.end_seconds)
    label = describe(Label(segment.label, segment.confidence, (), segment.parents))
    return {
        "Timestamp": start,
        "StartTimestampMillis": start,
        "EndTimestampMillis": end,
        "DurationMillis": end - start,
        "Label": {name: value for name, value in label.items() if name != "Instances"},
    }


def _metadata(video: Video) -> dict[str, Any] | None:
    if (info := video.info) is None:
        return None
    return {
        "Codec": info.codec,
        "DurationMillis": _milliseconds(info.seconds),
        "Format": info.container,
        "FrameRate": info.rate,
        "FrameHeight": info.height,
        "FrameWidth": info.width,
    }


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
