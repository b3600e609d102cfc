"""What a TIFF's tags say, read as Pillow reads them: some promise more than a picture needs."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from rubberduck.core.errors import TooManyParts

BYTE, ASCII, SHORT, LONG, UNDEFINED = 1, 2, 3, 4, 7  # types of a tag's values
TILE_WIDTH, TILE_LENGTH = 322, 323
EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965  # places of further tags


class Tag(NamedTuple):
    number: int
    type: int
    length: int
    value: int  # or where the values lie, if there are many

    @property
    def numbers(self) -> int:
        """How many numbers its values are; bytes and text are kept as they are."""
        return 0 if self.type in (BYTE, ASCII, UNDEFINED) else self.length


class Tiff:
    """The tags of the first picture, and of the places that they name."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data.startswith(b"II") else ">"
        self.is_big = data[2:3] == b"\x2b"

    def tags(self) -> Iterator[Tag]:
        places = [self._number("Q", 8) if self.is_big else self._number("L", 4)]
        known = set(places)
        while places:
            for tag in self._tags_at(places.pop()):
                yield tag
                if tag.number in (EXIF, GPS, INTEROPERABILITY) and tag.value not in known:
                    known.add(tag.value)
                    places.append(tag.value)

    def tile_pixels(self) -> int:
        """How many pixels are unpacked at once; none, where it has no tiles."""
        pixels = {TILE_WIDTH: 0, TILE_LENGTH: 0}
        for tag in self._tags_at(self._number("Q", 8) if self.is_big else self._number("L", 4)):
            if tag.number in pixels:
                if tag.type not in (SHORT, LONG):
                    raise TooManyParts  # libtiff would take it, wherever its value lies
                pixels[tag.number] = pixels[tag.number] or tag.value
        return pixels[TILE_WIDTH] * pixels[TILE_LENGTH]

    def _tags_at(self, place: int) -> Iterator[Tag]:
        count_form, form, size = ("Q", "HHQ", 20) if self.is_big else ("H", "HHL", 12)
        start = place + (8 if self.is_big else 2)
        value_at = size - (8 if self.is_big else 4)
        for at in range(start, start + size * self._number(count_form, place), size):
            if at + size > len(self.data):
                return
            number, type, count = struct.unpack_from(self.order + form, self.data, at)
            value_form = {SHORT: "H", LONG: "L"}.get(type, "Q" if self.is_big else "L")
            yield Tag(number, type, count, self._number(value_form, at + value_at))

    def _number(self, form: str, at: int) -> int:
        """Behind the file's end all are nought."""
        if at + struct.calcsize(self.order + form) > len(self.data):
            return 0
        return int(struct.unpack_from(self.order + form, self.data, at)[0])
