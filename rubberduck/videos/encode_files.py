"""Write the pictures and the sound of a video into a new file, copied or encoded.

Runs inside the sandbox's child.
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from io import FileIO
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.codec.codec import codecs_available
from av.container.output import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rubberduck.videos.decode_container import ReadAgain, codec_name
from rubberduck.videos.decode_pictures import BT709
from rubberduck.videos.decode_source import Source
from rubberduck.videos.encode_sound import Sound

MAX_SIDE, MAX_SHORT = 1280, 720  # pixels of what is encoded
FORMATS = {"h264": "mp4", "av1": "mp4", "vp8": "webm", "vp9": "webm"}  # of what is copied
# Messages inside the stream, which may hold places; not needed to decode.
CLEANERS = {"h264": "filter_units=remove_types=6", "av1": "filter_units=remove_types=5"}
LIMITED = 1  # the range of values
MAX_REORDERED = 32  # packets: more than H.264 allows
PLAYABLE_PIXELS = ("yuv420p", "yuvj420p")
ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "h264": ("libx264", "mp4", {"preset": "veryfast", "crf": "23", "threads": "2", "g": "60"}),
    "vp9": (
        "libvpx-vp9",
        "webm",
        {
            "deadline": "realtime",
            "cpu-used": "7",
            "row-mt": "1",
            "crf": "33",
            "b": "0",
            "g": "60",
            "lag-in-frames": "0",
        },
    ),
}


INDEX_FIRST = {"mp4": {"movflags": "faststart"}, "webm": {"cues_to_front": "1"}}


class NotCopyable(Exception):
    """The packets cannot be taken as they are: the pictures must be encoded anew."""


class Target:
    """The file that is written."""

    def __init__(self, file: int, format: str) -> None:
        self.file, self.format = file, format
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        self.container: OutputContainer = av.open(
            FileIO(file, "r+b", closefd=False),
            "w",
            format=format,
            options={"fflags": "+bitexact", **INDEX_FIRST[format]},
            io_open=lambda *_: ReadAgain(file),
        )

    def close(self) -> None:
        self.container.close()


def is_copyable(source: Source) -> bool:
    """Return whether browsers show the pictures as they are, with the frames at the same times."""
    first, stream = source.first, source.stream
    assert first is not None
    return (
        codec_name(stream) in FORMATS
        and source.has_times
        and not source.edits
        and first.format.name in PLAYABLE_PIXELS
        and not first.interlaced_frame
        and not source.turn.is_mirrored
        and stream.sample_aspect_ratio in (None, 0, 1)
        and first.width % 2 == first.height % 2 == 0
    )


def copied(source: Source, target: Target) -> Iterator[float]:
    """Write the packets as they are, without messages; yield the seconds done.

    Raises NotCopyable.
    """
    container = target.container
    stream = container.add_stream_from_template(source.stream, opaque=True)
    sound = Sound(source, container, target.format) if source.sound else None
    codec = codec_name(source.stream)
    cleaner: BitStreamFilterContext | None = None
    if codec in CLEANERS:
        # H.264's header cannot hold messages; taken from the filter it keeps the tag of MPEG-TS.
        header = stream if codec == "av1" else None
        cleaner = BitStreamFilterContext(CLEANERS[codec], source.stream, header)
    for packet in with_decoding_times(source):
        packet.pts -= source.start_pts
        packet.dts -= source.start_pts
        seconds = float(packet.pts * source.time_base)
        for each in cleaner.filter(packet) if cleaner else [packet]:
            each.stream = stream
            container.mux_one(each)
        if sound:
            sound.take()
        yield seconds
    if sound:
        sound.end()
    target.close()


def with_decoding_times(source: Source) -> Iterator[Any]:
    """Yield the packets of the pictures from the start, each with both of its times.

    The sound's are left to `source.sound_packets`. Matroska has no decoding times: those of the
    first packets are made of the first that FFmpeg could work out. Raises NotCopyable.
    """
    waiting: list[Any] = []
    last: int | None = None
    for packet in source.picture_packets_from_start():
        if packet.pts is None or packet.is_discard or packet.pts < source.start_pts:
            raise NotCopyable  # an edit list hides it, or nothing says when it is shown
        waiting.append(packet)
        if packet.dts is None:
            if len(waiting) > MAX_REORDERED:
                raise NotCopyable
            continue
        for number, each in enumerate(waiting, 1 - len(waiting)):
            each.dts = packet.dts + number * max(1, packet.duration or 1)
            if each.dts > each.pts or (last is not None and each.dts <= last):
                raise NotCopyable
            last = each.dts
            yield each
        waiting = []
    if waiting:
        raise NotCopyable


class Encoder:
    """Encodes pictures at their times, and takes the sound along."""

    def __init__(self, source: Source, target: Target, codec: str) -> None:
        name, _, options = ENCODERS[codec]
        self.source, self.target = source, target
        self.upright = source.upright(MAX_SIDE, MAX_SHORT, is_even=True)
        self.name, self.options = name, options
        self.stream: VideoStream | None = None
        self.size = (0, 0)
        self.sound: Sound | None = None

    def add(self, frame: VideoFrame) -> None:
        """Encode an upright frame of yuv420p, which has its time in the source."""
        if self.stream is None:
            self.stream = self._begun(frame)
        if (frame.width, frame.height) != self.size:
            frame = self.upright.resized(frame, self.size)
        assert frame.pts is not None
        frame.pts -= self.source.start_pts
        frame.time_base = self.source.time_base
        frame.pict_type = 0  # the encoder decides which frames are keys
        self.target.container.mux(self.stream.encode(frame))
        if self.sound:
            self.sound.take()

    def end(self) -> None:
        if self.stream is not None:
            self.target.container.mux(self.stream.encode(None))
        if self.sound:
            self.sound.end()
        self.target.close()

    def _begun(self, frame: VideoFrame) -> VideoStream:
        rate = self.source.stream.average_rate or Fraction(25)
        rate = rate if Fraction(1) <= rate <= 240 else Fraction(25)
        stream = self.target.container.add_stream(self.name, rate=rate, options=self.options)
        assert isinstance(stream, VideoStream)
        self.size = stream.width, stream.height = frame.width, frame.height
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = self.source.time_base
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        if self.source.sound:
            self.sound = Sound(self.source, self.target.container, self.target.format)
        return stream


def encoded(source: Source, target: Target, codec: str) -> Iterator[float]:
    """Encode the pictures anew, at 720p at most; yield the seconds done."""
    encoder = Encoder(source, target, codec)
    for frame in source.frames():
        assert frame.pts is not None
        encoder.add(encoder.upright.encodable(frame))
        yield float(source.seconds(frame.pts))
    encoder.end()


def available(codec: str) -> str:
    """Return the codec that is encoded: H.264 if this build of FFmpeg can, else VP9."""
    return codec if ENCODERS[codec][0] in codecs_available else "vp9"
