"""Write videos that browsers play, in a sandboxed child process: clean copies, and with boxes."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from rubberduck.core.models import Box
from rubberduck.imaging.draw import draw_boxes
from rubberduck.imaging.sandbox import Child, ChildFailed, Limits
from rubberduck.videos.models import VideoInfo, VideoLimits
from rubberduck.videos.reading import opened
from rubberduck.videos.refusals import raise_refusal

CHILD = "rubberduck.videos.encode_child"
CONTENT_TYPES = {"mp4": "video/mp4", "webm": "video/webm"}
H264, VP9 = "h264", "vp9"
MAX_FILE = 1 << 34  # bytes of what is written
FRAMES_AT_ONCE = 4  # are held while some of them are drawn on
MAX_SIDE = 1280
# The last request moves the whole file, to make room for the index at its start.
LIMITS = Limits(memory=900_000_000, cpu_seconds=600, seconds=300.0)
Progress = Callable[[float], None]  # of 0 to 1; may raise, to cancel


@dataclass(frozen=True)
class Written:
    """What was written. Its frames have the times of the source, counted from the first one."""

    content_type: str
    seconds: float
    bytes: int


def no_progress(_: float) -> None:
    """Take no notice."""


def make_copy(
    source: Path,
    target: Path,
    *,
    progress: Progress = no_progress,
    limits: VideoLimits | None = None,
    encoder: str = H264,
) -> Written:
    """Write a copy that browsers play, without metadata: MP4 or WebM, see `Written.content_type`.

    The pictures stay as they are if browsers show them, else they are encoded at 720p at most.
    `encoder`: H264 or VP9; H264 becomes VP9 if this machine's FFmpeg lacks it.
    Raises VideoRefused, VideoTooLarge, StorageFailed if the disk is full, TooBusy, and what
    `progress` raises.
    """
    with _writing(source, target, limits) as (child, info, file):
        _call(child, {"do": "copy", "target": file, "encoder": encoder})
        while True:
            seconds, is_end, content_type = _checked_step(_call(child, {"do": "more"}))
            progress(_share(seconds, info))
            if is_end:
                return Written(content_type, seconds, os.fstat(file).st_size)


def render(
    source: Path,
    target: Path,
    boxes_at: Callable[[float], Sequence[Box]],
    *,
    progress: Progress = no_progress,
    encoder: str = H264,
) -> Written:
    """Write a video with boxes drawn on it, at 720p at most, with the sound.

    `boxes_at` is asked for each frame, by its seconds after the first one. The rest is as for
    `make_copy`.
    """
    with _writing(source, target, None) as (child, info, file):
        _call(child, {"do": "render", "target": file, "encoder": encoder})
        last = 0.0
        while True:
            reply = _call(child, {"do": "peek", "count": FRAMES_AT_ONCE})
            times, is_end, content_type = _checked_peek(reply)
            boxes = {index: boxes_at(seconds) for index, seconds in enumerate(times)}
            _put(child, {index: found for index, found in boxes.items() if found})
            last = times[-1] if times else last
            progress(_share(last, info))
            if is_end:
                return Written(content_type, last, os.fstat(file).st_size)


def _put(child: Child, boxes: dict[int, Sequence[Box]]) -> None:
    """Draw on the frames of these indices, and let the child encode all that it holds."""
    drawn, pixels = [], []
    if boxes:
        sizes = _checked_sizes(_call(child, {"do": "pixels", "frames": [*boxes]}), len(boxes))
        start = 0
        for (index, found), (width, height) in zip(boxes.items(), sizes, strict=True):
            length = 3 * width * height
            image = Image.frombytes("RGB", (width, height), child.result(start, length))
            pixels.append(draw_boxes(image, found).tobytes())
            drawn.append({"frame": index, "width": width, "height": height})
            start += length
    _call(child, {"do": "put", "drawn": drawn}, b"".join(pixels))


@contextmanager
def _writing(
    source: Path, target: Path, limits: VideoLimits | None
) -> Iterator[tuple[Child, VideoInfo, int]]:
    """Yield a child that has opened the source, what is inside, and the target's descriptor."""
    file = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with opened(source, limits, module=CHILD, target=file, max_file=MAX_FILE) as (child, info):
            yield child, info, file
    finally:
        os.close(file)


def _call(child: Child, request: dict[str, Any], data: bytes = b"") -> dict[str, Any]:
    reply, _ = child.call(request, LIMITS, data)
    raise_refusal(reply)
    return reply


def _share(seconds: float, info: VideoInfo) -> float:
    return min(1.0, seconds / info.seconds) if info.seconds > 0 else 0.0


# A malicious video may control the child: validate its replies.


def _checked_step(reply: dict[str, Any]) -> tuple[float, bool, str]:
    match reply:
        case {"seconds": float(seconds), "is_end": bool(is_end), "format": str(format)}:
            return seconds, is_end, CONTENT_TYPES[_checked_format(format)]
    raise ChildFailed("crash")


def _checked_peek(reply: dict[str, Any]) -> tuple[list[float], bool, str]:
    match reply:
        case {"seconds": list(times), "is_end": bool(is_end), "format": str(format)}:
            if len(times) <= FRAMES_AT_ONCE and all(isinstance(each, float) for each in times):
                return times, is_end, CONTENT_TYPES[_checked_format(format)]
    raise ChildFailed("crash")


def _checked_format(format: str) -> str:
    if format not in CONTENT_TYPES:
        raise ChildFailed("crash")
    return format


def _checked_sizes(reply: dict[str, Any], count: int) -> list[tuple[int, int]]:
    sizes = []
    for each in reply.get("sizes", ()):
        match each:
            case [int(width), int(height)] if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE:
                sizes.append((width, height))
    if len(sizes) != count:
        raise ChildFailed("crash")
    return sizes
