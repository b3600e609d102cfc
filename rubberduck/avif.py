"""The AV1 streams of an AVIF, any of which may be decoded to show its picture.

Boxes and items are those of ISO/IEC 14496-12 and 23008-12.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from rubberduck.errors import TooManyParts

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

    def next(self, size: int) -> int:
        piece = self.data[self.at : self.at + size].ljust(size, b"\0")
        self.at += size
        return int.from_bytes(piece)

    def upto(self, count: int) -> Iterator[int]:
        """TooManyParts, if there is so much to count."""
        if count > MOST_PIECES:
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
    while start + 8 <= end:
        size, head = int.from_bytes(data[start : start + 4]), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16]), 16
        stop = start + size if size else end
        if stop < start + head:
            return
        yield Box(data[start + 4 : start + 8], start + head, min(stop, end))
        start = stop


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
    item_data = next(_find(data, _file(data), b"meta", b"idat"), Box(b"idat", 0, 0)).start
    for box in _find(data, _file(data), b"meta", b"iloc"):
        for item, counts_from, place, length in _places(Numbers(data, box)):
            start = place + (item_data if counts_from == IN_ITEM_DATA else 0)
            if item in wanted:
                yield item, slice(start, start + length)


def _places(numbers: Numbers) -> Iterator[tuple[int, int, int, int]]:
    """Of each item, what its places count from; then a place and a length for each piece."""
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
    for box in _find(data, _file(data), b"meta", b"iinf"):
        head = 8 if data[box.start : box.start + 1] != b"\0" else 6
        for entry in _boxes(data, box.start + head, box.end):
            numbers = Numbers(data, entry)
            item = numbers.next(2 if numbers.next(4) >> 24 == 2 else 4)
            numbers.next(2)
            if numbers.next(4) == int.from_bytes(kind):
                yield item


TABLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def _first_samples(data: bytes) -> Iterator[tuple[int, slice]]:
    """Of an animation's tracks: where each begins."""
    for number, table in enumerate(_find(data, _file(data), *TABLE)):
        for box in (*_find(data, table, b"stco"), *_find(data, table, b"co64")):
            numbers = Numbers(data, box)
            numbers.next(8)
            start = numbers.next(8 if box.kind == b"co64" else 4)
            for sizes in _find(data, table, b"stsz"):
                numbers = Numbers(data, sizes)
                numbers.next(4)
                size, _, first = numbers.next(4), numbers.next(4), numbers.next(4)
                yield -1 - number, slice(start, start + (size or first))
