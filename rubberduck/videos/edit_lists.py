"""Read the edit list of an MP4 or MOV that shows several ranges of its frames.

FFmpeg (8.1) applies edit lists itself; but from the second range on, it gives frames of a stream
with B-frames times that are one or two frames late. Libraries looked at: PyAV does not tell edits,
and pymp4 (last release 2022) reads whole files into memory.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from io import FileIO
from itertools import pairwise
from typing import NamedTuple

MAX_INDEX = 64_000_000  # bytes of "moov"
MAX_EDITS = 10_000


class Edit(NamedTuple):
    """Frames of the times `start` to `end` in the file are shown from `shown` on; track's units."""

    start: int
    end: int
    shown: int


def edits_of(file: FileIO, track: int) -> tuple[Edit, ...]:
    """Return the ranges of a track, if there are several, in the order of the file.

    Else return none: FFmpeg's own way is right for one range, and all that can be done for others.
    The file's position stays.
    """
    position = file.tell()
    index = _index(file)
    file.seek(position)
    try:
        found = _edits(index, track)
    except (struct.error, KeyError, ZeroDivisionError):
        return ()  # damaged
    is_forward = all(one.end <= other.start for one, other in pairwise(found))
    return tuple(found) if len(found) > 1 and is_forward else ()


def _index(file: FileIO) -> bytes:
    """Return the body of the box "moov", or nothing."""
    at, size = 0, file.seek(0, 2)
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, name = struct.unpack_from(">I4s", header)
        body = 8
        if length == 1 and len(header) == 16:
            length, body = struct.unpack_from(">Q", header, 8)[0], 16
        length = length or size - at
        if length < body:
            return b""
        if name == b"moov":
            file.seek(at + body)
            return file.read(min(length - body, MAX_INDEX))
        at += length
    return b""


def _edits(index: bytes, track: int) -> list[Edit]:
    movie = dict(_boxes(index))
    movie_scale = _scale(movie[b"mvhd"])
    for name, body in _boxes(index):
        if name != b"trak":
            continue
        boxes = dict(_boxes(body))
        head = boxes[b"tkhd"]
        if struct.unpack_from(">I", head, 20 if head[0] else 12)[0] != track:
            continue
        if b"edts" not in boxes:
            return []
        scale = Fraction(_scale(dict(_boxes(boxes[b"mdia"]))[b"mdhd"]), movie_scale)
        return list(_ranges(dict(_boxes(boxes[b"edts"]))[b"elst"], scale))
    return []


def _ranges(entries: bytes, scale: Fraction) -> Iterator[Edit]:
    """Yield what an edit list shows; `scale`: units of the track in one of the movie's."""
    form = struct.Struct(">QqI" if entries[0] else ">IiI")
    (count,) = struct.unpack_from(">I", entries, 4)
    shown = 0
    for number in range(min(count, MAX_EDITS)):
        duration, start, _ = form.unpack_from(entries, 8 + number * form.size)
        if start >= 0:  # else nothing is shown for a while
            yield Edit(start, start + round(duration * scale), round(shown * scale))
        shown += duration


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length < 8:
            return
        yield name, data[at + 8 : at + length]
        at += length


def _scale(header: bytes) -> int:
    """Return the units in a second of an "mvhd" or "mdhd"."""
    return int(struct.unpack_from(">I", header, 20 if header[0] else 12)[0])
