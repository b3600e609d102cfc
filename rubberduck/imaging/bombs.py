"""Small files that would cost much: told by their parts, counted before anything is decoded.

A header that claims too many pixels is refused by it (pictures.py). Here are the others: files
of millions of tiny parts, over which Pillow goes one by one, and parts that unpack to far more
than the picture is said to be. Each walk reads a file exactly as its decoder does.
"""

import re
from collections.abc import Callable, Generator, Iterator
from itertools import islice, repeat
from typing import NamedTuple

from rubberduck.core.errors import TooManyParts, TooManyPixels
from rubberduck.imaging import av1, avif
from rubberduck.imaging.tiff import Tiff

# What a picture may unpack beside itself: its tiles' edges, its transparency, a thumbnail.
INNER_PICTURES = 3
MOST_EXIF = 1_000_000  # bytes: Pillow reads all its numbers
Parts = Iterator[int]  # each costs time; where they lie does not matter
Walk = Generator[int, None, int]  # parts, and then where to go on


def refuse_bomb(data: bytes, most_pixels: int) -> None:
    """TooManyParts or TooManyPixels, where decoding costs far more than an honest picture's."""
    for kind in KINDS:
        if kind.begins.match(data) and any(True for _ in islice(kind.parts(data), kind.most, None)):
            raise TooManyParts
    if AVIF.match(data) and sum(map(len, avif.exif(data))) > MOST_EXIF:
        raise TooManyParts
    if _inner_pixels(data) > INNER_PICTURES * most_pixels:
        raise TooManyPixels(
            "It decodes to far more than the limit of {most} million pixels.",
            most=most_pixels // 1_000_000,
        )


def _inner_pixels(data: bytes) -> int:
    if AVIF.match(data):
        return sum(map(av1.pixels, avif.streams(data)))
    return Tiff(data).tile_pixels() if TIFF.match(data) else 0


# JPEG

MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7])", re.DOTALL)
PADDING, START, END, SCAN = 0xFF, 0xD8, 0xD9, 0xDA
NEVER = {0xC8, *range(0xF0, 0xFE)}  # reserved: Pillow goes on inside of them, libjpeg gives up
COST_OF_A_SCAN = 50  # parts: it goes over the whole picture again
COST_OF_EXIF = 500  # parts: all of them are put together, and all their numbers read


def _jpeg(data: bytes) -> Parts:
    at, in_picture = 2, False
    while marker := MARKER.search(data, at):
        if not in_picture:
            yield from repeat(at, marker.start() - at)  # Pillow tries each byte between
        yield at
        kind, at = marker[1][0], marker.end()
        if kind == END and in_picture:
            return
        if kind in NEVER and not in_picture:
            yield from repeat(at)  # without end
        if kind == SCAN:
            in_picture = True
            yield from repeat(at, COST_OF_A_SCAN)
        if data.startswith(b"Exif\0", at + 2):
            yield from repeat(at, COST_OF_EXIF)
        if kind == PADDING:
            at -= 1
        elif kind not in (START, END):
            at += int.from_bytes(data[at : at + 2])


# PNG and WebP


def _png(data: bytes) -> Parts:
    at = 8
    while at < len(data):
        yield at
        at += 12 + int.from_bytes(data[at : at + 4])


def _webp(data: bytes) -> Parts:
    at = 12
    while at < len(data):
        yield at
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2


# GIF

COMMENT, APPLICATION = 0xFE, 0xFF
LOOPS = b"NETSCAPE2.0"


def _gif(data: bytes) -> Parts:
    """As far as the header of a second frame, which tells that there is one."""
    at, frames = 13 + _palette(data, 10), 0
    while (sign := data[at : at + 1]) not in (b"", b";"):
        yield at
        at += 1
        if sign == b"!":
            at = yield from _extension(data, at, frames)
        elif sign == b"," and frames:
            return
        elif sign == b",":
            frames += 1
            at = yield from _blocks(data, at + 10 + _palette(data, at + 8))


def _extension(data: bytes, at: int, frames: int) -> Walk:
    label, block = _byte(data, at), data[at + 2 : at + 2 + _byte(data, at + 1)]
    at += 1
    if label != COMMENT:  # Pillow reads on even if its first block is its last
        at += 1 + len(block)
    if label == APPLICATION and not frames and block.startswith(LOOPS):
        at += 1 + _byte(data, at)
    return (yield from _blocks(data, at))


def _blocks(data: bytes, at: int) -> Walk:
    while size := _byte(data, at):
        yield at
        at += 1 + size
    return at + 1


def _palette(data: bytes, flags: int) -> int:
    bits = _byte(data, flags)
    return 6 << (bits & 7) if bits & 128 else 0


def _byte(data: bytes, at: int) -> int:
    return data[at] if at < len(data) else 0


# BMP and TIFF


def _bmp(data: bytes) -> Parts:
    """The runs of a compressed one: Pillow unpacks them one by one."""
    is_compressed = data[30:34] in (b"\1\0\0\0", b"\2\0\0\0")
    return repeat(0, len(data) // 2 if is_compressed else 0)


def _tiff(data: bytes) -> Parts:
    if data.startswith(b"MM\0+"):
        yield from repeat(0)  # Pillow and libtiff would read it differently
    for tag in Tiff(data).tags():
        yield tag.number
        if tag.length <= len(data):  # Pillow skips those that cannot be
            yield from repeat(tag.number, tag.numbers)


class Kind(NamedTuple):
    """How a format's files begin, what they are made of, and how many parts are a bomb."""

    begins: re.Pattern[bytes]
    parts: Callable[[bytes], Parts]
    most: int


AVIF = re.compile(b".{4}ftyp", re.DOTALL)
TIFF = re.compile(rb"(II|MM)([*+]\x00|\x00[*+])")
KINDS = (
    Kind(re.compile(b"\xff\xd8\xff"), _jpeg, 5_000),
    Kind(re.compile(b"\x89PNG"), _png, 20_000),
    Kind(re.compile(b"RIFF....WEBP", re.DOTALL), _webp, 20_000),
    Kind(re.compile(b"GIF8"), _gif, 100_000),
    Kind(re.compile(b"BM"), _bmp, 500_000),
    Kind(TIFF, _tiff, 250_000),
)
