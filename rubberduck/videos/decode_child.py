"""Read videos inside the sandbox's child: what is in the file, and its frames at their true times.

`handle` serves these requests; a request names the file by its descriptor.

- {"do": "open", "file", "max_pixels"} returns what models.VideoInfo has.
- {"do": "begin", "rate": [n, d], "start": pts or null, "max_side", "max_seconds"} begins to sample.
- {"do": "next", "count", "bytes"} returns {"frames": [{"pts", "end", "width", "height", "stride",
  "is_cut"}, …], "is_end", "pts"} and writes their RGB pixels one after the other.
- {"do": "still", "pts", "max_side"} returns the one frame that is shown at that time, likewise.

All may return {"error": …} instead: a key of reading.REASONS.

The identity of a frame is its presentation time, in units of the stream's time base.
"""

import time
from collections.abc import Iterator
from fractions import Fraction
from io import FileIO
from itertools import chain
from typing import Any, cast

import av
import av.logging
import av.subtitles.codeccontext
import av.subtitles.stream
from av.codec.context import ThreadType
from av.container.core import Flags
from av.container.input import InputContainer
from av.filter import Graph
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer, Type
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from rubberduck.videos.geometry import Turn, fitted, square_size, turn_of
from rubberduck.videos.sampling import Chosen, Sampler, warm_up

Image.init()
av.logging.set_level(None)
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
PICTURES = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mjpeg")
SOUNDS = ("aac", "mp3", "mp2", "opus", "vorbis", "ac3", "eac3", "flac", "alac", "pcm_s16le")
DECODERS = (*PICTURES, "libdav1d", *SOUNDS, "mp3float", "libopus", "libvorbis", "pcm_s16be")
OPTIONS = {
    "format_whitelist": DEMUXERS,
    "codec_whitelist": ",".join(DECODERS),
    "protocol_whitelist": "none",
    "enable_drefs": "0",
}
GENERATE_TIMES = cast(int, Flags.gen_pts.value)  # PyAV sets it: wrong for AVIs with B-frames
THREADS = 2
MAX_READ_ERRORS = 100  # one after the other, in a damaged file
BATCH_SECONDS = 0.5  # until a request is answered with what there is
LOOK = (48, 27)  # pixels of the small pictures that are compared
# Unspecified in the stream: what players assume, by the height.
HD_HEIGHT = 576
BT709, BT601, BT2020, PQ, HLG = 1, 5, 9, 16, 18


class Refused(Exception):
    """The file cannot be read; the message is the reply's "error"."""


class Source:
    """An open video, whose frames can be read from the start or from any time."""

    def __init__(self, file: int, max_pixels: int) -> None:
        self.file = FileIO(file, closefd=False)
        self.max_pixels = max_pixels
        self._delay = 0  # of a stream without presentation times: frames between in and out
        self._open()
        self.time_base = self.stream.time_base or Fraction(1, 1000)
        frames = self._decoded()
        self.first = next(frames, None)
        if self.first is None or self.first.pts is None:
            raise Refused("no-frames")
        self.start_pts: int = self.first.pts
        self._fresh: Iterator[VideoFrame] | None = chain([self.first], frames)

    def _open(self) -> None:
        self.file.seek(0)
        try:
            self.container: InputContainer = av.open(self.file, "r", options=OPTIONS)
        except MemoryError:
            raise
        except av.FFmpegError as error:
            raise Refused("not-a-video") from error
        self.container.flags &= ~GENERATE_TIMES
        self.stream = self._chosen_stream()
        for stream in self.container.streams:
            is_read = stream.index == self.stream.index
            stream.discard = Discard.default if is_read else Discard.all
        codec = self.stream.codec_context
        if codec.width * codec.height > self.max_pixels:
            raise Refused("too-many-pixels")
        codec.options = {"max_pixels": str(self.max_pixels)}
        codec.thread_type = ThreadType.AUTO
        codec.thread_count = THREADS

    def _chosen_stream(self) -> VideoStream:
        """Return the stream with the pictures: no cover, and the largest one of several."""
        hidden = Disposition.attached_pic | Disposition.timed_thumbnails
        streams = [s for s in self.container.streams.video if not s.disposition & hidden]
        if not streams:
            raise Refused("only-sound" if self.container.streams.audio else "no-pictures")
        known = [s for s in streams if s.codec_context and codec_name(s) in PICTURES]
        if not known:
            raise Refused("unknown-codec")
        best = self.container.streams.best("video")
        return next((s for s in known if best and s.index == best.index), known[0])

    def frames(self, from_pts: int | None = None) -> Iterator[VideoFrame]:
        """Yield all frames in the order of their times, with increasing `pts`, deinterlaced.

        Begins at the start, or at some key frame at or before `from_pts`.
        """
        return deinterlaced(self._from_start() if from_pts is None else self._from(from_pts))

    def seconds(self, pts: int) -> Fraction:
        """Return the time of a frame after the first one."""
        return (pts - self.start_pts) * self.time_base

    def _from_start(self) -> Iterator[VideoFrame]:
        frames, self._fresh = self._fresh, None
        if frames is None:
            self._open()
            frames = self._decoded()
        return frames

    def _from(self, pts: int) -> Iterator[VideoFrame]:
        """Seek to a key frame at or before `pts`: again further back if it lies behind."""
        self._fresh = None
        back = round(1 / self.time_base)
        target = pts
        while target > self.start_pts:
            try:
                self.container.seek(target, stream=self.stream)
            except MemoryError:
                raise
            except (av.FFmpegError, OSError):
                break
            frames = self._decoded(is_after_seek=True)
            first = next(frames, None)
            if first is not None and first.pts is not None and first.pts <= pts:
                return chain([first], frames)
            target, back = target - back, 4 * back
        self._open()
        return self._decoded()

    def _decoded(self, *, is_after_seek: bool = False) -> Iterator[VideoFrame]:
        """Yield the decodable frames that follow in the file."""
        last: VideoFrame | None = None
        key_pts: int | None = None  # of the first key frame: what is before it lacks references
        first_dts: int | None = None
        for packet in self._packets():
            if first_dts is None:
                first_dts = packet.dts
                key_pts = packet.pts if is_after_seek and packet.is_keyframe else None
            try:
                frames = packet.decode()
            except MemoryError:
                raise
            except av.FFmpegError:
                continue  # damaged: what follows may be fine
            for frame in frames:
                if frame.pts is None and last is None and not is_after_seek:
                    self._delay = (frame.dts or 0) - (first_dts or 0)
                frame.pts = pts = self._time(frame, last)
                if frame.is_corrupt or (key_pts is not None and pts < key_pts):
                    continue
                if last is None or pts > (last.pts or 0):
                    last = frame
                    yield frame

    def _time(self, frame: VideoFrame, last: VideoFrame | None) -> int:
        """Return the presentation time; in AVI only the order is known, and the rate."""
        if frame.pts is not None:
            return frame.pts
        if frame.dts is not None:
            return frame.dts - self._delay
        return 0 if last is None or last.pts is None else last.pts + max(1, last.duration or 1)

    def _packets(self) -> Iterator["Packet[VideoStream]"]:
        errors = 0
        while errors < MAX_READ_ERRORS:
            try:
                for packet in self.container.demux(self.stream):
                    errors = 0
                    yield packet
                return
            except MemoryError:
                raise
            except av.FFmpegError:
                errors += 1


def codec_name(stream: Any) -> str:
    return str(stream.codec_context.codec.canonical_name)


def deinterlaced(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Yield the frames, those that consist of two fields as whole pictures of the first one."""
    graph: Graph | None = None
    shape: tuple[Any, ...] = ()
    for frame in frames:
        now = (frame.format.name, frame.width, frame.height)
        if graph is not None and now != shape:
            yield from _pulled(graph, None)
            graph = None
        if graph is None and frame.interlaced_frame:
            graph, shape = _graph(frame, [("bwdif", "mode=send_frame:deint=interlaced")]), now
        if graph is None:
            yield frame
        else:
            yield from _pulled(graph, frame)
    if graph is not None:
        yield from _pulled(graph, None)


def _pulled(graph: Graph, frame: VideoFrame | None) -> Iterator[VideoFrame]:
    graph.vpush(frame)
    while True:
        try:
            out = graph.vpull()
        except (BlockingIOError, EOFError):
            return
        yield out


def _graph(frame: VideoFrame, filters: list[tuple[str, str]]) -> Graph:
    """Return a configured chain of filters for frames like this one."""
    base = frame.time_base or Fraction(1, 1000)
    graph = Graph()
    graph.threads = 1
    last = graph.add(
        "buffer",
        f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
        f":time_base={base.numerator}/{base.denominator}"
        f":colorspace={frame.colorspace}:range={frame.color_range}",
    )
    for name, arguments in [*filters, ("buffersink", "")]:
        node = graph.add(name, arguments or None)
        last.link_to(node)
        last = node
    graph.configure()
    return graph


class Upright:
    """Makes upright RGB pictures with square pixels of decoded frames."""

    def __init__(self, stream: VideoStream, max_side: int | None = None) -> None:
        self.aspect = stream.sample_aspect_ratio
        self.max_side = max_side
        self._shape: tuple[Any, ...] = ()
        self._graph: Graph | None = None

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the size of the upright picture in square pixels."""
        width, height = square_size(frame.width, frame.height, self.aspect)
        return (height, width) if turn(frame).is_sideways else (width, height)

    def picture(self, frame: VideoFrame) -> VideoFrame:
        """Return an upright sRGB frame, whose longer side is at most `max_side`."""
        if frame.colorspace == 2:
            frame.colorspace = BT709 if frame.height > HD_HEIGHT else BT601
        look = (frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries)
        shape = (frame.format.name, frame.width, frame.height, turn(frame), *look)
        if self._graph is None or shape != self._shape:
            self._graph, self._shape = self._new_graph(frame), shape
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _new_graph(self, frame: VideoFrame) -> Graph:
        width, height = square_size(frame.width, frame.height, self.aspect)
        if self.max_side:
            width, height = fitted(width, height, self.max_side)
        scale = f"{width}:{height}:out_range=pc"
        if frame.color_trc in (PQ, HLG) or frame.color_primaries == BT2020:
            scale += ":out_primaries=bt709:out_transfer=iec61966-2-1:intent=perceptual"
        turns = [name.partition("=") for name in turn(frame).filters]
        filters = [("scale", scale), ("format", "rgb24"), *((n, a) for n, _, a in turns)]
        return _graph(frame, filters)


def turn(frame: VideoFrame) -> Turn:
    """Return how to turn a frame upright."""
    matrix = cast(SideDataContainer, frame.side_data).get(Type.DISPLAYMATRIX)
    return turn_of(bytes(matrix) if matrix else None)


class Reading:
    """Answers the requests about one file."""

    source: Source
    upright: Upright
    chosen: Iterator[Chosen[VideoFrame] | None]

    def handle(self, request: dict[str, Any], data: bytes, output: FileIO) -> dict[str, Any]:
        """Answer one request, as the module's docstring says. Raises MemoryError at the limit."""
        try:
            match request:
                case {"do": "open", "file": int(file), "max_pixels": int(max_pixels)}:
                    self.source = Source(file, max_pixels)
                    return info(self.source)
                case {"do": "begin", "rate": [int(n), int(d)], "start": start, **more}:
                    self.upright = Upright(self.source.stream, more["max_side"])
                    self.chosen = self._chosen(Fraction(n, d), start, more["max_seconds"])
                    return {}
                case {"do": "next", "count": int(count), "bytes": int(size)}:
                    return self._next(count, size, output)
                case {"do": "still", "pts": int(pts), "max_side": int(max_side)}:
                    return self._still(pts, max_side, output)
        except Refused as refusal:
            return {"error": str(refusal)}
        raise ValueError(f"unknown request {request}")

    def _chosen(
        self, rate: Fraction, start: int | None, max_seconds: float | None
    ) -> Iterator[Chosen[VideoFrame] | None]:
        """Yield the frames to analyse; None for each one that is not."""
        source, look = self.source, VideoReformatter()
        begin = None if start is None else start - round(warm_up(rate) / source.time_base)
        sampler = Sampler[VideoFrame](rate)
        for frame in source.frames(begin):
            assert frame.pts is not None
            seconds = source.seconds(frame.pts)
            if max_seconds is not None and seconds > max_seconds:
                raise Refused("too-long")
            small = look.reformat(frame, *LOOK, "rgb24", interpolation=Interpolation.AREA)
            picture = Image.frombuffer("RGB", LOOK, *_raw(small))
            for chosen in sampler.add(seconds, picture, frame):
                yield chosen if start is None or (chosen.frame.pts or 0) >= start else None
            yield None
        for chosen in sampler.end():
            yield chosen if start is None or (chosen.frame.pts or 0) >= start else None

    def _next(self, count: int, size: int, output: FileIO) -> dict[str, Any]:
        frames: list[dict[str, Any]] = []
        deadline = time.monotonic() + BATCH_SECONDS
        while len(frames) < count and output.tell() < size and time.monotonic() < deadline:
            try:
                chosen = next(self.chosen)
            except StopIteration:
                return {"frames": frames, "is_end": True}
            if chosen:
                frames.append(self._write(self.upright, chosen.frame, output))
                frames[-1]["is_cut"] = chosen.is_cut
        return {"frames": frames, "is_end": False}

    def _still(self, pts: int, max_side: int, output: FileIO) -> dict[str, Any]:
        shown: VideoFrame | None = None
        for frame in self.source.frames(pts):
            if shown is not None and (frame.pts or 0) > pts:
                break
            shown = frame
        if shown is None:
            raise Refused("no-frames")
        return self._write(Upright(self.source.stream, max_side), shown, output)

    def _write(self, upright: Upright, frame: VideoFrame, output: FileIO) -> dict[str, Any]:
        picture = upright.picture(frame)
        plane = picture.planes[0]
        output.write(memoryview(plane))
        assert frame.pts is not None
        return {
            "pts": frame.pts,
            "end": frame.pts + max(1, frame.duration or 0),
            "width": picture.width,
            "height": picture.height,
            "stride": plane.line_size,
        }


def _raw(picture: VideoFrame) -> tuple[Any, str, str, int, int]:
    """Return Pillow's arguments for the pixels of an RGB frame."""
    return bytes(picture.planes[0]), "raw", "RGB", picture.planes[0].line_size, 1


def info(source: Source) -> dict[str, Any]:
    """Return what models.VideoInfo has."""
    assert source.first is not None
    stream, base = source.stream, source.time_base
    width, height = Upright(stream).size(source.first)
    sound = source.container.streams.best("audio")
    seconds = float(stream.duration * base) if stream.duration else 0.0
    if not seconds and source.container.duration:
        seconds = source.container.duration / 1_000_000
    rate = stream.average_rate or stream.guessed_rate
    return {
        "container": source.container.format.name,
        "codec": codec_name(stream),
        "width": width,
        "height": height,
        "seconds": seconds,
        "time_base": [base.numerator, base.denominator],
        "start_pts": source.start_pts,
        "rate": float(rate) if rate else None,
        "sound_codec": codec_name(sound) if sound and sound.codec_context else None,
    }


handle = Reading().handle
