"""Pictures: refused by their header, decoded in the sandbox, kept as upright sRGB pixels."""

import contextlib
import fcntl
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
MIN_SIDE = 80  # pixels: Rekognition's least, and about what a duck needs
JPEG_QUALITY = 90
DECODING_AT_ONCE = 2  # in one worker
DECODING_WAIT = 10.0  # seconds
DECODE_SECONDS = 30.0  # by the clock, for one picture
PICTURES_OF_A_CHILD = 500
# Of these, one is decoded at a time on the whole machine.
LARGE_PIXELS = 25 * MEGAPIXEL
LARGE_LOCK = os.path.join(tempfile.gettempdir(), f"rubberduck-large-picture-{os.getuid()}.lock")
LARGE_POLL_SECONDS = 0.05


class Cost(NamedTuple):
    """What a format's pictures may have and take. docs/security.md has what was measured."""

    max_pixels: int
    bytes_per_pixel: int  # of address space, at most


MAX_PIXELS = 50 * MEGAPIXEL  # JPEGs are decoded small, and phones send both with 48 million
MAX_SCANS = 200  # of a progressive JPEG: each goes over the whole picture again; ten are usual
COSTS = {
    "JPEG": Cost(MAX_PIXELS, 6),
    "progressive JPEG": Cost(MAX_PIXELS, 12),
    "HEIF": Cost(MAX_PIXELS, 12),
}
OTHER_COST = Cost(25 * MEGAPIXEL, 20)
BASE_MEMORY = 96 * MEGAPIXEL  # bytes: tables, threads' stacks, the result
# To open a file: a WebP's canvas is made then, of 8 bytes a pixel.
OPEN_LIMITS = Limits(BASE_MEMORY + 8 * OTHER_COST.max_pixels, 5, DECODE_SECONDS)
COPIES = 3  # of the file, that decoders make
BASE_CPU_SECONDS, CPU_SECONDS_PER_MEGAPIXEL, CPU_SECONDS_PER_MEGABYTE = 4, 0.25, 1.0

_sandbox = Sandbox(
    "rubberduck.imaging.decode_child",
    children=DECODING_AT_ONCE,
    max_requests=2 * PICTURES_OF_A_CHILD,  # two for each picture,
)
_large_turn = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """An upright sRGB picture. `full_size` is the upload's own, upright, in pixels."""

    image: Image.Image
    full_size: tuple[int, int]
    several_frames: bool = False
    is_truncated: bool = False  # the file's end is missing, but none of its pixels
    _jpegs: list[bytes] = field(default_factory=list, repr=False, compare=False)

    @property
    def jpeg(self) -> bytes:
        """What is stored of it. Encoded when it is asked for: a camera's frames never are."""
        # Python 3.11's cached_property would let only one thread at a time encode its picture.
        if not self._jpegs:
            self._jpegs.append(to_jpeg(self.image))
        return self._jpegs[0]


class _NeedsLargeTurn(Exception):
    """The picture is large, and has to wait for its turn without a child."""


def start_decoder() -> dict[str, bool]:
    """Start a decoding child ahead of the first picture; return which protections hold in it.

    Raises TooBusy.
    """
    with _our_errors():
        return _sandbox.start()


def decode_picture(data: bytes, *, max_bytes: int, max_side: int) -> Picture:
    """Decode an upload; the longest side comes out at most `max_side` pixels, of a large JPEG
    sometimes up to a tenth less.

    Raises NoPicture, PictureTooLarge, NotAPicture, RawFile, DamagedPicture, TooManyPixels,
    TooSmall, TooCostly or, when others are being decoded for too long, TooBusy.
    """
    if not data:
        raise NoPicture("The file is empty.")
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    with _our_errors():
        try:
            return _decode(data, max_side, is_large_turn=False)
        except _NeedsLargeTurn:
            with _a_large_turn():
                return _decode(data, max_side, is_large_turn=True)


def _decode(data: bytes, max_side: int, *, is_large_turn: bool) -> Picture:
    with _sandbox.child(DECODING_WAIT) as child:
        request = {"do": "open", "max_pixels": MAX_PIXELS, "max_scans": MAX_SCANS}
        header, _ = child.call(request, OPEN_LIMITS, data)
        format, width, height, is_progressive = _checked_header(header)
        cost = COSTS.get(f"progressive {format}" if is_progressive else format, OTHER_COST)
        _refuse_by_size(width, height, max_side, cost.max_pixels)
        if width * height > LARGE_PIXELS and not is_large_turn:
            raise _NeedsLargeTurn
        request = {"do": "decode", "max_side": max_side}
        reply, size = child.call(request, _limits(cost, width * height, len(data)))
        return _checked_picture(child, reply, size, max_side)


def _limits(cost: Cost, pixels: int, file_bytes: int) -> Limits:
    memory = BASE_MEMORY + cost.bytes_per_pixel * pixels + COPIES * file_bytes
    seconds = (
        BASE_CPU_SECONDS
        + CPU_SECONDS_PER_MEGAPIXEL * pixels / MEGAPIXEL
        + CPU_SECONDS_PER_MEGABYTE * file_bytes / 1_000_000
    )
    return Limits(memory, round(seconds), DECODE_SECONDS)


# A child may be in a stranger's hands: what it says is checked.


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
            length = width * height * 3  # after PPM's header
            pixels = child.result(size - length, length)
            image = Image.frombytes("RGB", (width, height), pixels)
            return Picture(image, (full_width, full_height), is_animated, is_truncated)
    raise ChildFailed("crash")


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
def _our_errors() -> Iterator[None]:
    """The sandbox's errors in words for visitors; what ended a child is logged."""
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
def _a_large_turn() -> Iterator[None]:
    """One large picture at a time, on the whole machine. Raises TooBusy."""
    deadline = time.monotonic() + DECODING_WAIT
    if not _large_turn.acquire(timeout=DECODING_WAIT):
        raise TooBusy("Another large picture is being processed.")
    try:
        lock = os.open(LARGE_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(lock):
                if time.monotonic() > deadline:
                    raise TooBusy("Another large picture is being processed.")
                time.sleep(LARGE_POLL_SECONDS)  # flock has no time-out; one thread a worker waits
            yield
        finally:
            os.close(lock)
    finally:
        _large_turn.release()


def _locked(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _refuse_by_size(width: int, height: int, max_side: int, max_pixels: int) -> None:
    # A small file can unpack to a huge picture; the header tells before we pay.
    short, long = sorted((width, height))
    size: dict[str, Any] = {"width": width, "height": height}
    if width * height > max_pixels:
        raise TooManyPixels(
            "It has {width} × {height} pixels; the limit is {most} million.",
            most=max_pixels // MEGAPIXEL,
            **size,
        )
    if short < MIN_SIDE:
        raise TooSmall(
            "It has {width} × {height} pixels; each side needs at least {least}.",
            least=MIN_SIDE,
            **size,
        )
    if short * max_side < MIN_SIDE * long:
        raise TooNarrow(
            "It has {width} × {height} pixels. Scaled down to {most} pixels, "
            "its shorter side would be under {least}.",
            most=max_side,
            least=MIN_SIDE,
            **size,
        )


def to_jpeg(image: Image.Image, quality: int = JPEG_QUALITY) -> bytes:
    """A JPEG of an RGB image's pixels and nothing else: no Exif, no comment, no profile."""
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, comment=b"")
    return out.getvalue()


def to_jpeg_within(image: Image.Image, most_bytes: int) -> bytes:
    """A JPEG of at most `most_bytes`: of less quality first, then smaller."""
    for quality in (85, 70, 50):
        if len(data := to_jpeg(image, quality)) <= most_bytes:
            return data
    return to_jpeg_within(image.reduce(2), most_bytes)


def smaller(jpeg: bytes, side: int) -> bytes:
    """A JPEG of ours, shrunk: the longest side comes out at most `side` pixels."""
    image = Image.open(BytesIO(jpeg), formats=("JPEG",))
    image.draft("RGB", (side, side))
    image.thumbnail((side, side))
    return to_jpeg(image, 80)


def too_large(max_bytes: int) -> PictureTooLarge:
    most = f"{max_bytes / 1e6:g}"
    return PictureTooLarge("It is larger than the limit of {most} MB.", most=most)
