"""Files that would cost much in the wrong hands, in harmless sizes: tests set the limits low.

Whoever opens one of them with any program meets two million plain pixels, or a few empty scans.
"""

import struct
import zlib

from PIL import Image

from tests.support.pictures import encoded

TWO_MEGAPIXELS = (1600, 1250)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")


def two_megapixels(format: str) -> bytes:
    """A plain picture of 2 million pixels in a small file."""
    return encoded(Image.new("RGB", TWO_MEGAPIXELS, "gold"), format)


def scans(count: int, side: int = 120) -> bytes:
    """A grey progressive JPEG with `count` empty scans after its first."""
    tables = b"\xff\xdb\0\x43\0" + b"\1" * 64
    for kind, value in ((0x00, 0), (0x10, 0xE0)):  # one code each: no change, and so for long
        tables += b"\xff\xc4\0\x14" + bytes([kind, 1, *[0] * 15, value])
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\1\x11\0"
    first = b"\xff\xda\0\x08\1\1\0\0\0\0" + bytes(((side + 7) // 8) ** 2 // 8 + 1)
    further = b"\xff\xda\0\x08\1\1\0\1\x3f\0"
    return b"\xff\xd8" + tables + frame + first + further * count + b"\xff\xd9"


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 100 × 100 black pixels with more chunks."""
    header = (b"IHDR", struct.pack(">IIBBBBB", 100, 100, 8, 2, 0, 0, 0))
    pixels = (b"IDAT", zlib.compress(bytes(100 * 301)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (header, *chunks, pixels, (b"IEND", b""))
    )


SHORT, LONG = 3, 4
GREY = {
    256: (LONG, 1, 100),
    257: (LONG, 1, 100),
    258: (SHORT, 1, 8),
    259: (SHORT, 1, 1),
    262: (SHORT, 1, 1),
    273: (LONG, 1, 400),
    277: (SHORT, 1, 1),
    278: (LONG, 1, 100),
    279: (LONG, 1, 10_000),
}
Tags = dict[int, tuple[int, int, int]]


def tiff(tags: Tags) -> bytes:
    """A grey TIFF of 100 × 100 pixels with other tags: type, count and value of each."""
    entries = (struct.pack("<HHII", n, *value) for n, value in sorted((GREY | tags).items()))
    directory = struct.pack("<H", len(GREY | tags)) + b"".join(entries) + bytes(4)
    return (b"II*\0\x08\0\0\0" + directory).ljust(10_400, b"\0")


def big_endian_big_tiff() -> bytes:
    """The same picture as BigTIFF, big-endian."""
    formats = {SHORT: ">HHQHxxxxxx", LONG: ">HHQIxxxx"}
    entries = (struct.pack(formats[kind], n, kind, 1, v) for n, (kind, _, v) in GREY.items())
    directory = struct.pack(">Q", len(GREY)) + b"".join(entries) + bytes(8)
    return (b"MM\0+\0\x08\0\0" + struct.pack(">Q", 16) + directory).ljust(10_400, b"\x80")


def run_length_bmp(width: int, height: int) -> bytes:
    """A run-length encoded BMP, each run of one pixel: two bytes a pixel."""
    palette = b"".join(bytes((n, n, n, 0)) for n in range(256))
    row = b"".join(bytes((1, x * 255 // width)) for x in range(width)) + b"\0\0"
    pixels = row * height + b"\0\1"
    offset = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return (
        b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + palette + pixels
    )
