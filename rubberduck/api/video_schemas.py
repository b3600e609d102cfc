"""The bodies of the API's responses about videos, and the functions that build them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from flask import url_for
from pydantic import Field

from rubberduck.api.body_classes import body_class
from rubberduck.api.schemas import ListLinks, Percent, Pixels, Timestamp
from rubberduck.core.models import Box, Label
from rubberduck.web.formatting import rfc3339
from rubberduck.web.jobs import failure_of, message_of
from rubberduck.web.problem_details import Address
from rubberduck.web.videos import retained_until

if TYPE_CHECKING:
    from rubberduck.jobs.models import Job
    from rubberduck.videos.label_pages import LabelPage, SeenLabel
    from rubberduck.videos.models import Sighting, Track, Video
    from rubberduck.videos.report import VideoReport
    from rubberduck.videos.timeline import LabelSegment

Seconds = Annotated[float, Field(ge=0, description="after the first frame")]
Count = Annotated[int, Field(ge=0)]
FORMATS = ("json", "csv", "vtt", "coco")


@body_class
class VideoLinks:
    """The URLs of a video, and of what is known of it. Null: not there, or not yet."""

    self: Annotated[Address, Field(description="this body, and what is known by then")]
    page: Annotated[Address, Field(description="the video as a web page")]
    labels: Annotated[Address | None, Field(description="what was seen, in pages")]
    tracks: Annotated[Address | None, Field(description="the objects, followed through the video")]
    copy: Annotated[Address | None, Field(description="the video, as browsers play it")]
    marked: Annotated[Address | None, Field(description="the video with boxes drawn in, if made")]
    poster: Annotated[Address | None, Field(description="a frame as JPEG")]
    json: Annotated[Address | None, Field(description="all that was seen, in one file")]
    csv: Annotated[Address | None, Field(description="a row for each stretch of time")]
    vtt: Annotated[Address | None, Field(description="WebVTT chapters")]
    coco: Annotated[Address | None, Field(description="frames and boxes as COCO")]


@body_class
class VideoBody:
    """A video and its answer; “found” and what follows from it are null until it is ready."""

    id: Annotated[str, Field(description="128 random bits; anyone who has it can read the result")]
    status: Annotated[str, Field(description="queued, analysing, ready, failed or cancelled")]
    progress: Annotated[int, Field(ge=0, le=100, description="of the analysis, in percent")]
    progress_message: Annotated[str, Field(description="how far it is, in words")]
    error: Annotated[str | None, Field(description="why it failed; else null")]
    question: Annotated[str, Field(description="the question about the video")]
    found: Annotated[bool | None, Field(description="the answer: yes or no")]
    message: Annotated[str | None, Field(description="the answer in words")]
    score: Annotated[Percent | None, Field(description="confidence in percent; null for a no")]
    threshold: Annotated[Percent, Field(description="minimum confidence of a label, in percent")]
    distinct: Annotated[Count | None, Field(description="the number of different objects")]
    model: Annotated[str | None, Field(description="the project whose model answers")]
    engine: Annotated[str, Field(description="the detector that answers")]
    engine_version: Annotated[str | None, Field(description="the version of its model")]
    sample_rate: Annotated[float, Field(gt=0, description="frames analysed for each second")]
    samples: Annotated[Count, Field(description="frames analysed in all")]
    seconds: Annotated[Seconds | None, Field(description="the length of the video")]
    width: Annotated[Pixels | None, Field(description="of an upright frame of square pixels")]
    height: Annotated[Pixels | None, Field(description="of an upright frame of square pixels")]
    codec: Annotated[str | None, Field(description="how its pictures were encoded")]
    created_at: Annotated[Timestamp, Field(description="when it was sent")]
    ended_at: Annotated[Timestamp | None, Field(description="when the analysis ended")]
    expires_at: Annotated[Timestamp, Field(description="it is deleted after this time")]
    links: VideoLinks


@body_class
class VideoListBody:
    """One page of the visitor's own videos, newest first."""

    videos: Annotated[tuple[VideoBody, ...], Field(description="at most “limit” videos")]
    links: ListLinks


@body_class
class TimestampBody:
    """A label in one frame."""

    seconds: Seconds
    pts: Annotated[int, Field(description="the frame's presentation time, in units of time_base")]
    label: Label


@body_class
class SegmentBody:
    """A stretch of time in which a label is seen in every analysed frame."""

    label: str
    start_seconds: Seconds
    end_seconds: Seconds
    confidence: Annotated[Percent, Field(description="the highest in this stretch")]
    parents: tuple[str, ...]


@body_class
class LabelsBody:
    """One page of what was seen, in the order of time; one of the two lists is empty."""

    aggregate: Annotated[str, Field(description="timestamps or segments")]
    time_base: Annotated[str, Field(description="of presentation times, in seconds: 1/90000")]
    timestamps: tuple[TimestampBody, ...]
    segments: tuple[SegmentBody, ...]
    links: ListLinks


@body_class
class SightingBody:
    """Where an object is in one frame."""

    seconds: Seconds
    pts: Annotated[int, Field(description="the frame's presentation time, in units of time_base")]
    score: Percent
    box: Annotated[Box | None, Field(description="null: somewhere in the frame")]


@body_class
class TrackBody:
    """An object that was followed through the video."""

    id: Annotated[int, Field(ge=1, description="counts the objects of the video")]
    label: str
    score: Annotated[Percent, Field(description="the median of its scores")]
    first_seconds: Seconds
    end_seconds: Seconds
    seen_seconds: Annotated[float, Field(ge=0, description="without gaps")]
    best: SightingBody
    sightings: Annotated[
        tuple[SightingBody, ...] | None, Field(description="null without sightings=true")
    ]


@body_class
class TracksBody:
    """The answer at a threshold, and one page of its objects, by the time they are first seen."""

    found: bool
    score: Annotated[Percent | None, Field(description="confidence in percent; null for a no")]
    threshold: Percent
    distinct: Annotated[Count, Field(description="the number of different objects")]
    time_base: Annotated[str, Field(description="of presentation times, in seconds: 1/90000")]
    tracks: tuple[TrackBody, ...]
    links: ListLinks


def video_body(video: "Video", job: "Job | None" = None) -> VideoBody:
    """Return the body of a video; `job` is its analysis while that runs."""
    info = video.info
    progress = job.progress if job and video.is_active else 0
    return VideoBody(
        id=video.id,
        status=video.status,
        progress=100 if video.status == "ready" else progress,
        progress_message=message_of(job) if job and video.is_active else "",
        error=video.error and failure_of(video.error, video.job_id),
        question=video.question,
        found=video.found,
        message=video.said,
        score=video.score,
        threshold=video.min_confidence,
        distinct=video.distinct,
        model=video.model,
        engine=video.engine,
        engine_version=video.engine_version,
        sample_rate=video.sample_rate,
        samples=video.samples,
        seconds=info.seconds if info else None,
        width=info.width if info else None,
        height=info.height if info else None,
        codec=info.codec if info else None,
        created_at=rfc3339(video.created_at),
        ended_at=rfc3339(video.ended_at) if video.ended_at else None,
        expires_at=rfc3339(retained_until(video)),
        links=_links(video),
    )


def _links(video: "Video") -> VideoLinks:
    is_ready = video.status == "ready"

    def of(endpoint: str, is_there: object, **values: Any) -> str | None:
        return url_for(endpoint, id=video.id, **values) if is_there else None

    exports = {name: of("api.export_video", is_ready, format=name) for name in FORMATS}
    return VideoLinks(
        self=url_for("api.get_video", id=video.id),
        page=url_for("videos.show", id=video.id),
        labels=of("api.list_video_labels", is_ready),
        tracks=of("api.list_video_tracks", is_ready),
        copy=of("videos.copy", video.copy_key),
        marked=of("videos.marked", video.rendered_key),
        poster=of("videos.poster", video.poster_key),
        **exports,
    )


def timestamps_body(page: "LabelPage[SeenLabel]", time_base: str, next: str | None) -> LabelsBody:
    found = tuple(TimestampBody(each.seconds, each.pts, each.label) for each in page.entries)
    return LabelsBody("timestamps", time_base, found, (), ListLinks(next))


def segments_body(page: "LabelPage[LabelSegment]", time_base: str, next: str | None) -> LabelsBody:
    found = tuple(SegmentBody(**vars(each)) for each in page.entries)
    return LabelsBody("segments", time_base, (), found, ListLinks(next))


def tracks_body(
    report: "VideoReport", tracks: Iterable[TrackBody], time_base: str, next: str | None
) -> TracksBody:
    verdict = report.verdict
    return TracksBody(
        found=verdict.found,
        score=verdict.score,
        threshold=report.min_confidence,
        distinct=len(verdict.tracks),
        time_base=time_base,
        tracks=tuple(tracks),
        links=ListLinks(next),
    )


def track_body(track: "Track", *, with_sightings: bool) -> TrackBody:
    sightings = tuple(map(_sighting, track.sightings)) if with_sightings else None
    return TrackBody(
        id=track.id,
        label=track.label,
        score=track.score,
        first_seconds=track.first_seconds,
        end_seconds=track.end_seconds,
        seen_seconds=track.seen_seconds,
        best=_sighting(track.best),
        sightings=sightings,
    )


def _sighting(sighting: "Sighting") -> SightingBody:
    return SightingBody(sighting.seconds, sighting.pts, sighting.score, sighting.box)
