"""Turn an upload into what a project stores: the original's pixels, a preview, what is known of it.

Every upload is decoded in the sandbox. JPEG and PNG files keep their pixels and turn, and lose
their metadata. Other formats are decoded and saved as JPEG or PNG, since Custom Labels reads no
others. Pictures outside the service's limits are refused with advice, or shrunk if that is asked.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any, Literal

from PIL import Image

from rubberduck.custom_models.errors import OriginalTooLarge, UnsuitablePicture
from rubberduck.custom_models.metadata import PNG, NotParsed, without_metadata
from rubberduck.custom_models.near_duplicates import hash_of
from rubberduck.custom_models.rules import MAX_ASPECT, MAX_PICTURE_BYTES, MAX_SIDE, MIN_SIDE
from rubberduck.imaging.decode import Picture, decode_picture, to_jpeg, to_jpeg_within

Format = Literal["JPEG", "PNG"]
PREVIEW_SIDE = 1280  # pixels, as Custom Labels shrinks pictures too
PREVIEW_QUALITY = 85
CONVERTED_QUALITY = 95
LOSSLESS = ("GIF", "BMP", "TIFF")  # become PNG files
CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}
# Times the site's limit of an upload that a picture may have if it may be shrunk: as much as the
# sandbox decodes, and as nginx accepts.
SHRINK_FACTOR = 2
SUFFIXES = {"JPEG": "jpg", "PNG": "png"}


@dataclass(frozen=True)
class Original:
    """`width` and `height` are those of the upright picture; `turn` is of the stored file.

    `changes` says what was done to the upload, in words.
    """

    data: bytes
    format: Format
    width: int
    height: int
    turn: int
    preview: bytes
    difference_hash: bytes | None
    taken_at: datetime | None
    changes: tuple[str, ...] = ()


def most_bytes(max_bytes: int, *, shrink: bool) -> int:
    """Return how many bytes a picture may have; `max_bytes` is the site's limit of an upload."""
    return max_bytes * SHRINK_FACTOR if shrink else max_bytes


def original_too_large(max_bytes: int, *, shrink: bool) -> OriginalTooLarge:
    if shrink:
        most = f"{most_bytes(max_bytes, shrink=True) / 1e6:g}"
        return OriginalTooLarge("It is larger than the limit of {most} MB.", most=most)
    return OriginalTooLarge(
        "It is larger than the limit of {most} MB. One that this site may shrink can have {more} "
        "MB.",
        most=f"{max_bytes / 1e6:g}",
        more=f"{most_bytes(max_bytes, shrink=True) / 1e6:g}",
    )


def read_original(data: bytes, max_bytes: int, *, shrink: bool = False) -> Original:
    """Return what to store of an upload; `max_bytes` is the site's limit of one.

    Raises OriginalTooLarge, UnsuitablePicture outside the service's limits, unless `shrink` can
    help, and whatever decode_picture raises.
    """
    if len(data) > (limit := most_bytes(max_bytes, shrink=shrink)):
        raise original_too_large(max_bytes, shrink=shrink)
    is_final = data.startswith((b"\xff\xd8", PNG))
    picture = decode_picture(
        data, max_bytes=limit, max_side=PREVIEW_SIDE if is_final else MAX_SIDE, min_side=1
    )
    _check_shape(picture.full_size)
    too_large = max(picture.full_size) > MAX_SIDE
    if too_large and not shrink:
        width, height = picture.full_size
        raise UnsuitablePicture(
            "It has {width} × {height} pixels; a side may have {most} at most. Shrink it first, or"
            " let this site shrink large pictures.",
            width=width,
            height=height,
            most=MAX_SIDE,
        )
    if is_final and not too_large:
        return _kept(data, picture, shrink=shrink)
    if is_final:
        picture = decode_picture(data, max_bytes=limit, max_side=MAX_SIDE, min_side=1)
    return _converted(picture, is_shrunk=too_large)


def _check_shape(size: tuple[int, int]) -> None:
    short, long = sorted(size)
    values: dict[str, Any] = {"width": size[0], "height": size[1]}
    if short < MIN_SIDE:
        raise UnsuitablePicture(
            "It has {width} × {height} pixels; each side needs at least {least}. Take a larger"
            " version, or crop less.",
            least=MIN_SIDE,
            **values,
        )
    if long >= MAX_ASPECT * short:
        raise UnsuitablePicture(
            "It has {width} × {height} pixels; the longer side must be less than {most} times the"
            " shorter one. Crop it.",
            most=MAX_ASPECT,
            **values,
        )


def _kept(data: bytes, picture: Picture, *, shrink: bool) -> Original:
    """Return a JPEG or PNG file without its metadata."""
    format: Format = "PNG" if picture.format == "PNG" else "JPEG"
    try:
        stored = without_metadata(data, picture.turn)
    except NotParsed:  # Pillow is more patient; its own copy is a sound file
        full = decode_picture(data, max_bytes=len(data), max_side=MAX_SIDE, min_side=1)
        return _converted(full, is_shrunk=False)
    if len(stored) <= MAX_PICTURE_BYTES:
        return _original(stored, format, picture.full_size, picture, ())
    if not shrink:
        raise UnsuitablePicture(
            "It has {bytes} MB; Amazon Rekognition Custom Labels reads {most} at most. Save it as"
            " a JPEG of lower quality, or let this site shrink large pictures.",
            bytes=f"{len(stored) / 1e6:.1f}",
            most=f"{MAX_PICTURE_BYTES / 1e6:g}",
        )
    full = decode_picture(data, max_bytes=len(data), max_side=MAX_SIDE, min_side=1)
    return _converted(full, is_shrunk=True)


def _converted(picture: Picture, *, is_shrunk: bool) -> Original:
    """Return the decoded pixels as a file: JPEG for photos, PNG for formats without loss."""
    image = picture.image
    format: Format = "JPEG"
    if picture.format in LOSSLESS and not is_shrunk:
        out = BytesIO()
        image.save(out, "PNG")
        data, format = out.getvalue(), "PNG"
    else:
        data = to_jpeg(image, CONVERTED_QUALITY)
    if len(data) > MAX_PICTURE_BYTES:
        data, format = to_jpeg_within(image, MAX_PICTURE_BYTES), "JPEG"
    size = Image.open(BytesIO(data)).size  # our own file; within 15 MB it may have become smaller
    changes = [f"{picture.format} was saved as {format}"] if picture.format != format else []
    if size != picture.full_size:
        changes.append(
            f"{picture.full_size[0]} × {picture.full_size[1]} pixels were shrunk to"
            f" {size[0]} × {size[1]}"
        )
    upright = replace(picture, turn=1)
    return _original(data, format, size, upright, tuple(changes))


def _original(
    data: bytes, format: Format, size: tuple[int, int], picture: Picture, changes: tuple[str, ...]
) -> Original:
    """Return the original; `picture` is the upload, and a changed one is upright."""
    preview = picture.image.copy()
    preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return Original(
        data=data,
        format=format,
        width=size[0],
        height=size[1],
        turn=picture.turn,
        preview=to_jpeg(preview, PREVIEW_QUALITY),
        difference_hash=hash_of(preview),
        taken_at=picture.taken_at,
        changes=changes,
    )
