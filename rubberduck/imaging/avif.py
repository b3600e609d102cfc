"""The AV1 streams of an AVIF, any of which may be decoded to show its picture.

Boxes and items are those of ISO/IEC 14496-12 and 23008-12.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from rubberduck.core.errors import TooManyParts

MOST_BOXES = 20_000  # side by side
MOST_PIECES = 2000  # of all items; a picture of 25 million pixels has a hundred tiles
READ_AGAIN = 4  # how often the same bytes may belong to pictures
IN_ITEM_DATA = 1  # the box that an item's place counts from; otherwise the file


class Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    end: int


class Numbers:
    """Whole numbers of so many bytes, one after another; behind the end all are nought."""

    def __init__(self, data: bytes, box: Box) -> None:
        self.data = data[box.start : box.end]
        self.at = 0
        self.left = 2 * MOST_PIECES

    def next(self, size: int) -> int:
        piece = self.data[self.at : self.at + size].ljust(size, b"\0")
        self.at += size
        return int.from_bytes(piece)

    def upto(self, count: int) -> Iterator[int]:
        """TooManyParts, if there is so much to count, in all."""
        self.left -= count
        if self.left < 0:
            raise TooManyParts
        return iter(range(count))


def streams(data: bytes) -> Iterator[bytes]:
    """TooManyParts, where there are more than a picture needs."""
    return _together(data, [*_pieces(data, b"av01"), *_first_samples(data)])


def exif(data: bytes) -> Iterator[bytes]:
    """What cameras write down. HEIF has it too."""
    return _together(data, [*_pieces(data, b"Exif")])


def _together(data: bytes, pieces: list[tuple[int, slice]]) -> Iterator[bytes]:
    length = sum(len(range(*piece.indices(len(data)))) for _, piece in pieces)
    if len(pieces) > MOST_PIECES or length > READ_AGAIN * len(data):
        raise TooManyParts
    items = defaultdict(list)
    for item, piece in pieces:
        items[item].append(data[piece])
    return map(b"".join, items.values())


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        size, head = int.from_bytes(data[start : start + 4]), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16]), 16
        stop = start + size if size else end
        if stop < start + head:
            return
        yield Box(data[start + 4 : start + 8], start + head, min(stop, end))
        start = stop
    raise TooManyParts


def _first(data: bytes, box: Box, *path: bytes) -> Box:
    """An empty one, if there is none; decoders refuse a second."""
    return next(_find(data, box, *path), Box(path[-1], 0, 0))


def _find(data: bytes, box: Box, *path: bytes) -> Iterator[Box]:
    """The boxes at the end of a path of kinds, each inside the one before."""
    inside = box.start + (4 if box.kind == b"meta" else 0)  # its version stands before its boxes
    for found in _boxes(data, inside, box.end):
        if found.kind == path[0]:
            yield from _find(data, found, *path[1:]) if path[1:] else [found]


def _file(data: bytes) -> Box:
    return Box(b"", 0, len(data))


def _pieces(data: bytes, kind: bytes) -> Iterator[tuple[int, slice]]:
    """The items of a kind, and where their pieces lie."""
    wanted = set(_items(data, kind))
    item_data = _first(data, _file(data), b"meta", b"idat").start
    for item, counts_from, place, length in _places(data):
        start = place + (item_data if counts_from == IN_ITEM_DATA else 0)
        if item in wanted:
            yield item, slice(start, start + length)


def _places(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of each piece: its item, what its place counts from, the place, and its length."""
    numbers = Numbers(data, _first(data, _file(data), b"meta", b"iloc"))
    version, sizes = numbers.next(4) >> 24, numbers.next(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in numbers.upto(numbers.next(4 if version == 2 else 2)):
        item = numbers.next(4 if version == 2 else 2)
        counts_from = numbers.next(2) & 15 if version else 0
        numbers.next(2)  # another file: no decoder follows it
        start = numbers.next(base)
        for _ in numbers.upto(numbers.next(2)):
            numbers.next(index if version else 0)
            yield item, counts_from, start + numbers.next(offset), numbers.next(length)


def _items(data: bytes, kind: bytes) -> Iterator[int]:
    """The numbers of the items of a kind."""
    box = _first(data, _file(data), b"meta", b"iinf")
    head = 6 if Numbers(data, box).next(1) == 0 else 8
    for entry in _boxes(data, box.start + head, box.end):
        numbers = Numbers(data, entry)
        item = numbers.next(2 if numbers.next(4) >> 24 == 2 else 4)
        numbers.next(2)
        if numbers.next(4) == int.from_bytes(kind):
            yield item


def _first_samples(data: bytes) -> Iterator[tuple[int, slice]]:
    """Of an animation's tracks: where each begins."""
    tables = _find(data, _file(data), b"moov", b"trak", b"mdia", b"minf", b"stbl")
    for number, table in enumerate(tables):
        sizes = Numbers(data, _first(data, table, b"stsz"))
        sizes.next(4)
        size, _, first = sizes.next(4), sizes.next(4), sizes.next(4)
        for kind, width in ((b"stco", 4), (b"co64", 8)):
            places = Numbers(data, _first(data, table, kind))
            places.next(8)
            start = places.next(width)
            yield -1 - number, slice(start, start + (size or first))
