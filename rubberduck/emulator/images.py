"""The parameter Image: bytes in the request, or an object."""

from dataclasses import dataclass
from typing import Any

from rubberduck.core.errors import TooNarrow
from rubberduck.emulator.errors import ServiceError, invalid_parameter
from rubberduck.emulator.site import Site
from rubberduck.emulator.translation import INVALID_FORMAT
from rubberduck.imaging.decode import Picture, decode_picture

FORMATS = ("JPEG", "PNG")
MAX_OBJECT_BYTES = 15 * 1024 * 1024
TOO_LARGE = "Image size is too large"


@dataclass(frozen=True)
class ImageLimits:
    """The limits of an operation: bytes in a request, and pixels of a side."""

    max_bytes: int
    min_side: int
    max_side: int


DETECTION = ImageLimits(5 * 1024 * 1024, 80, 10_000)
CUSTOM_LABELS = ImageLimits(4 * 1024 * 1024, 64, 4096)


def read_image(site: Site, image: dict[str, Any], limits: ImageLimits = DETECTION) -> Picture:
    """Return the decoded picture. Raises ServiceError, DuckError."""
    data = _bytes_of(site, image, limits)
    try:
        picture = _decode(data, limits, site.settings.max_side)
    except TooNarrow:  # for a stored picture; here only the sides count
        picture = _decode(data, limits, limits.max_side)
    if picture.format not in FORMATS:
        raise ServiceError("InvalidImageFormatException", INVALID_FORMAT)
    if max(picture.full_size) > limits.max_side:
        raise invalid_parameter()
    return picture


def _decode(data: bytes, limits: ImageLimits, max_side: int) -> Picture:
    return decode_picture(
        data, max_bytes=MAX_OBJECT_BYTES, max_side=max_side, min_side=limits.min_side
    )


def _bytes_of(site: Site, image: dict[str, Any], limits: ImageLimits) -> bytes:
    given, where = image.get("Bytes"), image.get("S3Object")
    if (given is None) == (where is None):
        raise invalid_parameter()
    if given is not None:
        if len(given) > limits.max_bytes:
            raise ServiceError("ImageTooLargeException", TOO_LARGE)
        return bytes(given)
    assert where is not None
    if "Bucket" not in where or "Name" not in where:
        raise invalid_parameter()
    bucket, name, version = where["Bucket"], where["Name"], where.get("Version")
    data = site.objects.read(bucket, name, MAX_OBJECT_BYTES, version)
    if len(data) > MAX_OBJECT_BYTES:
        raise ServiceError("ImageTooLargeException", TOO_LARGE)
    return data
