"""Which frames a decoder may leave out: no sample needs them, and no other frame refers to them.

Between the frames that others refer to, most H.264 encoders put some that are shown only. FFmpeg's
`skip_frame` leaves those out, but all of them: so it is switched for each packet. Other codecs are
decoded whole: what HEVC calls a sub-layer non-reference picture may be referred to by other
sub-layers, and the decoders of VP9 and AV1 do not know the option.

Runs inside the sandbox's child.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

MAX_REORDERED = 17  # packets, after which none of an earlier time comes: H.264 holds 16 frames
KEPT = 256  # times


class Schedule:
    """The times of the packets around the one that is decoded, and of the samples.

    `rate` is that of the samples, in units of the stream's time base, counted from `start`.
    """

    def __init__(self, rate: Fraction, start: int) -> None:
        self.rate, self.start = rate, start
        self.needs_all = False
        self._known: list[int] = []

    def clear(self) -> None:
        """Forget the packets: those that follow are from another place in the file."""
        self._known = []

    def add(self, pts: int) -> None:
        insort(self._known, pts)
        if len(self._known) > KEPT:
            del self._known[0]

    def is_needed(self, pts: int | None, *, is_end: bool) -> bool:
        """Return whether a sample may be the frame of that time: the first one at or after its
        moment, the first one of all, or the last one (`is_end`: all packets are known)."""
        if pts is None or self.needs_all:
            return True
        at = bisect_left(self._known, pts)
        if at == 0 or (is_end and at == len(self._known) - 1):
            return True
        return self._moment(pts) != self._moment(self._known[at - 1])

    def end_of(self, pts: int) -> int | None:
        """Return until when a frame is shown: the time of the next one, left out or not."""
        at = bisect_right(self._known, pts)
        return self._known[at] if at < len(self._known) else None

    def _moment(self, pts: int) -> int:
        return (pts - self.start) * self.rate.numerator // self.rate.denominator


def with_skipping(
    packets: Iterator["Packet[VideoStream]"], codec: VideoCodecContext, schedule: Schedule
) -> Iterator["Packet[VideoStream]"]:
    """Yield the packets; before each one, tell the decoder whether its frame may be left out."""
    schedule.clear()
    ahead: deque[Packet[VideoStream]] = deque()
    for packet in packets:
        ahead.append(packet)
        if packet.pts is not None:
            schedule.add(packet.pts)
        if len(ahead) > MAX_REORDERED:
            yield _told(ahead.popleft(), codec, schedule, is_end=False)
    while ahead:
        yield _told(ahead.popleft(), codec, schedule, is_end=True)


def _told(
    packet: "Packet[VideoStream]", codec: VideoCodecContext, schedule: Schedule, *, is_end: bool
) -> "Packet[VideoStream]":
    is_needed = schedule.is_needed(packet.pts, is_end=is_end)
    codec.skip_frame = "DEFAULT" if is_needed else "NONREF"
    return packet
