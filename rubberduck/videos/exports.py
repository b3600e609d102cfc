"""What was seen in a video as a file: JSON, CSV, WebVTT and COCO.

Files are made and sent piece by piece: of what grows with the length of a video, only its tracks
are in memory. No library writes chapters or COCO as a stream; these formats are a few lines each.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rubberduck.core.models import Box
from rubberduck.core.spreadsheets import to_csv
from rubberduck.videos.models import Sample, Track, Video, VideoVerdict
from rubberduck.videos.timeline import iter_label_segments

Format = Literal["json", "csv", "vtt", "coco"]
COLUMNS = (
    "kind",
    "label",
    "number",
    "start",
    "end",
    "start_seconds",
    "end_seconds",
    "seen_seconds",
    "confidence",
    "parents",
)
MIN_CUE_SECONDS = 0.001  # a cue has to end after its start


@dataclass(frozen=True)
class Exported:
    """A video that was analysed, and its verdict at `threshold` percent.

    `samples` reads what was seen, each time from the beginning.
    """

    video: Video
    verdict: VideoVerdict
    threshold: float
    samples: Callable[[], Iterable[Sample]]

    @property
    def end_seconds(self) -> float:
        return self.video.info.seconds if self.video.info else 0.0


@dataclass(frozen=True)
class FileFormat:
    """How to write a format; `extension` is of the file's name."""

    media_type: str
    extension: str
    write: Callable[[Exported], Iterator[str]]


def as_json(exported: Exported) -> Iterator[str]:
    """Yield all that is known: the video, its tracks with where they were, and every sample."""
    head = json.dumps(_video(exported), ensure_ascii=False)
    yield f'{head.removesuffix("}")}, "tracks": '
    yield from _array(map(_track, exported.verdict.tracks))
    yield ', "samples": '
    yield from _array(map(asdict, exported.samples()))
    yield "}\n"


def as_csv(exported: Exported) -> Iterator[str]:
    """Yield one row for each stretch of time: of objects, then of labels, each by their start."""
    yield from to_csv(_rows(exported))


def as_webvtt(exported: Exported) -> Iterator[str]:
    """Yield chapters: the stretches of time in which the same objects are seen.

    Chapters may not overlap, so each names all objects that are seen in it.
    """
    yield "WEBVTT\n"
    for start, end, tracks in _chapters(exported.verdict.tracks):
        names = ", ".join(f"{track.label} {track.id}" for track in tracks)
        yield f"\n{_clock(start)} --> {_clock(end)}\n{_cue_text(names)}\n"


def as_coco(exported: Exported) -> Iterator[str]:
    """Yield the samples as images, and the boxes of the tracks in them as annotations."""
    info = exported.video.info
    width, height = (info.width, info.height) if info else (0, 0)
    tracks = [track for track in exported.verdict.tracks if track.best.box is not None]
    categories = {name: n for n, name in enumerate(sorted({track.label for track in tracks}), 1)}
    described = {"description": exported.video.question, "version": "1"}
    listed = [{"id": number, "name": name} for name, number in categories.items()]
    images: dict[int, int] = {}
    yield f'{{"info": {json.dumps(described, ensure_ascii=False)}, "licenses": [], "categories": '
    yield json.dumps(listed, ensure_ascii=False)
    yield ', "images": '
    yield from _array(_images(exported.samples(), images, (width, height)))
    yield ', "annotations": '
    yield from _array(_annotations(tracks, categories, images, (width, height)))
    yield "}\n"


FORMATS: Mapping[Format, FileFormat] = {
    "json": FileFormat("application/json", "json", as_json),
    "csv": FileFormat("text/csv", "csv", as_csv),
    "vtt": FileFormat("text/vtt", "vtt", as_webvtt),
    "coco": FileFormat("application/json", "coco.json", as_coco),
}


def _array(items: Iterable[Any]) -> Iterator[str]:
    """Yield a JSON array, an item at a time."""
    before = "["
    for item in items:
        yield before + json.dumps(item, ensure_ascii=False)
        before = ",\n"
    yield "]" if before != "[" else "[]"


def _video(exported: Exported) -> dict[str, Any]:
    video, verdict, info = exported.video, exported.verdict, exported.video.info
    known = asdict(info) | {"time_base": str(info.time_base)} if info else {}
    return {
        "id": video.id,
        "question": video.question,
        "found": verdict.found,
        "score": verdict.score,
        "threshold": exported.threshold,
        "distinct": len(verdict.tracks),
        "engine": video.engine,
        "engine_version": video.engine_version,
        "sample_rate": video.sample_rate,
        **known,
    }


def _track(track: Track) -> dict[str, Any]:
    return asdict(track) | {"end_seconds": track.end_seconds}


def _rows(exported: Exported) -> Iterator[tuple[str | float | None, ...]]:
    yield COLUMNS
    for track in exported.verdict.tracks:
        start, end = track.first_seconds, track.end_seconds
        seen = (round(track.seen_seconds, 3), round(track.score, 2))
        yield ("object", track.label, track.id, *_times(start, end), *seen, "")
    segments = iter_label_segments(exported.samples(), exported.end_seconds)
    # They come in the order of their ends. An empty name is a file that SQLite deletes on closing.
    with closing(sqlite3.connect("")) as file:
        file.execute("CREATE TABLE segment (label, first, last, confidence, parents)")
        file.executemany(
            "INSERT INTO segment VALUES (?, ?, ?, ?, ?)",
            (
                (s.label, s.start_seconds, s.end_seconds, s.confidence, ", ".join(s.parents))
                for s in segments
            ),
        )
        for label, start, end, confidence, parents in file.execute(
            "SELECT label, first, last, confidence, parents FROM segment ORDER BY first, label"
        ):
            seen = (round(end - start, 3), round(confidence, 2))
            yield ("label", label, None, *_times(start, end), *seen, parents)


def _times(start: float, end: float) -> tuple[str, str, float, float]:
    return _clock(start), _clock(end), round(start, 3), round(end, 3)


def _clock(seconds: float) -> str:
    """Return hours, minutes and seconds.

    >>> _clock(3723.0456)
    '01:02:03.046'
    """
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds / 1000:06.3f}"


def _chapters(tracks: Iterable[Track]) -> Iterator[tuple[float, float, list[Track]]]:
    """Yield start and end of each stretch of time with the same tracks, and these tracks."""
    changes: list[tuple[float, bool, Track]] = []
    for track in tracks:
        end = max(track.end_seconds, track.first_seconds + MIN_CUE_SECONDS)
        changes += [(track.first_seconds, True, track), (end, False, track)]
    going: dict[int, Track] = {}
    before = 0.0
    for moment, begins, track in sorted(changes, key=lambda change: change[:2]):
        if going and moment - before >= MIN_CUE_SECONDS:
            yield before, moment, list(going.values())
        before = moment
        if begins:
            going[track.id] = track
        else:
            del going[track.id]


def _images(
    samples: Iterable[Sample], images: dict[int, int], size: tuple[int, int]
) -> Iterator[dict[str, Any]]:
    """Yield the samples as COCO's images, and enter their numbers by pts into `images`."""
    for number, sample in enumerate(samples, 1):
        images[sample.pts] = number
        yield {
            "id": number,
            "file_name": f"{sample.pts}.jpg",
            "width": size[0],
            "height": size[1],
            "pts": sample.pts,
            "seconds": sample.seconds,
        }


def _annotations(
    tracks: Iterable[Track],
    categories: Mapping[str, int],
    images: Mapping[int, int],
    size: tuple[int, int],
) -> Iterator[dict[str, Any]]:
    """Yield the boxes of the tracks in pixels. Ids begin at 1: pycocotools takes 0 for none."""
    sightings = ((track, each) for track in tracks for each in track.sightings)
    number = 0
    for track, sighting in sightings:
        if sighting.box is None or sighting.pts not in images:
            continue
        box = _pixels(sighting.box, size)
        if not box[2] or not box[3]:
            continue
        number += 1
        yield {
            "id": number,
            "image_id": images[sighting.pts],
            "category_id": categories[track.label],
            "bbox": box,
            "area": round(box[2] * box[3], 2),
            "iscrowd": 0,
            "score": round(sighting.score / 100, 4),
            "track_id": track.id,
        }


def _pixels(box: Box, size: tuple[int, int]) -> list[float]:
    """Return left, top, width and height in pixels, inside the picture."""
    width, height = size
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.left + box.width, 1.0), min(box.top + box.height, 1.0)
    return [
        round(left * width, 2),
        round(top * height, 2),
        max(0.0, round((right - left) * width, 2)),
        max(0.0, round((bottom - top) * height, 2)),
    ]


def _cue_text(text: str) -> str:
    """Return text for a cue, without what WebVTT takes for markup or for another line."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(escaped.split())
