"""Write videos that browsers play, inside the sandbox's child: clean copies, videos with boxes.

`handle` serves these requests; files are named by their descriptors.

- {"do": "open", "file", "max_pixels"} returns what models.VideoInfo has.
- {"do": "copy", "target", "encoder"} begins a copy. {"do": "more"} goes on with it for a while, and
  returns {"seconds", "is_end", "format"}.
- {"do": "render", "target", "encoder"} begins a video whose pictures are drawn on.
  {"do": "peek", "count"} decodes some frames, and returns {"seconds": […], "is_end", "format"};
  {"do": "pixels", "frames": [index, …]} writes those as RGB, and returns {"sizes": [[w, h], …]};
  {"do": "put", "drawn": [{"frame": index, "width", "height"}, …]} encodes all, these with the
  pixels in `data`.

What is written has the times of the source, counted from the first frame shown, and no metadata.
"""

import errno
import time
from collections.abc import Iterator
from io import FileIO
from typing import Any

import av
from av.video.frame import VideoFrame
from PIL import Image

from rubberduck.videos.decode_child import info
from rubberduck.videos.decode_container import Refused, codec_name
from rubberduck.videos.decode_source import Source
from rubberduck.videos.encode_files import (
    ENCODERS,
    FORMATS,
    Encoder,
    NotCopyable,
    Target,
    available,
    copied,
    encoded,
    is_copyable,
)

NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
STEP_SECONDS = 0.5  # until a request is answered with how far it is


class Writing:
    """Answers the requests about one file."""

    source: Source
    target: Target
    codec: str
    work: Iterator[float]
    encoder: Encoder
    frames: Iterator[VideoFrame]
    held: list[VideoFrame]

    def handle(self, request: dict[str, Any], data: bytes, output: FileIO) -> dict[str, Any]:
        """Answer one request, as the module's docstring says. Raises MemoryError at the limit."""
        try:
            match request:
                case {"do": "pixels", "frames": list(indices)}:
                    return self._pixels(indices, output)
                case {"do": "put", "drawn": list(drawn)}:
                    return self._put(drawn, data)
            return self._begun(request) if "target" in request else self._advanced(request)
        except Refused as refusal:
            return {"error": str(refusal)}
        except (OSError, av.FFmpegError) as error:
            if error.errno in NO_SPACE:
                return {"error": "no-space"}
            raise

    def _begun(self, request: dict[str, Any]) -> dict[str, Any]:
        self.codec = available(request["encoder"])
        if request["do"] == "copy":
            self._copy(request["target"])
        else:
            self._render(request["target"])
        return {}

    def _advanced(self, request: dict[str, Any]) -> dict[str, Any]:
        match request:
            case {"do": "open", "file": int(file), "max_pixels": int(max_pixels)}:
                self.source = Source(file, max_pixels, with_sound=True)
                return info(self.source)
            case {"do": "more"}:
                return self._more()
            case {"do": "peek", "count": int(count)}:
                return self._peek(count)
        raise ValueError(f"unknown request {request}")

    def _copy(self, file: int) -> None:
        if is_copyable(self.source):
            self.target = Target(file, FORMATS[codec_name(self.source.stream)])
            self.work = copied(self.source, self.target)
        else:
            self._encode(file)

    def _encode(self, file: int) -> None:
        self.target = Target(file, ENCODERS[self.codec][1])
        self.work = encoded(self.source, self.target, self.codec)

    def _more(self) -> dict[str, Any]:
        deadline, seconds = time.monotonic() + STEP_SECONDS, 0.0
        try:
            while time.monotonic() < deadline:
                seconds = next(self.work)
        except StopIteration:
            return {"seconds": seconds, "is_end": True, "format": self.target.format}
        except NotCopyable:
            self._encode(self.target.file)
        return {"seconds": seconds, "is_end": False, "format": self.target.format}

    def _render(self, file: int) -> None:
        self.target = Target(file, ENCODERS[self.codec][1])
        self.encoder = Encoder(self.source, self.target, self.codec)
        self.frames, self.held = self.source.frames(), []

    def _peek(self, count: int) -> dict[str, Any]:
        self.held = [frame for _, frame in zip(range(count), self.frames, strict=False)]
        if not self.held:
            self.encoder.end()
        seconds = [float(self.source.seconds(frame.pts or 0)) for frame in self.held]
        return {"seconds": seconds, "is_end": not seconds, "format": self.target.format}

    def _pixels(self, indices: list[int], output: FileIO) -> dict[str, Any]:
        sizes = []
        for index in indices:
            picture = self.encoder.upright.picture(self.held[index])
            output.write(picture.tobytes())
            sizes.append(picture.size)
        return {"sizes": sizes}

    def _put(self, drawn: list[dict[str, int]], data: bytes) -> dict[str, Any]:
        pictures, start = {}, 0
        for each in drawn:
            size = (each["width"], each["height"])
            end = start + 3 * size[0] * size[1]
            pictures[each["frame"]] = Image.frombuffer(
                "RGB", size, data[start:end], "raw", "RGB", 0, 1
            )
            start = end
        upright = self.encoder.upright
        for index, frame in enumerate(self.held):
            if index in pictures:
                self.encoder.add(upright.encodable_picture(pictures[index], frame))
            else:
                self.encoder.add(upright.encodable(frame))
        return {}


handle = Writing().handle
