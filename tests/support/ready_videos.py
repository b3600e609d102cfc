"""Analysed videos as their jobs store them: clips of objects that move on known paths."""

import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw

from rubberduck.core.models import Box, Label
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.imaging.decode import to_jpeg
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.keys import copy_key, frame_key, poster_key
from rubberduck.videos.models import ANALYSING, Sample, Segment, Video, VideoInfo
from rubberduck.videos.store import Videos
from rubberduck.videos.timeline import judge_video
from tests.support.analysed_videos import queued_video

WIDTH, HEIGHT, RATE = 320, 240, 25
SECONDS = 8.0
SAMPLE_RATE = 5
MP4 = "video/mp4"
SIDE = 40  # pixels of a duck
YELLOW = (255, 210, 0)
JOB = "the job of the test"


def places(seconds: float) -> list[tuple[float, float]]:
    """Return the left upper corners of the ducks in pixels: one until 4 s, another from 6 s on."""
    if seconds < 4:
        return [(10 + 50 * seconds, 60)]
    return [(250 - 60 * (seconds - 6), 150)] if 6 <= seconds < 7.6 else []


def picture(seconds: float) -> Image.Image:
    """Return the frame at this time: yellow squares on grey blue."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (40, 60, 80))
    draw = ImageDraw.Draw(image)
    for left, top in places(seconds):
        draw.rectangle((left, top, left + SIDE - 1, top + SIDE - 1), fill=YELLOW)
    return image


@cache
def clip() -> bytes:
    """Return an MP4 of H.264 that browsers play, without sound."""
    return _encoded(picture(number / RATE) for number in range(round(SECONDS * RATE)))


@cache
def noisy_clip() -> bytes:
    """Return the same clip under noise, of 10 MB: players do not load it at once."""
    chance = np.random.default_rng(1)

    def noisy(seconds: float) -> Image.Image:
        noise = chance.integers(0, 110, (HEIGHT, WIDTH, 3), np.uint8)
        return Image.fromarray(np.maximum(np.asarray(picture(seconds)), noise))

    return _encoded((noisy(number / RATE) for number in range(round(SECONDS * RATE))), qp=1)


def _encoded(frames: Iterable[Image.Image], qp: int = 20) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=RATE)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.options = {"preset": "ultrafast", "qp": str(qp)}
            for frame in frames:
                pixels = np.asarray(frame)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


def samples(seconds: float = SECONDS, confidence: float = 92.0) -> list[Sample]:
    """Return what a perfect detector sees five times a second."""
    return [
        Sample(
            pts=number * RATE // SAMPLE_RATE,
            seconds=number / SAMPLE_RATE,
            labels=_labels(places(number / SAMPLE_RATE), confidence),
        )
        for number in range(round(seconds * SAMPLE_RATE))
    ]


def _labels(found: Sequence[tuple[float, float]], confidence: float) -> tuple[Label, ...]:
    def label(name: str) -> Label:
        boxes = tuple(
            Box(left / WIDTH, top / HEIGHT, SIDE / WIDTH, SIDE / HEIGHT, name, confidence)
            for left, top in found
        )
        return Label(name, confidence, boxes)

    return (label("Duck"), label("Toy")) if found else ()


def sample_video(id: str, owner: str | None = "ann", **changes: Any) -> Video:
    """Return the row of a video that waits for its analysis."""
    fields = {
        "id": id,
        "owner": owner,
        "engine": "embedded detector",
        "engine_version": "of the test",
        "sample_rate": float(SAMPLE_RATE),
        "bytes": len(clip()),
        "stored_bytes": len(clip()),
        "info": VideoInfo("mp4", "h264", WIDTH, HEIGHT, SECONDS, Fraction(1, RATE), 0, RATE, None),
        "job_id": JOB,
    }
    return queued_video(**{**fields, **changes})


def store_video(
    site: Pipeline,
    id: str,
    seen: Sequence[Sample] | None = None,
    film: bytes | None = None,
    **changes: Any,
) -> Video:
    """Store an analysed video with its objects, as its job does; return its row."""
    videos, seen = Videos(site.results.database), samples() if seen is None else seen
    site.storage.put(copy_key(id, MP4), film or clip(), MP4)
    site.storage.put(poster_key(id), to_jpeg(picture(1.0)))
    keys = {"copy_key": copy_key(id, MP4), "copy_type": MP4, "poster_key": poster_key(id)}
    videos.create(sample_video(id, **{"status": ANALYSING, **keys, **changes}))
    videos.add_segment(id, JOB, Segment(0, 0, tuple(seen)))
    verdict = judge_video(RUBBER_DUCK, seen, end_seconds=SECONDS)
    said = RUBBER_DUCK.yes if verdict.found else RUBBER_DUCK.no
    videos.finish(id, JOB, verdict, said, len(seen))
    for track in verdict.tracks:
        site.storage.put(frame_key(id, track.best.pts), to_jpeg(picture(track.best.seconds)))
    return videos.get(id)
