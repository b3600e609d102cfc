"""How many pixels an AV1 stream unpacks to, told by its headers.

Numbers in brackets are the sections of AV1's Bitstream & Decoding Process Specification.
"""

from collections.abc import Iterator

from rubberduck.core.errors import TooManyParts

MOST_UNITS = 10_000  # of one stream
MOST_FRAMES = 16  # decoded before one is shown; a progressive picture has four
SEQUENCE_HEADER, FRAME_HEADER, FRAME = 1, 3, 6  # kinds of units
HAS_EXTENSION, HAS_SIZE = 4, 2  # bits of a unit's first byte


class Bits:
    """Numbers one after another, of so many bits; behind the end all are nought."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def next(self, count: int = 1) -> int:
        first, last = self.at // 8, (self.at + count + 7) // 8
        piece = self.data[first:last].ljust(last - first, b"\0")
        self.at += count
        return int.from_bytes(piece) >> (8 * last - self.at) & ((1 << count) - 1)


def pixels(stream: bytes) -> int:
    """Of its largest frame; TooManyParts, where more is decoded than one picture needs."""
    largest = frames = 0
    for number, (kind, content) in enumerate(_units(stream)):
        frames += kind in (FRAME_HEADER, FRAME)
        if number > MOST_UNITS or frames > MOST_FRAMES:
            raise TooManyParts
        if kind == SEQUENCE_HEADER:
            largest = max(largest, _pixels_of_a_frame(Bits(content)))
    return largest


def _units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """[5.3]: the kind of each unit, and its first bytes."""
    at = 0
    while at < len(stream):
        head = stream[at]
        at += 2 if head & HAS_EXTENSION else 1
        size = len(stream) - at
        if head & HAS_SIZE:
            size, at = _leb128(stream, at)
        yield head >> 3 & 15, stream[at : at + min(size, 100)]
        at += size


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    """[4.10.5]: a number, seven bits a byte, and where it ends."""
    number = 0
    for place, byte in enumerate(stream[at : at + 8]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number, at + place + 1
    return len(stream), at  # not a number: there is nothing behind it


def _pixels_of_a_frame(bits: Bits) -> int:
    """[5.5.1]: the most that a frame of this sequence may have."""
    bits.next(3 + 1)  # profile, still picture
    if bits.next():  # reduced header
        bits.next(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.next(4) + 1, bits.next(4) + 1
    return (bits.next(width_bits) + 1) * (bits.next(height_bits) + 1)


def _skip_operating_points(bits: Bits) -> None:
    delay_bits = 0
    if bits.next():  # timing [5.5.3]
        bits.next(64)
        if bits.next():
            _skip_uvlc(bits)
        if bits.next():  # decoder model [5.5.4]
            delay_bits = bits.next(5) + 1
            bits.next(32 + 5 + 5)
    has_display_delay = bits.next()
    for _ in range(bits.next(5) + 1):
        bits.next(12)
        if bits.next(5) > 7:  # level
            bits.next()
        if delay_bits and bits.next():
            bits.next(2 * delay_bits + 1)
        if has_display_delay and bits.next():
            bits.next(4)


def _skip_uvlc(bits: Bits) -> None:
    """[4.10.3]: as many noughts as bits follow the one behind them."""
    zeros = 0
    while zeros < 32 and not bits.next():
        zeros += 1
    bits.next(zeros if zeros < 32 else 0)
