"""Pictures: read, refused, turned upright, made sRGB, stripped of everything but the pixels."""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin
from PIL.Image import Resampling, Transpose
from pillow_heif import register_heif_opener

from rubberduck.core.errors import (
    DamagedPicture,
    DuckError,
    NoPicture,
    NotAPicture,
    PictureTooLarge,
    TooBusy,
    TooManyPixels,
    TooNarrow,
    TooSmall,
)
from rubberduck.imaging.bombs import refuse_bomb

# A thumbnail inside a file may show something else than its picture.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
# We decide from the header ourselves, with a far lower cap than Pillow's.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_MEMORY = 8_000_000
# "MPO" is not listed: it breaks `Image.open(formats=…)`, and its files open as JPEG.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")
MOST_PIXELS = 25_000_000
MOST_EXIF = 256_000  # bytes that are looked through for the turn
SHORTEST_SIDE = 80  # Rekognition's least, and about what a duck needs
JPEG_QUALITY = 90
NEARLY = 0.9  # of the longest side that was asked for is enough, where it makes decoding cheap
# A 25-megapixel picture costs up to 430 MB while it is decoded.
DECODING_AT_ONCE = 2
DECODING_WAIT = 10.0  # seconds
_decoding = threading.BoundedSemaphore(DECODING_AT_ONCE)
# All of these came out of Pillow for broken files; OSError alone lets 3.5 % of them through.
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    RuntimeError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
)
EXIF_ORIENTATION = 0x0112
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
SIDEWAYS = {UPRIGHT[orientation] for orientation in (5, 6, 7, 8)}


@dataclass(frozen=True)
class Picture:
    """An upright sRGB picture. `full_size` is the upload's own, upright, in pixels."""

    image: Image.Image
    full_size: tuple[int, int]
    several_frames: bool = False
    _jpegs: list[bytes] = field(default_factory=list, repr=False, compare=False)

    @property
    def jpeg(self) -> bytes:
        """What is stored of it. Encoded when it is asked for: a camera's frames never are."""
        # Python 3.11's cached_property would let only one thread at a time encode its picture.
        if not self._jpegs:
            self._jpegs.append(to_jpeg(self.image))
        return self._jpegs[0]


def decode_picture(data: bytes, *, max_bytes: int, max_side: int) -> Picture:
    """Decode an upload; the longest side comes out at most `max_side` pixels, of a large JPEG
    sometimes up to a tenth less.

    Raises NoPicture, PictureTooLarge, NotAPicture, DamagedPicture, TooManyPixels, TooSmall or, when
    others are being decoded for too long, TooBusy.
    """
    if not data:
        raise NoPicture("The file is empty.")
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    refuse_bomb(data, MOST_PIXELS)
    with _a_turn(), _open(data) as file:
        width, height = file.size
        _refuse_by_header(width, height, max_side)
        try:
            # A JPEG, decoded small: at a half, say, which costs a third of shrinking it later.
            file.draft(file.mode, _within(width, height, NEARLY * max_side))
            several_frames = getattr(file, "is_animated", False)
            file.load()
            turn = UPRIGHT.get(_orientation(file))
            image = _bare_pixels(file, max_side)
        except BROKEN as error:
            raise DamagedPicture("The file is incomplete or damaged.") from error
        if turn is not None:
            image = image.transpose(turn)
        if turn in SIDEWAYS:
            width, height = height, width
        return Picture(image, (width, height), several_frames)


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


@contextmanager
def _a_turn() -> Iterator[None]:
    if not _decoding.acquire(timeout=DECODING_WAIT):
        raise TooBusy("Other visitors' pictures are being processed.")
    try:
        yield
    finally:
        _decoding.release()


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except BROKEN as error:
        raise _refusal(data) from error


def _refusal(data: bytes) -> DuckError:
    for name in FORMATS:
        accepts = Image.OPEN[name][1]
        if accepts and accepts(data[:16]) is True:
            return DamagedPicture("The file starts like a picture, but its content is not valid.")
    return NotAPicture("Its content is something else, whatever its name says.")


def _refuse_by_header(width: int, height: int, max_side: int) -> None:
    # A small file can unpack to a huge picture; the header tells before we pay.
    short, long = sorted((width, height))
    size: dict[str, Any] = {"width": width, "height": height}
    if width * height > MOST_PIXELS:
        raise TooManyPixels(
            "It has {width} × {height} pixels; the limit is {most} million.",
            most=MOST_PIXELS // 1_000_000,
            **size,
        )
    if short < SHORTEST_SIDE:
        raise TooSmall(
            "It has {width} × {height} pixels; each side needs at least {least}.",
            least=SHORTEST_SIDE,
            **size,
        )
    if short * max_side < SHORTEST_SIDE * long:
        raise TooNarrow(
            "It has {width} × {height} pixels. Scaled down to {most} pixels, "
            "its shorter side would be under {least}.",
            most=max_side,
            least=SHORTEST_SIDE,
            **size,
        )


def _within(width: int, height: int, max_side: float) -> tuple[int, int]:
    scale = min(1.0, max_side / max(width, height))
    return int(width * scale), int(height * scale)


def _bare_pixels(file: Image.Image, max_side: int) -> Image.Image:
    """The pixels as sRGB on white, without metadata. Shrunk first: the rest then costs little."""
    profile = file.info.get("icc_profile")
    image = _easy_mode(file)
    image.thumbnail((max_side, max_side), Resampling.BICUBIC)
    image = _to_srgb(_on_white(image), profile)
    if image is file:
        image = image.copy()  # only the pixels: a file drags its format, frames and bytes along
    image.info = {}
    return image


def _orientation(file: Image.Image) -> int:
    if len(file.info.get("exif") or b"") > MOST_EXIF:
        return 1
    try:
        return int(file.getexif().get(EXIF_ORIENTATION, 1))
    except BROKEN:
        return 1  # broken Exif costs the turn, not the picture


def _easy_mode(image: Image.Image) -> Image.Image:
    """One of L, RGB, RGBA, CMYK and LAB, which shrink well and keep their colours."""
    if image.mode.startswith(("I", "F")):
        return _to_grey(image)
    if image.has_transparency_data and image.mode != "RGBA":
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "RGBA", "CMYK", "LAB"):
        return image
    return image.convert("RGB")


def _to_grey(image: Image.Image) -> Image.Image:
    """Pillow cuts deep greys off at 255; scale them instead."""
    import numpy as np  # for these alone

    grey = np.array(image, np.float32)
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    else:
        np.nan_to_num(grey, copy=False, posinf=0.0, neginf=0.0)
        low, high = float(grey.min()), float(grey.max())
    grey -= low  # in place: these are a hundred megabytes
    grey *= 255.0 / ((high - low) or 1.0)
    return Image.fromarray(grey.astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    try:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
        else:
            return image if image.mode == "RGB" else image.convert("RGB")
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, *BROKEN):
        # A profile that is broken, or made for other pixels: better its numbers than no picture.
        return image.convert("RGB")
    assert converted is not None  # only `inPlace` gives None
    return converted
