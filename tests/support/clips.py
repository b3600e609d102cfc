"""Small videos whose frames show their own number as squares, made with PyAV when they are needed.

A second of sound has a click at its start, if a recipe has sound.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container.output import OutputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Size = tuple[int, int]
COLUMNS, ROWS = 6, 4
# The first and the last row of squares are the same in each frame: no turn or mirror keeps them.
TOP, BOTTOM = "100110", "110100"
DARK, BRIGHT = 30, 220
SIZE = (192, 128)
RATE = 25
SOUND_RATE = 48_000
# The encoder of each codec, and its options.
FAST = {"preset": "ultrafast", "threads": "1"}
REALTIME = {"deadline": "realtime", "cpu-used": "8", "g": "12", "threads": "1"}
ENCODERS = {
    "h264": ("libx264", {**FAST, "bf": "3", "b-pyramid": "normal", "g": "12"}),
    "hevc": ("libx265", {**FAST, "x265-params": "bframes=3:keyint=12:log-level=none:pools=1"}),
    "vp8": ("libvpx", REALTIME),
    "vp9": ("libvpx-vp9", REALTIME),
    "av1": ("libsvtav1", {"preset": "8", "svtav1-params": "keyint=12:lp=1"}),
    "mpeg4": ("mpeg4", {"g": "12", "bf": "2", "q": "3"}),
    "mpeg2": ("mpeg2video", {"g": "12", "bf": "2", "q": "3"}),
    "mjpeg": ("mjpeg", {"q": "3"}),
}


@dataclass(frozen=True)
class Clip:
    """A video file: the number that each shown frame shows, its time after the first one.

    `size` is that of the upright picture of square pixels.
    """

    path: Path
    numbers: tuple[int, ...]
    seconds: tuple[Fraction, ...]
    size: Size = SIZE

    def shown_at(self, seconds: float) -> int:
        """Return the number of the frame that is shown at a time."""
        return max(
            (time, number)
            for time, number in zip(self.seconds, self.numbers, strict=True)
            if time <= seconds + 0.0006
        )[1]


def drawn(number: int, size: Size) -> Pixels:
    """Return a frame's RGB pixels: a bright square is a 1, a dark one a 0."""
    bits = TOP + f"{number:012b}" + BOTTOM
    squares = np.array([int(bit) for bit in bits], np.uint8).reshape(ROWS, COLUMNS)
    width, height = size
    down, across = np.arange(height) * ROWS // height, np.arange(width) * COLUMNS // width
    grey = DARK + (BRIGHT - DARK) * squares[down][:, across]
    return np.repeat(grey[:, :, None], 3, 2).astype(np.uint8)


def number_of(image: Image.Image) -> int | None:
    """Return the number that a frame shows; None if it is not upright, or not clearly one."""
    light = np.asarray(image.convert("L").resize((COLUMNS * 8, ROWS * 8), Image.Resampling.BOX))
    squares = light.reshape(ROWS, 8, COLUMNS, 8)[:, 2:6, :, 2:6].mean((1, 3)).ravel()
    dark, range_ = squares.min(), np.ptp(squares)
    levels = np.digitize(squares, [dark + 0.35 * range_, dark + 0.65 * range_])
    bits = "".join("0?1"[level] for level in levels)
    is_clear = (bits[:6], bits[18:]) == (TOP, BOTTOM) and "?" not in bits
    return int(bits[6:18], 2) if is_clear else None


@dataclass(frozen=True)
class Recipe:
    """How a clip is made. Times are in units of `base` seconds."""

    codec: str = "h264"
    format: str = "mp4"
    size: Size = SIZE  # of the stored frames
    base: Fraction = Fraction(1, 12800)
    step: int = 512  # from one frame to the next
    start: int = 0
    time: Callable[[int], int] | None = None  # of a frame by its number, if not regular
    options: dict[str, str] = field(default_factory=dict)  # of the encoder
    muxer: dict[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"
    matrix: tuple[int, int, int, int] | None = None  # a, b, c, d of the display matrix
    aspect: Fraction | None = None  # of a pixel
    draw: Callable[[int, Size], Pixels] = drawn
    top_first: bool = False  # of two fields: what encoders call tff; else they take bff
    sound: str | None = None  # encoder
    finish: Callable[[Clip], Clip] = lambda clip: clip  # changes the file

    def time_of(self, number: int) -> int:
        return self.time(number) if self.time else self.start + self.step * number


def make_clip(path: Path, recipe: Recipe, frames: int = 50) -> Clip:
    """Write a clip to a file."""
    with av.open(str(path), "w", format=recipe.format, options=recipe.muxer) as container:
        stream = add_pictures(container, recipe)
        sound = add_sound(container, recipe.sound) if recipe.sound else None
        for number in range(frames):
            container.mux(stream.encode(frame_of(recipe, number)))
            if sound:
                mux_sound(container, sound, number)
        container.mux(stream.encode(None))
        if sound:
            container.mux(sound.encode(None))
    times = [recipe.time_of(number) for number in range(frames)]
    seconds = tuple((time - times[0]) * recipe.base for time in times)
    return recipe.finish(Clip(path, tuple(range(frames)), seconds, upright_size(recipe)))


def add_pictures(container: OutputContainer, recipe: Recipe) -> VideoStream:
    encoder, options = ENCODERS[recipe.codec]
    stream = container.add_stream(encoder, rate=RATE, options={**options, **recipe.options})
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = recipe.size
    stream.pix_fmt = recipe.pixels
    stream.time_base = stream.codec_context.time_base = recipe.base
    if recipe.aspect:
        stream.codec_context.sample_aspect_ratio = recipe.aspect
    if recipe.matrix:
        a, b, c, d = (65536 * each for each in recipe.matrix)
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
    return stream


def frame_of(recipe: Recipe, number: int) -> VideoFrame:
    frame = VideoFrame.from_ndarray(recipe.draw(number, recipe.size), "rgb24")
    frame = frame.reformat(format=recipe.pixels)
    frame = with_top_first(frame) if recipe.top_first else frame
    frame.pts, frame.time_base = recipe.time_of(number), recipe.base
    return frame


def with_top_first(frame: VideoFrame) -> VideoFrame:
    """Return the frame with the flag that PyAV cannot set."""
    graph = Graph()
    shape = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/25"
    graph.link_nodes(
        graph.add("buffer", shape), graph.add("setfield", "mode=tff"), graph.add("buffersink")
    ).configure()
    graph.vpush(frame)
    return graph.vpull()


def upright_size(recipe: Recipe) -> Size:
    width, height = recipe.size
    width = round(width * (recipe.aspect or 1))
    return (height, width) if recipe.matrix and recipe.matrix[0] == 0 else (width, height)


def add_sound(container: OutputContainer, encoder: str) -> AudioStream:
    stream = container.add_stream(encoder, rate=SOUND_RATE)
    assert isinstance(stream, AudioStream)
    stream.layout = "mono"
    return stream


def mux_sound(container: OutputContainer, stream: AudioStream, number: int) -> None:
    """Add the sound of one frame: a click of 10 ms at the start of a second."""
    samples = SOUND_RATE // RATE
    sound = np.zeros((1, samples), np.int16)
    if number % RATE == 0:
        sound[0, : SOUND_RATE // 100] = 20_000 * np.sign(np.sin(np.arange(SOUND_RATE // 100) / 3))
    frame = AudioFrame.from_ndarray(sound, "s16", "mono")
    frame.sample_rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
    frame.pts = number * samples
    container.mux(stream.encode(frame))


def top_first(number: int, size: Size) -> Pixels:
    """Return two fields: the first one, in the even rows, shows `number`, the other the next."""
    pixels = drawn(number, size)
    pixels[1::2] = drawn(number + 1, size)[1::2]
    return pixels


def bottom_first(number: int, size: Size) -> Pixels:
    pixels = drawn(number, size)
    pixels[::2] = drawn(number + 1, size)[::2]
    return pixels


def laid(matrix: tuple[int, int, int, int]) -> Recipe:
    """Return a recipe for frames that are upright once their display matrix is applied.

    A point (x, y) of the frame is shown at (a x + c y, b x + d y), moved back into the picture.
    """
    a, b, c, d = matrix

    def draw(number: int, size: Size) -> Pixels:
        y, x = np.mgrid[: size[1], : size[0]]
        column, row = a * x + c * y, b * x + d * y
        column, row = column - column.min(), row - row.min()
        upright = drawn(number, (int(column.max()) + 1, int(row.max()) + 1))
        return np.asarray(upright[row, column], np.uint8)

    return Recipe(matrix=matrix, draw=draw)


# What changes a file after it is made.


def with_frames_before(count: int) -> Callable[[Clip], Clip]:
    """Return what leaves out the first frames by an edit list: they are in the file, not shown."""

    def finish(clip: Clip) -> Clip:
        original = clip.path.rename(clip.path.with_suffix(".original"))
        with (
            av.open(str(original)) as source,
            av.open(
                str(clip.path), "w", format="mp4", options={"avoid_negative_ts": "disabled"}
            ) as container,
        ):
            stream = container.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None and packet.pts is not None:
                    packet.pts -= 512 * count
                    packet.dts -= 512 * count
                    packet.stream = stream
                    container.mux(packet)
        return _without(clip, count)

    return finish


def _without(clip: Clip, count: int) -> Clip:
    seconds = tuple(time - clip.seconds[count] for time in clip.seconds[count:])
    return replace(clip, numbers=clip.numbers[count:], seconds=seconds)


def with_edits(*edits: tuple[int, int]) -> Callable[[Clip], Clip]:
    """Return what shows only some ranges of an MP4's frames, from one number up to another."""

    def finish(clip: Clip) -> Clip:
        data = bytearray(clip.path.read_bytes())
        at = data.index(b"elst")
        offset = struct.unpack_from(">i", data, at + 16)[0]  # of the first frame, by B-frames
        entries = b"".join(
            struct.pack(">IiI", (end - first) * 1000 // RATE, 512 * first + offset, 1 << 16)
            for first, end in edits
        )
        size = struct.unpack_from(">I", data, at - 4)[0]
        new = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
        for name in (b"moov", b"trak", b"edts"):
            box = data.index(name) - 4
            grown = struct.unpack_from(">I", data, box)[0] + len(new) - size
            struct.pack_into(">I", data, box, grown)
        data[at - 4 : at - 4 + size] = new  # the index is at the end: nothing else moves
        clip.path.write_bytes(data)
        numbers = tuple(number for first, end in edits for number in range(first, end))
        return replace(clip, numbers=numbers, seconds=clip.seconds[: len(numbers)])

    return finish


def without_rate(clip: Clip) -> Clip:
    """Replace a Matroska file's duration of a frame by a void of the same size."""
    data = clip.path.read_bytes()
    at = data.index(b"\x23\xe3\x83")
    size = 4 + (data[at + 3] & 0x7F)
    void = bytes([0xEC, 0x80 | (size - 2)]) + bytes(size - 2)
    clip.path.write_bytes(data[:at] + void + data[at + size :])
    return clip


def with_wrong_count(clip: Clip) -> Clip:
    """Let an AVI's headers say that it has 7 frames."""
    data = bytearray(clip.path.read_bytes())
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, 7)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, 7)
    clip.path.write_bytes(data)
    return clip


def with_other_size(clip: Clip) -> Clip:
    """Append as many frames of another size, in a transport stream."""
    more = Recipe(
        format="mpegts", base=Fraction(1, 90000), step=3600, size=(256, 192), start=3600 * 52
    )
    other = make_clip(clip.path.with_suffix(".other"), more, len(clip.numbers))
    clip.path.write_bytes(clip.path.read_bytes() + other.path.read_bytes())
    return clip


MS = Fraction(1, 1000)
MILLISECONDS = Recipe(base=MS, step=40, format="matroska")
WEBM = replace(MILLISECONDS, format="webm")
COUNTED = Recipe(base=Fraction(1, RATE), step=1, format="avi")  # AVI knows no times
TRANSPORT = Recipe(base=Fraction(1, 90_000), step=3600, format="mpegts")
PQ_X265 = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:keyint=12:log-level=none"
# The kinds of videos whose frames and times must be right.
KINDS: dict[str, Recipe] = {
    "H.264 with B-frames in MP4": Recipe(),
    "H.264 in MOV": Recipe(format="mov"),
    "H.264 in fragmented MP4": Recipe(muxer={"movflags": "frag_keyframe+empty_moov"}),
    "H.264 in MKV": MILLISECONDS,
    "H.264 in AVI": COUNTED,
    "H.264 in MPEG-TS": TRANSPORT,
    "HEVC in MP4": Recipe(codec="hevc"),
    "HEVC in MPEG-TS": replace(TRANSPORT, codec="hevc"),
    "VP8 in WebM": replace(WEBM, codec="vp8"),
    "VP9 in WebM": replace(WEBM, codec="vp9"),
    "AV1 in WebM": replace(WEBM, codec="av1"),
    "AV1 in MP4": Recipe(codec="av1"),
    "MPEG-4 with B-frames in AVI": replace(COUNTED, codec="mpeg4"),
    "MPEG-2 in MPEG-TS": replace(COUNTED, codec="mpeg2", format="mpegts"),
    "Motion JPEG in AVI": replace(COUNTED, codec="mjpeg", pixels="yuvj420p"),
    "variable rate in MP4": Recipe(time=lambda n: 512 * n + (n * 7919) % 400),
    "variable rate in WebM": replace(WEBM, codec="vp9", time=lambda n: 40 * n + (n * 7919) % 31),
    "long pauses": Recipe(time=lambda n: 512 * n + 12800 * (n // 10)),
    "edit list that begins later": Recipe(finish=with_frames_before(10)),
    "edit list of two ranges": Recipe(finish=with_edits((5, 20), (30, 45))),
    "later start in MP4": Recipe(start=6400),
    "later start in WebM": replace(WEBM, codec="vp8", start=5000),
    "later start in MPEG-TS": replace(TRANSPORT, start=10_000_000),
    **{f"display matrix {m}": laid(m) for m in [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]},
    **{
        f"mirrored display matrix {m}": laid(m)
        for m in [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]
    },
    "interlaced H.264": Recipe(draw=top_first, top_first=True, options={"flags": "+ildct+ilme"}),
    "interlaced MPEG-2": replace(
        COUNTED,
        codec="mpeg2",
        format="mpegts",
        draw=bottom_first,
        options={"flags": "+ildct+ilme"},
    ),
    "wide pixels": Recipe(aspect=Fraction(4, 3)),
    "high pixels": Recipe(aspect=Fraction(3, 4)),
    "HDR": Recipe(codec="hevc", pixels="yuv420p10le", options={"x265-params": PQ_X265}),
    "odd sizes": replace(WEBM, codec="vp9", size=(193, 127)),
    "no rate in the header": replace(MILLISECONDS, finish=without_rate),
    "no length in the header": replace(WEBM, codec="vp8", muxer={"live": "1"}),
    "wrong number of frames in the header": replace(COUNTED, finish=with_wrong_count),
    "1000 frames a second": Recipe(base=MS, step=1),
    "sound": Recipe(sound="aac"),
}
