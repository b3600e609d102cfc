"""Open containers by lists of what is read, from open descriptors only.

Runs inside the sandbox's child.
"""

import os
from collections.abc import Iterator
from io import RawIOBase
from typing import Any, cast

import av
import av.logging
import av.subtitles.codeccontext
import av.subtitles.stream
from av.audio.stream import AudioStream
from av.container.core import Flags
from av.container.input import InputContainer
from av.packet import Packet

av.logging.set_level(None)
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
PICTURES = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mjpeg")
SOUNDS = (
    *("aac", "mp3", "mp2", "opus", "vorbis", "ac3", "eac3", "flac", "alac", "amr_nb"),
    *("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_u8", "pcm_mulaw", "pcm_alaw", "adpcm_ima_wav"),
)
DECODERS = (*PICTURES, "libdav1d", *SOUNDS, "mp3float", "mp2float", "libopus", "libvorbis")
OPTIONS = {
    "format_whitelist": DEMUXERS,
    "codec_whitelist": ",".join(DECODERS),
    "protocol_whitelist": "none",
    "enable_drefs": "0",
}
GENERATE_TIMES = cast(int, Flags.gen_pts.value)  # PyAV sets it: wrong for AVIs with B-frames


class Refused(Exception):
    """The file cannot be read; the message is the reply's "error"."""


class ReadAgain(RawIOBase):
    """A descriptor read from its start, whose own position stays."""

    def __init__(self, file: int) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = os.pread(self._file, size, self._at)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._file).st_size}
        self._at = start[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at


def open_container(file: RawIOBase, options: dict[str, str]) -> InputContainer:
    """Open a file. Raises Refused."""
    file.seek(0)
    try:
        container = av.open(file, "r", options=options)
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise Refused("not-a-video") from error
    container.flags &= ~GENERATE_TIMES
    return container


def packets_of(
    container: InputContainer, sound: AudioStream | None
) -> Iterator["Packet[AudioStream]"]:
    if sound is None:
        return
    try:
        yield from (packet for packet in container.demux(sound) if packet.size)
    except MemoryError:
        raise
    except av.FFmpegError:
        return  # damaged


def codec_name(stream: Any) -> str:
    return str(stream.codec_context.codec.canonical_name)
