"""Small files that would cost much, made here: none is a picture, each looks like one."""

import struct
import zlib
from collections.abc import Callable

from PIL import Image

from tests.support.pictures import corners, encoded

MEGABYTE = 1_000_000
Bomb = Callable[[], bytes]


def squeezed(megabytes: int) -> bytes:
    """So many megabytes of nothing, in a thousandth of the room."""
    squeezer = zlib.compressobj(1)
    return b"".join(squeezer.compress(bytes(MEGABYTE)) for _ in range(megabytes)) + squeezer.flush()


# PNG


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (100, 100)) -> bytes:
    header = (b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    pixels = (b"IDAT", zlib.compress(bytes(100 * 301)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (header, *chunks, pixels, (b"IEND", b""))
    )


PNG: dict[str, Bomb] = {
    "PNG of 900 million pixels": lambda: png(size=(30_000, 30_000)),
    "PNG of 900 million pixels, and they are there": lambda: png(
        (b"IDAT", squeezed(2700)[: 14 * MEGABYTE]), size=(30_000, 30_000)
    ),
    "PNG with a text of 200 MB": lambda: png((b"zTXt", b"a\0\0" + squeezed(200))),
    "PNG with a profile of 200 MB": lambda: png((b"iCCP", b"a\0\0" + squeezed(200))),
    "PNG with a translated text of 200 MB": lambda: png((b"iTXt", b"a\0\1\0\0\0" + squeezed(200))),
    "PNG with 60 texts of 1 MB": lambda: png(*[(b"zTXt", b"a\0\0" + squeezed(1)[:-4])] * 60),
    "PNG of 60,000 chunks": lambda: png(*[(b"tEXt", b"a\0")] * 60_000),
    "PNG of 60,000 empty pieces": lambda: png(*[(b"IDAT", b"")] * 60_000),
}


# JPEG


def jpeg_with(segments: bytes) -> bytes:
    """At the start of a good one."""
    good = encoded()
    return good[:2] + segments + good[2:]


def jpeg_of(width: int, height: int, start_of_frame: bytes = b"\xff\xc0") -> bytes:
    data = bytearray(encoded(progressive=start_of_frame == b"\xff\xc2"))
    at = data.index(start_of_frame)
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def scans(count: int, side: int = 5000) -> bytes:
    """A grey progressive JPEG; an empty scan of 11 bytes is a walk over all of it."""
    tables = b"\xff\xdb\0\x43\0" + b"\1" * 64
    for kind, value in ((0x00, 0), (0x10, 0xE0)):  # one code each: no change, and so for long
        tables += b"\xff\xc4\0\x14" + bytes([kind, 1, *[0] * 15, value])
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\1\x11\0"
    first = b"\xff\xda\0\x08\1\1\0\0\0\0" + bytes(((side + 7) // 8) ** 2 // 8 + 1)
    further = b"\xff\xda\0\x08\1\1\0\1\x3f\0"
    return b"\xff\xd8" + tables + frame + first + further * count + b"\xff\xd9"


JPEG: dict[str, Bomb] = {
    "JPEG of 3,600 million pixels": lambda: jpeg_of(60_000, 60_000),
    "progressive JPEG of 4,290 million pixels": lambda: jpeg_of(65_500, 65_500, b"\xff\xc2"),
    "JPEG of 200,000 scans": lambda: scans(200_000),
    "JPEG of 1,000,000 comments": lambda: jpeg_with(b"\xff\xfe\0\2" * MEGABYTE),
    "JPEG of 1,000,000 markers": lambda: jpeg_with(b"\xff\xe5\0\2" * MEGABYTE),
    "JPEG of padding": lambda: jpeg_with(b"\xff" * 3 * MEGABYTE),
    "JPEG with its start in the middle": lambda: jpeg_with(b"\xff\xe0\0\2" + bytes(3 * MEGABYTE)),
    "JPEG with markers hidden in one": lambda: jpeg_with(
        (b"\xff\xf0\xff\xff" + b"\xff\xfe\0\2" * 16_383 + b"\0") * 40
    ),
    "JPEG of 100,000 pieces of Exif": lambda: jpeg_with(b"\xff\xe1\0\x08Exif\0\0" * 100_000),
}


# GIF


def gif_with(blocks: bytes) -> bytes:
    """Before the picture of a good one."""
    good = encoded(format="GIF")
    start = 13 + (6 << (good[10] & 7))
    return good[:start] + blocks + good[start:]


def gif_of(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    data = bytearray(encoded(format="GIF"))
    data[6:10] = struct.pack("<HH", *screen)
    at = data.index(b",", 13 + (6 << (data[10] & 7)))
    data[at + 5 : at + 9] = struct.pack("<HH", *frame)
    return bytes(data)


GIF: dict[str, Bomb] = {
    "GIF of 3,600 million pixels": lambda: gif_of((60_000, 60_000), (160, 120)),
    "GIF whose frame has 3,600 million pixels": lambda: gif_of((160, 120), (60_000, 60_000)),
    "GIF of 300,000 comments": lambda: gif_with(b"!\xfe\1a\0" * 300_000),
    "GIF of one comment in 300,000 pieces": lambda: gif_with(b"!\xfe" + b"\1a" * 300_000 + b"\0"),
    "GIF that begins with nothing": lambda: gif_with(bytes(MEGABYTE)),
    "GIF with blocks behind an empty block": lambda: gif_with(b"!\x01\0" + b"\1," * MEGABYTE),
}


# WebP


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def extended(width: int, height: int) -> tuple[bytes, bytes]:
    sides = (struct.pack("<I", side - 1)[:3] for side in (width, height))
    return b"VP8X", bytes(4) + b"".join(sides)


FULL = 16_383  # pixels: the longest side of a WebP's frame
LOSSLESS = (b"VP8L", b"\x2f" + struct.pack("<I", (FULL - 1) | (FULL - 1) << 14) + bytes(9))
LOSSY = (b"VP8 ", b"\x10\0\0\x9d\1\x2a" + struct.pack("<HH", FULL, FULL) + bytes(10))

WEBP: dict[str, Bomb] = {
    "WebP of 34 bytes": lambda: riff(LOSSLESS),
    "lossy WebP of 268 million pixels": lambda: riff(LOSSY),
    "WebP of 4,294 million pixels": lambda: riff(extended(2**24, 256), LOSSY),
    "WebP of 100,000 chunks": lambda: riff(
        extended(160, 120), *[(b"ABCD", b"")] * 100_000, (b"VP8L", encoded(format="WEBP")[20:])
    ),
}


# BMP


def bmp_of(width: int, height: int) -> bytes:
    data = bytearray(encoded(format="BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def runs(count: int) -> bytes:
    """Runs of one pixel each."""
    data = bytearray(encoded(corners().quantize(16), "BMP"))
    data[18:26] = struct.pack("<ii", 5000, 5000)
    data[30:34] = struct.pack("<I", 1)  # compressed
    return bytes(data[: struct.unpack_from("<I", data, 10)[0]]) + b"\1\1" * count


BMP: dict[str, Bomb] = {
    "BMP of 900 million pixels": lambda: bmp_of(30_000, 30_000),
    "BMP of 900 million pixels, upside down": lambda: bmp_of(30_000, -30_000),
    "BMP of 1,500,000 runs": lambda: runs(1_500_000),
}


# TIFF

BYTES, SHORT, LONG, RATIONAL = 1, 3, 4, 5
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


def directory(tags: Tags) -> bytes:
    entries = (struct.pack("<HHII", number, *tags[number]) for number in sorted(tags))
    return struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4)


def tiff(tags: Tags, rest: bytes = b"") -> bytes:
    """A grey square of 100 pixels, with other tags; the rest follows its pixels."""
    return (b"II*\0\x08\0\0\0" + directory(GREY | tags)).ljust(10_400, b"\0") + rest


TIFF: dict[str, Bomb] = {
    "TIFF of 10,000 million pixels": lambda: tiff({256: (LONG, 1, 10**5), 257: (LONG, 1, 10**5)}),
    "TIFF with a tile of 400 million pixels": lambda: tiff(
        {322: (LONG, 1, 20_000), 323: (LONG, 1, 20_000), 324: (LONG, 1, 400)}
    ),
    "TIFF of 500,000 strips": lambda: tiff({273: (LONG, 500_000, 400)}, bytes(2 * MEGABYTE)),
    "TIFF of 4,000 million strips": lambda: tiff({273: (LONG, 2**32 - 1, 400)}),
    "TIFF with 40 million numbers in its Exif": lambda: tiff(
        {34665: (LONG, 1, 10_400)},
        directory({1000 + n: (RATIONAL, 200_000, 400) for n in range(200)}) + bytes(2 * MEGABYTE),
    ),
}


# AVIF and HEIC


def said_to_be(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def avif_of(stream: bytes) -> bytes:
    """A good one, whose item is another stream."""
    data = encoded(format="AVIF")
    at = data.index(b"mdat") + 4
    place = struct.pack(">II", at, len(data) - at)
    assert data.count(place) == 1
    return data.replace(place, struct.pack(">II", len(data), len(stream))) + stream


def sequence_header(side: int) -> bytes:
    bits = f"{0:03b}11{0:05b}{15:04b}{15:04b}{side - 1:016b}{side - 1:016b}"
    content = int(bits.ljust(56, "0"), 2).to_bytes(7)
    return bytes([1 << 3 | 2, len(content)]) + content


A_FRAME = bytes([6 << 3 | 2, 1, 0])
NOTHING = bytes([15 << 3 | 2, 0])

AVIF: dict[str, Bomb] = {
    "AVIF of 4,295 million pixels": lambda: said_to_be(encoded(format="AVIF"), 65_535, 65_535),
    "AVIF that unpacks to more than it says": lambda: avif_of(sequence_header(16_384) + A_FRAME),
    "AVIF of 1,000 frames, of which one is shown": lambda: avif_of(
        sequence_header(5000) + A_FRAME * 1000
    ),
    "AVIF of 500,000 units": lambda: avif_of(NOTHING * 500_000),
}


def heic_inside() -> bytes:
    big = Image.new("RGB", (1500, 1500), "gold")
    return said_to_be(encoded(big, "HEIF", quality=5), 100, 100)


HEIC: dict[str, Bomb] = {
    "HEIC of 4,295 million pixels": lambda: said_to_be(encoded(format="HEIF"), 65_535, 65_535),
    "HEIC that unpacks to more than it says": heic_inside,
}


def ico() -> bytes:
    """An icon whose picture is a PNG."""
    inside = png(size=(30_000, 30_000))
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inside), 22) + inside


BOMBS = PNG | JPEG | GIF | WEBP | BMP | TIFF | AVIF | HEIC | {"icon with a PNG": ico}
