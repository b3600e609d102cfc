"""Turn videos and their segments into rows, and rows into them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC
from fractions import Fraction
from typing import Any

from sqlalchemy import RowMapping

from rubberduck.core.models import Box, Label
from rubberduck.videos.models import Sample, Segment, Video, VideoInfo
from rubberduck.videos.tables import videos


def video_row(video: Video) -> dict[str, Any]:
    """Return the row of a video."""
    values = {column.name: getattr(video, column.name) for column in videos.columns}
    created_at = video.created_at.astimezone(UTC).replace(tzinfo=None)
    info = info_row(video.info) if video.info else None
    return values | {"created_at": created_at, "info": info}


def to_video(found: RowMapping) -> Video:
    """Return the video of a row."""
    values = dict(found)
    for name in ("created_at", "ended_at"):
        values[name] = values[name] and values[name].replace(tzinfo=UTC)
    return Video(**values | {"info": _info(found["info"]) if found["info"] else None})


def info_row(info: VideoInfo) -> dict[str, Any]:
    """Return what a row holds of a file's contents."""
    base = info.time_base
    return asdict(info) | {"time_base": [base.numerator, base.denominator]}


def _info(stored: Mapping[str, Any]) -> VideoInfo:
    return VideoInfo(**{**stored, "time_base": Fraction(*stored["time_base"])})


def segment_row(id: str, segment: Segment) -> dict[str, Any]:
    """Return the row of a segment of a video, or of a paid analysis that has not ended."""
    return {
        "video_id": id,
        "number": segment.number,
        "end_pts": segment.end_pts,
        "first_seconds": segment.samples[0].seconds if segment.samples else 0.0,
        "samples": [_sample_row(sample) for sample in segment.samples],
    }


def _sample_row(sample: Sample) -> list[Any]:
    """Return [pts, seconds, is_cut, labels]; a label: [name, confidence, boxes, parents].

    A box: [left, top, width, height, confidence]. Lists, since an hour has 18,000 samples.
    """
    labels = [
        [
            label.name,
            round(label.confidence, 2),
            [
                [*(round(side, 5) for side in _sides(box)), round(box.confidence, 2)]
                for box in label.boxes
            ],
            list(label.parents),
        ]
        for label in sample.labels
    ]
    return [sample.pts, round(sample.seconds, 6), sample.is_cut, labels]


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.width, box.height


def to_segment(found: RowMapping) -> Segment:
    """Return the segment of a row."""
    samples = tuple(_sample(each) for each in found["samples"])
    return Segment(found["number"], found["end_pts"], samples)


def _sample(stored: list[Any]) -> Sample:
    pts, seconds, is_cut, labels = stored
    return Sample(pts, seconds, tuple(_label(*label) for label in labels), is_cut)


def _label(name: str, confidence: float, boxes: list[list[float]], parents: list[str]) -> Label:
    found = tuple(
        Box(left, top, width, height, name, score) for left, top, width, height, score in boxes
    )
    return Label(name, confidence, found, tuple(parents))
