"""Remove what a JPEG or PNG file tells beside its pixels, without decoding them.

The pixels, their turn and what decoders need stay: colour profile, JFIF, Adobe's marker, palettes,
transparency. Everything else goes: place, time, camera, names, comments, thumbnails, and whatever
follows the picture's end, such as a phone's short video.

Libraries looked at: Pillow's `quality="keep"` decodes and encodes again; piexif (no release since
2019) removes Exif only, pyexiv2 (GPL) leaves thumbnails of JFIF and the bytes behind the end; mat2
and exiftool are programs that AWS's Linux does not have; PyTurboJPEG needs libturbojpeg, and its
lossless transform keeps all markers or none, so it loses colour profile and turn together.
"""

import re
import struct
import zlib
from collections.abc import Iterator

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOS, COM, APP0, APP1, APP2, APP14, APP15 = 0xDA, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
STANDALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length: TEM, RSTn
MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
END_OF_SCAN = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]", re.DOTALL)
JFIF, PROFILE, ADOBE = b"JFIF\0", b"ICC_PROFILE\0", b"Adobe"
JFIF_LENGTH = 14  # without its thumbnail
PNG = b"\x89PNG\r\n\x1a\n"
# Chunks that change how the pixels look.
PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP"}
PNG_KEPT |= {b"sBIT", b"cICP"}


class NotParsed(ValueError):
    """The file's structure is broken, although it may be decodable."""


def without_metadata(data: bytes, turn: int) -> bytes:
    """Return a JPEG or PNG with the same pixels and Exif's orientation `turn` (1 to 8), no more.

    Raises NotParsed.
    """
    return b"".join(_png(data, turn) if data.startswith(PNG) else _jpeg(data, turn))


def _orientation(turn: int) -> bytes:
    """Return Exif data (a TIFF header and one directory) that holds the orientation alone."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, turn, 0, 0)


def _jpeg(data: bytes, turn: int) -> Iterator[bytes]:
    if not data.startswith(SOI):
        raise NotParsed("no start of a JPEG")
    yield SOI
    exif = b"Exif\0\0" + _orientation(turn) if turn != 1 else b""
    if exif and not data.startswith(b"\xff\xe0", 2):
        yield _segment(APP1, exif)
        exif = b""
    at, has_scan = 2, False
    while (marker_at := _next_marker(data, at)) is not None:
        marker = data[marker_at + 1]
        if marker == EOI[1]:
            break
        if marker in STANDALONE:
            at = marker_at + 2
            continue
        (length,) = struct.unpack(">H", data[marker_at + 2 : marker_at + 4].ljust(2, b"\0"))
        body = data[marker_at + 4 : marker_at + 2 + length]
        if length < 2 or len(body) < length - 2:
            raise NotParsed("a segment is cut off")
        at = marker_at + 2 + length
        if kept := _kept(marker, body):
            yield _segment(marker, kept)
        if exif:  # JFIF has to come first
            yield _segment(APP1, exif)
            exif = b""
        if marker == SOS:
            end = _scan_end(data, at)
            yield data[at:end]
            at, has_scan = end, True
    if not has_scan:
        raise NotParsed("no pixels")
    yield EOI


def _kept(marker: int, body: bytes) -> bytes | None:
    """Return what of a segment stays; None if nothing does."""
    if marker == APP0:
        is_whole = body.startswith(JFIF) and len(body) >= JFIF_LENGTH
        return body[: JFIF_LENGTH - 2] + b"\0\0" if is_whole else None
    if marker == APP2:
        return body if body.startswith(PROFILE) else None
    if marker == APP14:
        return body[:12] if body.startswith(ADOBE) else None
    return None if APP0 < marker <= APP15 or marker == COM else body


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _next_marker(data: bytes, at: int) -> int | None:
    """Return where the next marker begins, as libjpeg finds it: what is between is skipped."""
    found = MARKER.search(data, at)
    return found and found.start()


def _scan_end(data: bytes, at: int) -> int:
    """Return where the compressed pixels of a scan end: at a marker other than RSTn."""
    found = END_OF_SCAN.search(data, at)
    return found.start() if found else len(data)


def _png(data: bytes, turn: int) -> Iterator[bytes]:
    yield PNG
    at, kinds = len(PNG), set()
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunk = data[at : at + 12 + length]
        if len(chunk) < 12 + length:
            break
        at += len(chunk)
        kinds.add(kind)
        if kind in PNG_KEPT:
            yield chunk
        if kind == b"IHDR" and turn != 1:
            exif = _orientation(turn)
            checksum = zlib.crc32(b"eXIf" + exif)
            yield struct.pack(">I4s", len(exif), b"eXIf") + exif + struct.pack(">I", checksum)
        if kind == b"IEND":
            return
    if b"IDAT" not in kinds:
        raise NotParsed("no pixels")
    yield struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
