"""Make upright sRGB pictures of square pixels from decoded frames. Runs in the sandbox's child."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image, ImageFile

from rubberduck.videos.geometry import Turn, fitted, square_size, turn_of
from rubberduck.videos.tone_mapping import BT2020, HLG, PQ, to_srgb

assert ImageFile  # Pillow imports it late: no file can be opened after the lockdown
LOOK = (48, 27)  # pixels of the small pictures that are compared
# Of a stream that does not say which colours it has: what players assume, by the height.
UNSPECIFIED, BT709, BT601 = 2, 1, 5
HD_HEIGHT = 576
# The filter counts time in halves of the stream's units, as if it gave each field.
DEINTERLACE = [("bwdif", "mode=send_frame:deint=interlaced"), ("settb", "expr=intb*2")]


def deinterlaced(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Yield the frames, those that consist of two fields as whole pictures of the first one."""
    graph: Graph | None = None
    shape: tuple[Any, ...] = ()
    for frame in frames:
        now = (frame.format.name, frame.width, frame.height)
        if graph is not None and now != shape:
            yield from _filtered(graph, None)
            graph = None
        if graph is None and frame.interlaced_frame:
            graph, shape = _graph(frame, DEINTERLACE), now
        if graph is None:
            yield frame
        else:
            yield from _filtered(graph, frame)
    if graph is not None:
        yield from _filtered(graph, None)


def _filtered(graph: Graph, frame: VideoFrame | None) -> Iterator[VideoFrame]:
    """Yield the frames that are finished by now."""
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


class Look:
    """Makes the small pictures by which frames are compared."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def of(self, frame: VideoFrame) -> Image.Image:
        small = self._reformatter.reformat(
            frame, *LOOK, "rgb24", interpolation=Interpolation.AREA, threads=1
        )
        return _image(small)


class Upright:
    """Turns the frames of a stream upright, with square pixels and the colours of sRGB.

    Their longer side is at most `max_side`, and the shorter one `max_short`; both are even if an
    encoder needs it.
    """

    def __init__(
        self,
        aspect: Fraction | None,
        turn: Turn,
        max_side: int | None = None,
        max_short: int | None = None,
        *,
        is_even: bool = False,
    ) -> None:
        self.aspect, self.turn = aspect, turn
        self.max_side, self.max_short, self.is_even = max_side, max_short, is_even
        self._graphs: dict[str, tuple[tuple[Any, ...], Graph]] = {}  # by their pixels
        self._to_yuv, self._to_size = VideoReformatter(), VideoReformatter()

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the size of the upright picture in square pixels."""
        width, height = square_size(frame.width, frame.height, self.aspect)
        return (height, width) if self.turn.is_sideways else (width, height)

    def picture(self, frame: VideoFrame) -> Image.Image:
        """Return the frame as an RGB picture."""
        picture = _image(self._turned(frame, "rgb24"))
        return to_srgb(picture, frame.color_trc) if _is_wide(frame) else picture

    def pixels(self, frame: VideoFrame) -> tuple[int, int, bytes | memoryview]:
        """Return width, height and RGB pixels of the picture, without a copy where possible."""
        if not _is_wide(frame):
            rgb = self._turned(frame, "rgb24")
            row, plane = 3 * rgb.width, rgb.planes[0]
            if plane.line_size == row:
                return rgb.width, rgb.height, memoryview(plane)[: row * rgb.height]
        picture = self.picture(frame)
        return picture.width, picture.height, picture.tobytes()

    def encodable(self, frame: VideoFrame) -> VideoFrame:
        """Return the frame as yuv420p of BT.709, with its time."""
        if _is_wide(frame):
            return self.encodable_picture(self.picture(frame), frame)
        return self._turned(frame, "yuv420p")

    def encodable_picture(self, picture: Image.Image, frame: VideoFrame) -> VideoFrame:
        """Return an RGB picture as yuv420p of BT.709, with the time of a frame."""
        rgb = VideoFrame(*picture.size, "rgb24")
        plane = rgb.planes[0]
        rows = picture.tobytes("raw", "RGB", plane.line_size, 1)
        plane.update(rows.ljust(plane.buffer_size, b"\0"))
        out = self._to_yuv.reformat(
            rgb, format="yuv420p", dst_colorspace=BT709, dst_color_range="MPEG", threads=1
        )
        out.pts, out.time_base = frame.pts, frame.time_base
        return out

    def resized(self, frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
        """Return an encodable frame in another size."""
        out = self._to_size.reformat(frame, *size, threads=1)
        out.pts, out.time_base = frame.pts, frame.time_base
        return out

    def _turned(self, frame: VideoFrame, pixels: str) -> VideoFrame:
        if frame.colorspace == UNSPECIFIED:
            frame.colorspace = BT709 if frame.height > HD_HEIGHT else BT601
        key = (frame.format.name, frame.width, frame.height, frame.colorspace, frame.color_range)
        known, graph = self._graphs.get(pixels, (None, None))
        if graph is None or known != key:
            graph = self._new_graph(frame, pixels)
            self._graphs[pixels] = (key, graph)
        graph.vpush(frame)
        return graph.vpull()

    def _new_graph(self, frame: VideoFrame, pixels: str) -> Graph:
        width, height = square_size(frame.width, frame.height, self.aspect)
        if self.max_side:
            width, height = fitted(width, height, self.max_side, self.max_short)
        if self.is_even:
            width, height = max(2, width - width % 2), max(2, height - height % 2)
        colours = "out_range=tv:out_color_matrix=bt709" if pixels == "yuv420p" else "out_range=pc"
        scale = f"{width}:{height}:{colours}"
        turns = [name.partition("=") for name in self.turn.filters]
        filters = [("scale", scale), ("format", pixels), *((n, a) for n, _, a in turns)]
        return _graph(frame, filters)


def turn_of_frame(frame: VideoFrame) -> Turn:
    """Return how to turn a frame upright.

    For one frame of a stream only: a frame and its side data refer to each other, and keep the
    pixels until the next garbage collection.
    """
    matrix = cast(SideDataContainer, frame.side_data).get(Type.DISPLAYMATRIX)
    return turn_of(bytes(matrix) if matrix else None)


def _is_wide(frame: VideoFrame) -> bool:
    """Return whether the frame has more colours or more light than sRGB."""
    return frame.color_trc in (PQ, HLG) or frame.color_primaries == BT2020


def _image(rgb: VideoFrame) -> Image.Image:
    plane = rgb.planes[0]
    size = (rgb.width, rgb.height)
    return Image.frombytes("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1)
