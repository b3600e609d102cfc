"""Decode uploads in the sandbox to upright sRGB pixels; reject unsuitable ones by their header."""

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from rubberduck.core.errors import (
    DamagedPicture,
    DuckError,
    NoPicture,
    NotAPicture,
    PictureTooLarge,
    RawFile,
    TooBusy,
    TooCostly,
    TooManyPixels,
    TooNarrow,
    TooSmall,
)
from rubberduck.core.resources import available_cpus
from rubberduck.core.temporary_files import machine_folder
from rubberduck.imaging.sandbox import (
    Child,
    ChildFailed,
    ChildNotStarted,
    Limits,
    Sandbox,
    SandboxBusy,
)

log = logging.getLogger(__name__)
MEGAPIXEL = 1_000_000
MIN_SIDE = 80  # pixels: Rekognition's minimum
JPEG_QUALITY = 90
MAX_CHILDREN = 2  # in one worker
DECODING_WAIT = 10.0  # seconds, for a free child
DECODE_SECONDS = 30.0  # wall-clock limit for one picture
MAX_REQUESTS_PER_CHILD = 500
# Of pictures with more, half as many are decoded at once as the whole machine has CPUs: each takes
# up to 400 MB (docs/security.md), and those that wait hold their file alone.
LARGE_PIXELS = 16 * MEGAPIXEL
LARGE_AT_ONCE = max(1, available_cpus() // 2)
LARGE_LOCK = machine_folder() / f"rubberduck-large-picture-{os.getuid()}"
LARGE_POLL_SECONDS = 0.05


class Cost(NamedTuple):
    """The limits of a format. docs/security.md has the measurements."""

    max_pixels: int
    bytes_per_pixel: int  # upper limit of address space


MAX_PIXELS = 50 * MEGAPIXEL  # JPEG and HEIF: phones send 48 million
MAX_SCANS = 200  # of a progressive JPEG: each one covers the whole picture; ten are usual
COSTS = {
    "JPEG": Cost(MAX_PIXELS, 6),
    "progressive JPEG": Cost(MAX_PIXELS, 12),
    "HEIF": Cost(MAX_PIXELS, 12),
}
OTHER_COST = Cost(25 * MEGAPIXEL, 20)
BASE_MEMORY = 96 * MEGAPIXEL  # bytes: tables, threads' stacks, the result
# To open a file: a WebP's canvas is allocated then, with 8 bytes per pixel.
OPEN_LIMITS = Limits(BASE_MEMORY + 8 * OTHER_COST.max_pixels, 5, DECODE_SECONDS)
# A picture so small is decoded by the request that opens it: those limits allow it in any format.
SMALL_PIXELS, SMALL_BYTES = 4 * MEGAPIXEL, 1_000_000
COPIES = 3  # of the file, made by decoders
BASE_CPU_SECONDS, CPU_SECONDS_PER_MEGAPIXEL, CPU_SECONDS_PER_MEGABYTE = 4, 0.25, 1.0

_sandbox = Sandbox(
    "rubberduck.imaging.decode_child",
    children=MAX_CHILDREN,
    max_requests=MAX_REQUESTS_PER_CHILD,  # one for a small picture, two for any other
)
_large_slots = threading.BoundedSemaphore(LARGE_AT_ONCE)  # of this process; the files: of all


@dataclass(frozen=True)
class Picture:
    """An upright sRGB picture. `full_size` is the upload's own, upright, in pixels.

    `format`, `turn` (Exif's orientation, 1 to 8) and `taken_at` (the camera's local time) are the
    upload's.
    """

    image: Image.Image
    full_size: tuple[int, int]
    several_frames: bool = False
    is_truncated: bool = False  # the file's end is missing, but none of its pixels
    format: str = "JPEG"
    turn: int = 1
    taken_at: datetime | None = None
    _jpegs: list[bytes] = field(default_factory=list, repr=False, compare=False)

    @property
    def jpeg(self) -> bytes:
        """The picture as a JPEG, for storage. Encoded on first use: camera frames never are."""
        # Not cached_property: in Python 3.11 its lock lets one thread at a time encode any picture.
        if not self._jpegs:
            self._jpegs.append(to_jpeg(self.image))
        return self._jpegs[0]

    def jpeg_within(self, most_bytes: int) -> bytes:
        """Return the picture as a JPEG of at most `most_bytes`."""
        jpeg = self.jpeg
        return jpeg if len(jpeg) <= most_bytes else to_jpeg_within(self.image, most_bytes)


class _NeedsLargeLock(Exception):
    """The picture is large: it must wait for the lock of large pictures, without a child."""


def start_decoder() -> dict[str, bool]:
    """Start a decoding child ahead of the first picture; return its active protections.

    Raises TooBusy.
    """
    with _translated_errors():
        return _sandbox.start()


def begin_decoder_start() -> bool:
    """Start the first decoding child in the background; return False if there is one.

    Raises TooBusy.
    """
    with _translated_errors():
        return _sandbox.begin_start()


def keep_buffers(kept_bytes: int) -> None:
    """Keep the memory of pictures up to this size for the next ones; by default, of small ones.

    To allocate it for each photo takes a tenth of its time. Each child keeps as much.
    """
    _sandbox.kept_bytes = kept_bytes


def decode_picture(
    data: bytes, *, max_bytes: int, max_side: int, min_side: int = MIN_SIDE
) -> Picture:
    """Decode an upload; the longest side comes out at most `max_side` pixels, of a large JPEG
    sometimes up to a tenth less. The shorter side must have `min_side`, also then.

    Raises NoPicture, PictureTooLarge, NotAPicture, RawFile, DamagedPicture, TooManyPixels,
    TooSmall, TooCostly or, if no child becomes free in time, TooBusy.
    """
    if not data:
        raise NoPicture("The file is empty.")
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    with _translated_errors():
        try:
            return _decode(data, max_side, min_side, has_large_lock=False)
        except _NeedsLargeLock:
            with _large_picture_lock():
                return _decode(data, max_side, min_side, has_large_lock=True)


def _decode(data: bytes, max_side: int, min_side: int, *, has_large_lock: bool) -> Picture:
    with _sandbox.child(DECODING_WAIT) as child:
        request = {
            "do": "open",
            "max_pixels": MAX_PIXELS,
            "max_scans": MAX_SCANS,
            "max_side": max_side,
            "decode_pixels": SMALL_PIXELS if len(data) <= SMALL_BYTES else 0,
        }
        header, size = child.call(request, OPEN_LIMITS, data)
        format, width, height, is_progressive = _checked_header(header)
        cost = COSTS.get(f"progressive {format}" if is_progressive else format, OTHER_COST)
        _check_size(width, height, (min_side, max_side), cost.max_pixels)
        if width * height > LARGE_PIXELS and not has_large_lock:
            raise _NeedsLargeLock
        if not isinstance(reply := header.get("picture"), dict):
            request = {"do": "decode", "max_side": max_side}
            reply, size = child.call(request, _limits(cost, width * height, len(data)))
        return replace(_checked_picture(child, reply, size, max_side), format=format)


def _limits(cost: Cost, pixels: int, file_bytes: int) -> Limits:
    memory = BASE_MEMORY + cost.bytes_per_pixel * pixels + COPIES * file_bytes
    seconds = (
        BASE_CPU_SECONDS
        + CPU_SECONDS_PER_MEGAPIXEL * pixels / MEGAPIXEL
        + CPU_SECONDS_PER_MEGABYTE * file_bytes / 1_000_000
    )
    # The children decode large pictures in turns: each would keep the memory of its last one.
    return Limits(memory, round(seconds), DECODE_SECONDS, trims=pixels > LARGE_PIXELS)


# A malicious picture may control the child: validate its replies.


def _checked_header(header: dict[str, Any]) -> tuple[str, int, int, bool]:
    _raise_refusal(header)
    match header:
        case {
            "format": str(format),
            "width": int(width),
            "height": int(height),
            "is_progressive": bool(is_progressive),
        }:
            return format, width, height, is_progressive
    raise ChildFailed("crash")


def _checked_picture(child: Child, reply: dict[str, Any], size: int, max_side: int) -> Picture:
    _raise_refusal(reply)
    match reply:
        case {
            "width": int(width),
            "height": int(height),
            "full_width": int(full_width),
            "full_height": int(full_height),
            "is_animated": bool(is_animated),
            "is_truncated": bool(is_truncated),
        } if 0 < width <= max_side and 0 < height <= max_side:
            length = width * height * 3  # after the PPM header
            pixels = child.result(size - length, length)
            image = Image.new("RGB", (width, height), None)  # not filled: all of it is written
            image.frombytes(pixels)
            full_size = (full_width, full_height)
            turn, taken_at = _checked_turn(reply.get("turn")), _checked_time(reply.get("taken"))
            return Picture(
                image, full_size, is_animated, is_truncated, turn=turn, taken_at=taken_at
            )
    raise ChildFailed("crash")


def _checked_turn(turn: object) -> int:
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def _checked_time(taken: object) -> datetime | None:
    try:
        return datetime.strptime(str(taken), "%Y:%m:%d %H:%M:%S")
    except ValueError:  # missing, or not a time
        return None


def _raise_refusal(reply: dict[str, Any]) -> None:
    if (error := reply.get("error")) is not None:
        raise _refusal(error)


def _refusal(error: object) -> DuckError:
    match error:
        case "not-a-picture":
            return NotAPicture("Its content is something else, whatever its name says.")
        case "raw-file":
            return RawFile("We could only read the small preview inside this camera file.")
        case "too-many-pixels":
            return TooManyPixels(
                "It has more than the limit of {most} million pixels.",
                most=MAX_PIXELS // MEGAPIXEL,
            )
        case "too-many-scans":
            return TooCostly("It has far more scans than a JPEG needs.")
        case "broken-header":
            return DamagedPicture("The file starts like a picture, but its content is not valid.")
    return DamagedPicture("The file is incomplete or damaged.")


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise the sandbox's errors as errors for visitors; log why a child ended."""
    try:
        yield
    except SandboxBusy:
        raise TooBusy("Other visitors' pictures are being processed.") from None
    except ChildNotStarted as error:
        raise TooBusy(
            "The decoder did not start.", cause="the decoding child process did not start"
        ) from error
    except ChildFailed as error:
        log.warning("decoder failed reason=%s %s", error.reason, error.trace)
        raise TooCostly(CHILD_ENDED[error.reason]) from None


CHILD_ENDED = {
    "memory": "Decoding it takes more memory than we allow.",
    "time": "Decoding it takes more time than we allow.",
    "crash": "The decoder crashed on it.",
}


@contextmanager
def _large_picture_lock() -> Iterator[None]:
    """Allow LARGE_AT_ONCE large pictures at once on the whole machine. Raises TooBusy."""
    deadline = time.monotonic() + DECODING_WAIT
    if not _large_slots.acquire(timeout=DECODING_WAIT):
        raise TooBusy("Another large picture is being processed.")
    try:
        with contextlib.ExitStack() as opened:
            locks = [_lock_file(number, opened) for number in range(LARGE_AT_ONCE)]
            while not any(map(_locked, locks)):
                if time.monotonic() > deadline:
                    raise TooBusy("Another large picture is being processed.")
                time.sleep(LARGE_POLL_SECONDS)  # flock has no time-out; one thread per worker polls
            yield
    finally:
        _large_slots.release()


def _lock_file(number: int, opened: contextlib.ExitStack) -> int:
    """Return the descriptor of a lock's file, which `opened` closes."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(f"{LARGE_LOCK}-{number}.lock", flags, 0o600)
    opened.callback(os.close, descriptor)
    return descriptor


def _locked(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _check_size(width: int, height: int, sides: tuple[int, int], max_pixels: int) -> None:
    # By the header, before decoding: a small file can contain a huge picture.
    short, long = sorted((width, height))
    min_side, max_side = sides
    size: dict[str, Any] = {"width": width, "height": height}
    if width * height > max_pixels:
        raise TooManyPixels(
            "It has {width} × {height} pixels; the limit is {most} million.",
            most=max_pixels // MEGAPIXEL,
            **size,
        )
    if short < min_side:
        raise TooSmall(
            "It has {width} × {height} pixels; each side needs at least {least}.",
            least=min_side,
            **size,
        )
    if short * max_side < min_side * long:
        raise TooNarrow(
            "It has {width} × {height} pixels. Scaled down to {most} pixels, "
            "its shorter side would be under {least}.",
            most=max_side,
            least=min_side,
            **size,
        )


def to_jpeg(image: Image.Image, quality: int = JPEG_QUALITY) -> bytes:
    """Return an RGB image as a JPEG without Exif, comment and profile."""
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, comment=b"")
    return out.getvalue()


def to_jpeg_within(image: Image.Image, most_bytes: int) -> bytes:
    """Return a JPEG of at most `most_bytes`, by lower quality first, then by a smaller size."""
    for quality in (85, 70, 50):
        if len(data := to_jpeg(image, quality)) <= most_bytes:
            return data
    return to_jpeg_within(image.reduce(2), most_bytes)


def smaller(jpeg: bytes, side: int) -> bytes:
    """Shrink a stored JPEG: its longest side becomes at most `side` pixels."""
    image = Image.open(BytesIO(jpeg), formats=("JPEG",))
    image.draft("RGB", (side, side))
    image.thumbnail((side, side))
    return to_jpeg(image, 80)


def too_large(max_bytes: int) -> PictureTooLarge:
    most = f"{max_bytes / 1e6:g}"
    return PictureTooLarge("It is larger than the limit of {most} MB.", most=most)
