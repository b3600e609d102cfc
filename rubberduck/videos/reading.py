"""Read videos in a sandboxed child process: what is inside, and frames at their true times."""

import contextlib
import logging
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from rubberduck.core.errors import DuckError, TooBusy
from rubberduck.imaging.sandbox import Child, ChildFailed, ChildNotStarted, Limits
from rubberduck.videos.errors import VideoRefused, VideoTooLarge
from rubberduck.videos.models import VideoInfo, VideoLimits

log = logging.getLogger(__name__)
CHILD = "rubberduck.videos.decode_child"
MAX_SIDE = 1280  # pixels of the frames that are analysed, if nothing else is asked
MAX_PIXELS = 36_000_000  # of a frame, whatever the settings allow
# Frames are handed over some at a time: the child reads on while they are analysed.
BATCH_FRAMES, BATCH_BYTES = 4, 16_000_000
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
    size = path.stat().st_size
    if size > limits.bytes:
        raise VideoTooLarge(
            "It has more than the limit of {most} MB.", most=limits.bytes // 1_000_000
        )
    with _opened(path, limits.pixels) as (_, info):
        if info.seconds > 60 * limits.minutes:
            raise _too_long(limits.minutes)
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
    with _opened(path, limits.pixels if limits else MAX_PIXELS) as (child, info):
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
        child.send(more, _limits(info))
        while True:
            reply, size = child.receive()
            _raise_refusal(reply, limits)
            batch = _checked_frames(child, reply, size, info)
            if not reply["is_end"]:
                child.send(more, _limits(info))
            yield from batch
            if reply["is_end"]:
                return


def stills(path: Path, times: list[int], max_side: int = MAX_SIDE) -> Iterator[Frame]:
    """Yield the frame shown at each presentation time. Raises VideoRefused or TooBusy."""
    with _opened(path, MAX_PIXELS) as (child, info):
        for pts in times:
            request = {"do": "still", "pts": pts, "max_side": max_side}
            reply, size = _call(child, request, _limits(info))
            yield _checked_frame(child, {"is_cut": False, **reply}, 0, size, info)


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[tuple[Child, VideoInfo]]:
    """Yield a child that has opened the file, and what is inside."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        child = Child(CHILD, 0, files=(file,))
    except OSError as error:
        raise _not_started() from error
    finally:
        os.close(file)
    with _translated_errors(), contextlib.closing(child):
        request = {"do": "open", "file": file, "max_pixels": max_pixels}
        reply, _ = _call(child, request, _memory_limits(max_pixels))
        yield child, _checked_info(reply)


def _limits(info: VideoInfo) -> Limits:
    return _memory_limits(info.width * info.height)


def _memory_limits(pixels: int) -> Limits:
    return Limits(
        BASE_MEMORY + BYTES_PER_PIXEL * pixels, round(2 * REQUEST_SECONDS), REQUEST_SECONDS
    )


def _call(child: Child, request: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], int]:
    reply, size = child.call(request, limits)
    _raise_refusal(reply)
    return reply, size


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


def _checked_frames(child: Child, reply: dict[str, Any], size: int, info: VideoInfo) -> list[Frame]:
    match reply:
        case {"frames": list(found), "is_end": bool()} if len(found) <= BATCH_FRAMES:
            frames, start = [], 0
            for each in found:
                frames.append(_checked_frame(child, each, start, size, info))
                start += each["stride"] * each["height"]
            return frames
    raise ChildFailed("crash")


def _checked_frame(child: Child, reply: object, start: int, size: int, info: VideoInfo) -> Frame:
    match reply:
        case {
            "pts": int(pts),
            "end": int(end),
            "width": int(width),
            "height": int(height),
            "stride": int(stride),
            "is_cut": bool(is_cut),
        } if 0 < 3 * width <= stride and height > 0 and start + stride * height <= size:
            pixels = child.result(start, stride * height)
            image = Image.frombytes("RGB", (width, height), bytes(pixels), "raw", "RGB", stride, 1)
            return Frame(pts, info.seconds_at(pts), image, is_cut, end)
    raise ChildFailed("crash")


def _raise_refusal(reply: dict[str, Any], limits: VideoLimits | None = None) -> None:
    if (error := reply.get("error")) is None:
        return
    if error == "too-long" and limits:
        raise _too_long(limits.minutes)
    if error == "too-many-pixels":
        raise VideoTooLarge("Its frames have more pixels than we allow.")
    raise VideoRefused(REASONS.get(str(error), REASONS["no-frames"]))


REASONS = {
    "not-a-video": "Its content is something else, whatever its name says.",
    "only-sound": "It has sound, but no pictures.",
    "no-pictures": "There are no pictures in it.",
    "unknown-codec": "Its pictures are encoded in a way that we do not read.",
    "no-frames": "Not one frame of it could be read: it is incomplete or damaged.",
}


def _too_long(minutes: int) -> VideoTooLarge:
    return VideoTooLarge("It is longer than the limit of {most} minutes.", most=minutes)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise the sandbox's errors as errors for visitors; log why a child ended."""
    try:
        yield
    except ChildNotStarted as error:
        raise _not_started() from error
    except ChildFailed as error:
        log.warning("video decoder failed reason=%s %s", error.reason, error.trace)
        raise VideoRefused(CHILD_ENDED[error.reason]) from None


CHILD_ENDED = {
    "memory": "Decoding it takes more memory than we allow.",
    "time": "Decoding it takes more time than we allow.",
    "crash": "The decoder crashed on it.",
}


def _not_started() -> DuckError:
    return TooBusy("The decoder did not start.", cause="the decoding child process did not start")
