"""Read videos in a sandboxed child process: what is inside, and frames at their true times."""

import contextlib
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

from PIL import Image

from rubberduck.imaging.sandbox import MAX_FILE, Child, ChildFailed, Limits
from rubberduck.videos.contents import Content
from rubberduck.videos.errors import VideoRefused
from rubberduck.videos.models import VideoInfo, VideoLimits
from rubberduck.videos.refusals import (
    check_content,
    check_size,
    not_started,
    raise_refusal,
    too_long,
    translated_errors,
)

CHILD = "rubberduck.videos.decode_child"
MAX_SIDE = 1280  # pixels of the frames that are analysed, if nothing else is asked
MAX_WIDTH = 20_000  # and height, of what a child may hand over
MAX_PIXELS = 36_000_000  # of a frame, whatever the settings allow
# Frames are handed over some at a time, in one half of the child's output while it fills the other.
BATCH_FRAMES, BATCH_BYTES = 4, 16_000_000
HALVES = (0, MAX_FILE // 2)
REQUEST_SECONDS = 60.0
BASE_MEMORY, BYTES_PER_PIXEL = 300_000_000, 64  # of address space: 20 frames of 10 bits


@dataclass(frozen=True)
class Frame:
    """A frame: upright, of square pixels, in sRGB. Times are in units of the stream's time base.

    `seconds` is the time after the first frame. It is shown until `end_pts`, as far as the file
    says. `is_cut`: a new scene begins between the frame yielded before and this one.
    """

    pts: int
    seconds: float
    image: Image.Image
    is_cut: bool
    end_pts: int


def probe(path: Path, limits: VideoLimits) -> VideoInfo:
    """Return what is inside a file. Raises VideoRefused, VideoTooLarge or TooBusy."""
    check_size(path, limits)
    with opened(path, limits) as (_, info):
        if info.seconds > 60 * limits.minutes:
            raise too_long(limits)
        return info


def frames(
    path: Path,
    rate: float,
    start_pts: int | None = None,
    *,
    max_side: int = MAX_SIDE,
    limits: VideoLimits | None = None,
) -> Generator[Frame, None, None]:
    """Yield `rate` frames a second and more where the picture changes; the first and the last one.

    `start_pts` resumes: what is yielded then equals what the unbroken reading yielded from that
    time on. Close the iterator to end its child process. Raises VideoRefused, VideoTooLarge
    or TooBusy.
    """
    with opened(path, limits) as (child, info):
        exact = Fraction(rate).limit_denominator(1000)
        _call(
            child,
            {
                "do": "begin",
                "rate": [exact.numerator, exact.denominator],
                "start": start_pts,
                "max_side": max_side,
                "max_seconds": 60 * limits.minutes if limits else None,
            },
            _limits(info),
        )
        more = {"do": "next", "count": BATCH_FRAMES, "bytes": BATCH_BYTES}
        for at in HALVES:
            child.send({**more, "at": at}, _limits(info))
        for at in cycle(HALVES):
            reply, _ = child.receive()
            raise_refusal(reply, limits)
            batch = _checked_frames(child, reply, info, at)
            if not reply["is_end"]:
                child.send({**more, "at": at}, _limits(info))
            yield from batch
            if reply["is_end"]:
                return


def stills(
    path: Path,
    times: Iterable[int],
    max_side: int = MAX_SIDE,
    *,
    limits: VideoLimits | None = None,
) -> Generator[Frame, None, None]:
    """Yield the frame shown at each presentation time. Raises VideoRefused or TooBusy."""
    with opened(path, limits) as (child, info):
        for pts in times:
            request = {"do": "still", "pts": pts, "max_side": max_side}
            reply = _call(child, request, _limits(info))
            yield _checked_frame(child, {"is_cut": False, **reply}, 0, info)


@contextmanager
def opened(
    path: Path,
    limits: VideoLimits | None,
    *,
    module: str = CHILD,
    target: int | None = None,
    max_file: int = MAX_FILE,
) -> Iterator[tuple[Child, VideoInfo]]:
    """Yield a child that has opened the file, and what is inside; its errors in words.

    `target`: the descriptor of a file that the child may write. Raises VideoRefused,
    VideoTooLarge or TooBusy.
    """
    content = check_content(path)
    max_pixels = limits.pixels if limits else MAX_PIXELS
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        files = (file,) if target is None else (file, target)
        child = Child(module, 0, files, max_file, ends_with_thread=True)
    except OSError as error:
        raise not_started() from error
    finally:
        os.close(file)
    with translated_errors(), contextlib.closing(child):
        request = {"do": "open", "file": file, "max_pixels": max_pixels}
        reply, _ = child.call(request, _memory_limits(max_pixels))
        if reply.get("error") == "not-a-video" and content is Content.VIDEO:
            raise VideoRefused("It begins like a video, but is incomplete or damaged.")
        raise_refusal(reply)
        yield child, _checked_info(reply)


def _limits(info: VideoInfo) -> Limits:
    return _memory_limits(info.width * info.height)


def _memory_limits(pixels: int) -> Limits:
    return Limits(
        BASE_MEMORY + BYTES_PER_PIXEL * pixels, round(2 * REQUEST_SECONDS), REQUEST_SECONDS
    )


def _call(child: Child, request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    reply, _ = child.call(request, limits)
    raise_refusal(reply)
    return reply


# A malicious video may control the child: validate its replies.


def _checked_info(reply: dict[str, Any]) -> VideoInfo:
    match reply:
        case {
            "container": str(container),
            "codec": str(codec),
            "width": int(width),
            "height": int(height),
            "seconds": float(seconds),
            "time_base": [int(numerator), int(denominator)],
            "start_pts": int(start_pts),
            "rate": float() | None as rate,
            "sound_codec": str() | None as sound,
        } if width > 0 and height > 0 and numerator > 0 and denominator > 0:
            base = Fraction(numerator, denominator)
            return VideoInfo(container, codec, width, height, seconds, base, start_pts, rate, sound)
    raise ChildFailed("crash")


def _checked_frames(
    child: Child, reply: dict[str, Any], info: VideoInfo, start: int
) -> list[Frame]:
    match reply:
        case {"frames": list(found), "is_end": bool()} if len(found) <= BATCH_FRAMES:
            frames = []
            for each in found:
                frames.append(_checked_frame(child, each, start, info))
                start += 3 * each["width"] * each["height"]
            return frames
    raise ChildFailed("crash")


def _checked_frame(child: Child, reply: object, start: int, info: VideoInfo) -> Frame:
    match reply:
        case {
            "pts": int(pts),
            "end": int(end),
            "width": int(width),
            "height": int(height),
            "is_cut": bool(is_cut),
        } if 0 < width <= MAX_WIDTH and 0 < height <= MAX_WIDTH:
            pixels = child.result(start, 3 * width * height)
            image = Image.frombytes("RGB", (width, height), pixels)
            return Frame(pts, info.seconds_at(pts), image, is_cut, end)
    raise ChildFailed("crash")
