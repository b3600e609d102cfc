"""Open a video file, and decode its frames in the order of their true times, from any time on.

Runs inside the sandbox's child. The identity of a frame is its presentation time, in units of the
stream's time base. FFmpeg applies edit lists, and gives B-frames in the order in which they are
shown.
"""

import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from io import FileIO
from itertools import chain
from typing import Any

import av
from av.audio.stream import AudioStream
from av.codec.context import ThreadType
from av.container.input import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rubberduck.videos.decode_container import (
    OPTIONS,
    PICTURES,
    SOUNDS,
    ReadAgain,
    Refused,
    codec_name,
    open_container,
    packets_of,
)
from rubberduck.videos.decode_pictures import Upright, deinterlaced, turn_of_frame
from rubberduck.videos.decode_skipping import Schedule, with_skipping
from rubberduck.videos.edit_lists import Edit, edits_of

# Decoding in threads costs a fifth more processor time: only for what one thread would be slow at.
THREADS = 2
LIGHT_CODEC, LIGHT_PIXELS = "h264", 1280 * 720 * 31  # a second
MEASURE_SECONDS = 20.0
MAX_BACKWARD = 25  # frames whose times lie more than a second before the last one
MAX_READ_ERRORS = 100  # one after the other, in a damaged file


class Source:
    """An open video, whose frames can be read from the start or from any time.

    With `with_sound`, the packets of the sound that are read on the way are kept in
    `sound_packets`, which the caller empties.
    """

    def __init__(self, file: int, max_pixels: int, *, with_sound: bool = False) -> None:
        self.file = FileIO(file, closefd=False)
        self.max_pixels = max_pixels
        self.with_sound = with_sound
        self.sound_packets: deque[Packet[AudioStream]] = deque()
        self._delay = 0  # of a stream without presentation times: frames between in and out
        self.edits: tuple[Edit, ...] = ()  # if FFmpeg cannot apply them
        self.schedule: Schedule | None = None  # if frames may be left out
        self._open()
        if self.container.format.name.startswith("mov"):
            self.edits = edits_of(self.file, self.stream.id)
            if self.edits:
                self._open()
        self.time_base = self.stream.time_base or Fraction(1, 1000)
        frames = self._shown(self._decoded())
        self.first = next(frames, None)
        if self.first is None or self.first.pts is None:
            raise Refused("no-frames")
        self.start_pts: int = self.first.pts
        self.turn = turn_of_frame(self.first)
        self._fresh: Iterator[VideoFrame] | None = chain([self.first], frames)

    def _open(self) -> None:
        self.sound_packets.clear()
        more = {"ignore_editlist": "1"} if self.edits else {}
        self.container = open_container(self.file, {**OPTIONS, **more})
        self.has_times = self.container.format.name != "avi"
        self.stream = self._chosen_stream()
        self.sound = self._chosen_sound(self.container)
        self._apart: Iterator[Packet[AudioStream]] = iter(())
        self.read: tuple[VideoStream | AudioStream, ...] = (self.stream,)
        if self.with_sound and self.edits:
            # FFmpeg must apply the edit list of the sound, but not that of the pictures.
            container = open_container(ReadAgain(self.file.fileno()), OPTIONS)
            self.sound = self._chosen_sound(container)
            self._apart = packets_of(container, self.sound)
        elif self.with_sound and self.sound:
            self.read = (self.stream, self.sound)
        read = {stream.index for stream in self.read}
        for stream in self.container.streams:
            stream.discard = Discard.default if stream.index in read else Discard.all
        codec = self.stream.codec_context
        self._check_pixels(codec)
        codec.options = {"max_pixels": str(self.max_pixels)}
        codec.thread_type = ThreadType.AUTO
        codec.thread_count = 1 if self._is_light() else THREADS

    def _is_light(self) -> bool:
        codec, rate = self.stream.codec_context, self.stream.average_rate
        pixels = codec.width * codec.height * (rate or 0)
        return codec_name(self.stream) == LIGHT_CODEC and 0 < pixels <= LIGHT_PIXELS

    def _chosen_sound(self, container: InputContainer) -> AudioStream | None:
        best = container.streams.best("audio")
        if not isinstance(best, AudioStream) or best.codec_context is None:
            return None
        return best if codec_name(best) in SOUNDS and best.time_base else None

    def _check_pixels(self, sized: VideoCodecContext | VideoFrame) -> None:
        if sized.width * sized.height > self.max_pixels:
            raise Refused("too-many-pixels")

    def _chosen_stream(self) -> VideoStream:
        """Return the stream with the pictures: no cover, and the largest one of several."""
        hidden = Disposition.attached_pic | Disposition.timed_thumbnails
        streams = [s for s in self.container.streams.video if not s.disposition & hidden]
        if not streams:
            others = self.container.streams.audio or self.container.streams.subtitles
            raise Refused("no-pictures" if others else "not-a-video")
        known = [s for s in streams if s.codec_context and codec_name(s) in PICTURES]
        if not known:
            raise Refused("unknown-codec")
        best = self.container.streams.best("video")
        return next((s for s in known if best and s.index == best.index), known[0])

    def frames(
        self, from_pts: int | None = None, sample_rate: Fraction | None = None
    ) -> Iterator[VideoFrame]:
        """Yield all frames in the order of their times, with increasing `pts`, deinterlaced.

        Begins at the start, or at some key frame at or before `from_pts`. With `sample_rate`, in
        frames a second, others than these samples may be left out.
        """
        self.schedule = self._schedule(sample_rate) if sample_rate else None
        if self.schedule:
            self._fresh = None  # it has decoded more than a reading from the middle would
        return deinterlaced(self._from_start() if from_pts is None else self._from(from_pts))

    def _schedule(self, rate: Fraction) -> Schedule | None:
        assert self.first is not None
        has_times = self.has_times and not self.edits
        if codec_name(self.stream) != "h264" or not has_times or self.first.interlaced_frame:
            return None
        return Schedule(rate * self.time_base, self.start_pts)

    def upright(
        self,
        max_side: int | None = None,
        max_short: int | None = None,
        *,
        is_even: bool = False,
    ) -> Upright:
        """Return what turns its frames into pictures; see Upright."""
        aspect = self.stream.sample_aspect_ratio
        return Upright(aspect, self.turn, max_side, max_short, is_even=is_even)

    def seconds(self, pts: int) -> Fraction:
        """Return the time of a frame after the first one."""
        return (pts - self.start_pts) * self.time_base

    def length(self) -> float:
        """Return the seconds that the header tells; those of the packets where none does."""
        if self.stream.duration and self.has_times:
            return float(self.stream.duration * self.time_base)
        if self.container.duration and self.has_times:
            seconds = Fraction(self.container.duration, 1_000_000)
            if self.container.format.name == "matroska,webm":  # counts from 0, not from the start
                seconds -= self.start_pts * self.time_base
            return max(0.0, float(seconds))
        return self._measured_length()

    def _measured_length(self) -> float:
        """Read all packets without decoding them: for AVI, whose headers are often wrong."""
        self._open()
        self._fresh = None
        end, deadline = self.start_pts, time.monotonic() + MEASURE_SECONDS
        for packet in self._packets():
            at = packet.pts if self.has_times else packet.dts
            end = max(end, (at or 0) + (packet.duration or 0))
            if time.monotonic() > deadline:
                break
        return float((end - self.start_pts) * self.time_base)

    def _from_start(self) -> Iterator[VideoFrame]:
        frames, self._fresh = self._fresh, None
        if frames is None:
            self._open()
            frames = self._shown(self._decoded())
        return frames

    def _from(self, pts: int) -> Iterator[VideoFrame]:
        """Seek to a key frame at or before `pts`: again further back if it lies behind."""
        self._fresh = None
        back = round(1 / self.time_base)
        start, wanted = self._media_time(self.start_pts), self._media_time(pts)
        target = wanted
        while target > start:
            try:
                self.container.seek(target, stream=self.stream)
            except MemoryError:
                raise
            except (av.FFmpegError, OSError):
                break
            frames = self._decoded(is_after_seek=True)
            first = next(frames, None)
            if first is not None and first.pts is not None and first.pts <= wanted:
                return self._shown(chain([first], frames))
            target, back = target - back, 4 * back
        self._open()
        return self._shown(self._decoded())

    def _shown(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Yield the frames that the edit list shows, at the times when it does."""
        for frame in frames:
            if self.edits:
                at = frame.pts or 0
                edit = next((edit for edit in self.edits if edit.start <= at < edit.end), None)
                if edit is None:
                    continue
                frame.pts = at - edit.start + edit.shown
                self._keep_sound_until(frame.pts * self.time_base)
            yield frame
        self._keep_sound_until(None)

    def _keep_sound_until(self, seconds: Fraction | None) -> None:
        """Keep the packets of the separate sound up to that time in the file's presentation."""
        for packet in self._apart:
            self.sound_packets.append(packet)
            if seconds is not None and (packet.pts or 0) * packet.time_base > seconds:
                return

    def _media_time(self, pts: int) -> int:
        """Return the time in the file of what is shown at `pts`."""
        edit = next((edit for edit in reversed(self.edits) if edit.shown <= pts), None)
        return pts if edit is None else min(pts - edit.shown + edit.start, edit.end)

    def _decoded(self, *, is_after_seek: bool = False) -> Iterator[VideoFrame]:
        """Yield the decodable frames that follow in the file."""
        last: VideoFrame | None = None
        key_pts: int | None = None  # of the first key frame: what is before it lacks references
        first_dts: int | None = None
        backward = 0
        for packet in self._scheduled_packets():
            if first_dts is None:
                first_dts = packet.dts
                key_pts = packet.pts if is_after_seek and packet.is_keyframe else None
            try:
                frames = packet.decode()
            except MemoryError:
                raise
            except av.FFmpegError:
                self._check_pixels(self.stream.codec_context)
                continue  # damaged: what follows may be fine
            for frame in frames:
                self._check_pixels(frame)
                if frame.interlaced_frame and self.schedule:
                    self.schedule.needs_all = True  # each is a part of its neighbours
                if last is None and not is_after_seek:
                    self._delay = (frame.dts or 0) - (first_dts or 0)
                frame.pts = pts = self._time(frame, last)
                if frame.is_corrupt or (key_pts is not None and pts < key_pts):
                    continue
                if last is None or pts > (last.pts or 0):
                    last = frame
                    yield frame
                elif (last.pts - pts) * self.time_base > 1:  # type: ignore[operator]
                    backward += 1
                    if backward > MAX_BACKWARD:
                        raise Refused("times-go-back")

    def _time(self, frame: VideoFrame, last: VideoFrame | None) -> int:
        """Return the presentation time; in AVI only the order is known, and the rate."""
        if frame.pts is not None and self.has_times:
            return frame.pts
        if frame.dts is not None:
            return frame.dts - self._delay
        return 0 if last is None or last.pts is None else last.pts + max(1, last.duration or 1)

    def _scheduled_packets(self) -> Iterator["Packet[VideoStream]"]:
        packets = self._packets()
        for packet in packets:
            yield packet
            if self.schedule:  # known only after the first frame
                yield from with_skipping(packets, self.stream.codec_context, self.schedule)

    def _packets(self) -> Iterator["Packet[VideoStream]"]:
        """Yield the packets of the pictures; keep those of the sound."""
        for packet in self._all_packets():
            if isinstance(packet.stream, VideoStream):
                yield packet
            elif packet.size:
                self.sound_packets.append(packet)

    def _all_packets(self) -> Iterator[Any]:
        errors = 0
        while errors < MAX_READ_ERRORS:
            try:
                for packet in self.container.demux(*self.read):
                    errors = 0
                    yield packet
                return
            except MemoryError:
                raise
            except av.FFmpegError:
                errors += 1

    def picture_packets_from_start(self) -> Iterator[Any]:
        """Yield the packets of the pictures as they are in the file; keep those of the sound."""
        self._fresh = None
        self._open()
        return (packet for packet in self._packets() if packet.size)
