"""Take the sound of a video along into another file, in step with the pictures.

Runs inside the sandbox's child.
"""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container.output import OutputContainer
from av.filter import Graph
from av.packet import Packet

from rubberduck.videos.decode_container import codec_name
from rubberduck.videos.decode_source import Source

# What browsers play in each container, and nothing that carries tags of its own, as Vorbis does.
COPIED = {"mp4": ("aac", "mp3"), "webm": ("opus",)}
ENCODERS = {"mp4": "aac", "webm": "libopus"}
RATE = 48_000
BIT_RATE = 128_000


class Sound:
    """The sound of a source, copied or encoded; its times count from the first frame shown."""

    def __init__(self, source: Source, container: OutputContainer, format: str) -> None:
        assert source.sound is not None
        self.source, self.container = source, container
        self.stream = source.sound
        self.base = self.stream.time_base or Fraction(1, RATE)
        self.offset = source.start_pts * source.time_base
        self.is_copied = codec_name(self.stream) in COPIED[format]
        if self.is_copied:
            self.out = container.add_stream_from_template(self.stream)
        else:
            out = container.add_stream(ENCODERS[format], rate=RATE)
            assert isinstance(out, AudioStream)
            self.out = out
            self.out.layout = "stereo" if self.stream.channels > 1 else "mono"
            self.out.bit_rate = BIT_RATE
        self._graph: Graph | None = None
        self._last_dts: int | None = None

    def take(self) -> None:
        """Mux what the source has read of the sound by now."""
        while self.source.sound_packets:
            packet = self.source.sound_packets.popleft()
            if self.is_copied:
                self._copy(packet)
            else:
                self._encode(packet)

    def end(self) -> None:
        """Mux what is left."""
        self.take()
        if self.is_copied:
            return
        for frame in self._decoded(None):
            self._push(frame)
        if self._graph is not None:
            self._graph.push(None)
            self._pull()
        self.container.mux(self.out.encode(None))

    def _copy(self, packet: "Packet[AudioStream]") -> None:
        if packet.pts is None or packet.is_discard:
            return
        shift = round(self.offset / self.base)
        packet.pts -= shift
        packet.dts = packet.pts  # audio is never reordered
        if packet.pts + (packet.duration or 0) <= 0:
            return  # before the first picture
        if self._last_dts is not None and packet.dts <= self._last_dts:
            return
        self._last_dts = packet.dts
        packet.stream = self.out
        self.container.mux_one(packet)

    def _encode(self, packet: "Packet[AudioStream]") -> None:
        for frame in self._decoded(packet):
            self._push(frame)

    def _decoded(self, packet: "Packet[AudioStream] | None") -> Iterator[AudioFrame]:
        try:
            yield from self.stream.decode(packet)
        except MemoryError:
            raise
        except av.FFmpegError:
            return  # damaged: the filter fills the gap with silence

    def _push(self, frame: AudioFrame) -> None:
        if frame.pts is not None:
            frame.pts -= round(self.offset / (frame.time_base or self.base))
        if self._graph is None:
            self._graph = self._new_graph(frame)
        try:
            self._graph.push(frame)
        except av.FFmpegError:
            return  # another format in the middle of the stream
        self._pull()

    def _pull(self) -> None:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(frame, AudioFrame)
            self.container.mux(self.out.encode(frame))

    def _new_graph(self, frame: AudioFrame) -> Graph:
        """Return a filter that begins at 0 and fills gaps: sound and pictures stay in step."""
        graph = Graph()
        context = self.out.codec_context
        context.open(strict=False)
        layout = context.layout.name
        nodes = [
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=frame.time_base,
            ),
            graph.add("aresample", f"{RATE}:async=1:first_pts=0"),
            graph.add(
                "aformat",
                f"sample_fmts={context.format.name}:channel_layouts={layout}:sample_rates={RATE}",
            ),
            graph.add("asetnsamples", f"n={context.frame_size or 1024}:p=0"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph
