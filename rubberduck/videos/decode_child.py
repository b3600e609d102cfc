"""Read videos inside the sandbox's child: what is in the file, and its frames at their true times.

`handle` serves these requests; a request names the file by its descriptor.

- {"do": "open", "file", "max_pixels"} returns what models.VideoInfo has.
- {"do": "begin", "rate": [n, d], "start": pts or null, "max_side", "max_seconds"} begins to sample.
- {"do": "next", "count", "bytes", "at"} returns {"frames": [{"pts", "end", "width", "height",
  "is_cut"}, …], "is_end"} and writes their RGB pixels one after the other, from `at` on.
- {"do": "still", "pts", "max_side"} returns the one frame that is shown at that time, likewise.

All may return {"error": …} instead: see refusals.py.

The identity of a frame is its presentation time, in units of the stream's time base.
"""

import time
from collections.abc import Iterator
from fractions import Fraction
from io import FileIO
from typing import Any, NamedTuple

from av.video.frame import VideoFrame

from rubberduck.videos.decode_container import Refused, codec_name
from rubberduck.videos.decode_pictures import Look, Upright
from rubberduck.videos.decode_source import Source
from rubberduck.videos.sampling import Chosen, Sampler, warm_up

BATCH_SECONDS = 0.5  # until a request is answered with what there is


class Timed(NamedTuple):
    """A frame, and from when until when it is shown."""

    frame: VideoFrame
    pts: int
    end: int


def timed_frames(source: Source, frames: Iterator[VideoFrame]) -> Iterator[Timed]:
    """Yield frames with their ends: the next one's time, or what the file says of the last."""
    before: VideoFrame | None = None
    gap = 1
    for frame in frames:
        if before is not None:
            assert frame.pts is not None
            assert before.pts is not None
            left_out = source.schedule.end_of(before.pts) if source.schedule else None
            end = frame.pts if left_out is None else min(left_out, frame.pts)
            gap = end - before.pts
            yield Timed(before, before.pts, end)
        before = frame
    if before is not None:
        assert before.pts is not None
        yield Timed(before, before.pts, before.pts + (before.duration or gap))


class Reading:
    """Answers the requests about one file."""

    source: Source
    upright: Upright
    chosen: Iterator[Chosen[Timed] | None]

    def handle(self, request: dict[str, Any], data: bytes, output: FileIO) -> dict[str, Any]:
        """Answer one request, as the module's docstring says. Raises MemoryError at the limit."""
        try:
            match request:
                case {"do": "open", "file": int(file), "max_pixels": int(max_pixels)}:
                    self.source = Source(file, max_pixels)
                    return info(self.source)
                case {"do": "begin", "rate": [int(n), int(d)], "start": start, **more}:
                    self.upright = self.source.upright(more["max_side"])
                    self.chosen = self._chosen(Fraction(n, d), start, more["max_seconds"])
                    return {}
                case {"do": "next", "count": int(count), "bytes": int(size), "at": int(at)}:
                    output.seek(at)
                    return self._next(count, at + size, output)
                case {"do": "still", "pts": int(pts), "max_side": int(max_side)}:
                    return self._still(pts, max_side, output)
        except Refused as refusal:
            return {"error": str(refusal)}
        raise ValueError(f"unknown request {request}")

    def _chosen(
        self, rate: Fraction, start: int | None, max_seconds: float | None
    ) -> Iterator[Chosen[Timed] | None]:
        """Yield the frames to analyse; None for each one that is not."""
        for chosen in self._all_chosen(rate, start, max_seconds):
            is_wanted = chosen and (start is None or chosen.frame.pts >= start)
            yield chosen if is_wanted else None

    def _all_chosen(
        self, rate: Fraction, start: int | None, max_seconds: float | None
    ) -> Iterator[Chosen[Timed] | None]:
        source, look = self.source, Look()
        begin = None if start is None else start - round(warm_up(rate) / source.time_base)
        sampler = Sampler[Timed](rate)
        for timed in timed_frames(source, source.frames(begin, rate)):
            seconds = source.seconds(timed.pts)
            if max_seconds is not None and seconds > max_seconds:
                raise Refused("too-long")
            yield from sampler.add(seconds, look.of(timed.frame), timed)
            yield None
        yield from sampler.end()

    def _next(self, count: int, most: int, output: FileIO) -> dict[str, Any]:
        """Write frames until the output reaches `most` bytes."""
        frames: list[dict[str, Any]] = []
        deadline = time.monotonic() + BATCH_SECONDS
        while len(frames) < count and output.tell() < most and time.monotonic() < deadline:
            try:
                chosen = next(self.chosen)
            except StopIteration:
                return {"frames": frames, "is_end": True}
            if chosen:
                frames.append(_written(self.upright, chosen.frame, output))
                frames[-1]["is_cut"] = chosen.is_cut
        return {"frames": frames, "is_end": False}

    def _still(self, pts: int, max_side: int, output: FileIO) -> dict[str, Any]:
        shown: Timed | None = None
        for shown in timed_frames(self.source, self.source.frames(pts)):
            if shown.end > pts:
                break
        if shown is None:
            raise Refused("no-frames")
        return _written(self.source.upright(max_side), shown, output)


def _written(upright: Upright, timed: Timed, output: FileIO) -> dict[str, Any]:
    """Write the pixels of a frame; return what the reply says of it."""
    width, height, pixels = upright.pixels(timed.frame)
    output.write(pixels)
    return {"pts": timed.pts, "end": timed.end, "width": width, "height": height}


def info(source: Source) -> dict[str, Any]:
    """Return what models.VideoInfo has."""
    assert source.first is not None
    stream, base = source.stream, source.time_base
    width, height = source.upright().size(source.first)
    rate = stream.average_rate or stream.guessed_rate
    return {
        "container": source.container.format.name,
        "codec": codec_name(stream),
        "width": width,
        "height": height,
        "seconds": source.length(),
        "time_base": [base.numerator, base.denominator],
        "start_pts": source.start_pts,
        "rate": float(rate) if rate else None,
        "sound_codec": codec_name(source.sound) if source.sound else None,
    }


handle = Reading().handle
