"""The trunk: a network of the embedded detector, cut where its features are.

Models of one's own are small heads on these features. The trunk is cut out of its file in memory.

The graph's list of outputs is replaced in protobuf's wire format, and the nodes that none of them
needs are left out: onnxruntime 1.28.0 would run them all the same, for a twentieth of a pass. All
other fields are copied as they are. Libraries: `onnx.utils.Extractor` refuses this file, whose
inner tensors have no declared shapes; `onnx.load_model_from_string`, new outputs and
`SerializeToString` work, but keep 9 MB more in each web process that uses a custom model, and take
0.18 s of processor time instead of 0.05 s (onnx 1.23.2, measured after importing onnxruntime); the
protobuf runtime alone lacks onnx's schema.
"""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from rubberduck.detectors.model_file import TRUNK, read_model
from rubberduck.detectors.onnx_session import Session, open_session
from rubberduck.detectors.passes import PADDING, SIDE

FINE, MIDDLE, COARSE, POOLED = 40, 112, 320, 1280  # channels of stride 8, 16, 32, and pooled
CELLS = SIDE // 16  # rows and columns of the middle map
CHANNELS = 4 * FINE + MIDDLE + COARSE  # of one cell of the middle map
# Outputs of the shipped network's blocks. Dequantised tensors, because naming one of these undoes
# no fusion of the runtime.
MAPS = (
    "/net/_blocks.4/Add_output_0_DequantizeLinear_Output",
    "/net/_blocks.10/Add_output_0_DequantizeLinear_Output",
    "/net/_blocks.15/_project_conv/Conv_output_0_DequantizeLinear_Output",
)
POOLED_TENSOR = "/net/ReduceMean_output_0_DequantizeLinear_Output"
GRAPH_FIELD = 7  # of ModelProto in onnx.proto
NODE_FIELD, OUTPUT_FIELD = 1, 12  # of GraphProto
NODE_INPUT_FIELD, NODE_OUTPUT_FIELD = 1, 2  # of NodeProto

Floats = npt.NDArray[np.float32]


class Features(NamedTuple):
    """What the trunk computes of one square view: maps of strides 8, 16 and 32."""

    fine: Floats  # (FINE, 2 * CELLS, 2 * CELLS)
    middle: Floats  # (MIDDLE, CELLS, CELLS)
    coarse: Floats  # (COARSE, CELLS / 2, CELLS / 2)

    @property
    def cells(self) -> Floats:
        """Return all maps brought to stride 16, (CHANNELS, CELLS, CELLS).

        Each cell keeps its four cells of stride 8 and its share of stride 32.
        """
        quarters = self.fine.reshape(FINE, CELLS, 2, CELLS, 2).transpose(2, 4, 0, 1, 3)
        return np.concatenate(
            [
                quarters.reshape(4 * FINE, CELLS, CELLS),
                self.middle,
                self.coarse.repeat(2, axis=1).repeat(2, axis=2),
            ]
        )


class Window(NamedTuple):
    """A square of a picture, in its pixels; it may reach over the edges."""

    left: float
    top: float
    side: float

    @classmethod
    def around(cls, size: tuple[int, int], zoom: float = 1.0) -> "Window":
        """Return the window in the middle that shows a whole picture, or `zoom` of its side."""
        side = max(size) * zoom
        return cls((size[0] - side) / 2, (size[1] - side) / 2, side)

    def to_view(self, corners: Floats) -> Floats:
        """Return corners (n, 4) in pixels of the picture as pixels of the view."""
        start = np.array([self.left, self.top] * 2, np.float32)
        return np.asarray((corners - start) * np.float32(SIDE / self.side), np.float32)

    def from_view(self, corners: Floats) -> Floats:
        """Return corners (n, 4) in pixels of the view as pixels of the picture."""
        start = np.array([self.left, self.top] * 2, np.float32)
        return np.asarray(corners * np.float32(self.side / SIDE) + start, np.float32)


def square_view(image: Image.Image, window: Window) -> Image.Image:
    """Return what a window shows of an RGB picture, SIDE x SIDE pixels, grey beyond its edges."""
    scale = SIDE / window.side
    left, top = max(window.left, 0.0), max(window.top, 0.0)
    right = min(window.left + window.side, float(image.width))
    bottom = min(window.top + window.side, float(image.height))
    square = Image.new("RGB", (SIDE, SIDE), PADDING)
    if right - left < 1 or bottom - top < 1:
        return square
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    shown = image.resize(
        size, Image.Resampling.BILINEAR, (left, top, right, bottom), reducing_gap=1.0
    )
    square.paste(shown, (round((left - window.left) * scale), round((top - window.top) * scale)))
    return square


class Trunk:
    """The network as far as its features. Safe to share between threads.

    Raises InvalidModel for a damaged file.
    """

    def __init__(self, model: Path = TRUNK) -> None:
        self._data = read_model(model, maker=None)
        self.sha256 = hashlib.sha256(self._data).hexdigest()
        self._sessions: dict[tuple[str, ...], Session] = {}
        self._lock = threading.Lock()

    def features(self, square: npt.NDArray[np.uint8]) -> Features:
        """Return the features of a view of SIDE x SIDE pixels, RGB."""
        return Features(*self._run(MAPS, square))

    def features_in(self, image: Image.Image, window: Window) -> Features:
        """Return the features of what a window shows of an RGB picture."""
        return self.features(np.asarray(square_view(image, window)))

    def features_and_pooled(self, square: npt.NDArray[np.uint8]) -> tuple[Features, Floats]:
        """Return the features of a view, and those of it as a whole: (POOLED,), of length 1.

        The last layer, which only these need, is a twentieth of a pass.
        """
        *maps, pooled = self._run((*MAPS, POOLED_TENSOR), square)
        length = float(np.sqrt((pooled**2).sum())) or 1.0
        return Features(*maps), np.asarray(pooled / length)

    def _run(self, outputs: tuple[str, ...], square: npt.NDArray[np.uint8]) -> list[Floats]:
        """Run a session that computes these outputs and nothing else; it is opened once."""
        with self._lock:
            if outputs not in self._sessions:
                self._sessions[outputs] = open_session(with_outputs(self._data, outputs))
        found = self._sessions[outputs].run(list(outputs), {"pixels": square[None]})
        return [each[0] for each in found]


_lock = threading.Lock()
_trunks: dict[Path, Trunk] = {}


def shipped_trunk(model: Path = TRUNK) -> Trunk:
    """Return the trunk of a file, loaded once in a process."""
    with _lock:
        if model not in _trunks:
            _trunks[model] = Trunk(model)
        return _trunks[model]


def with_outputs(model: bytes, names: tuple[str, ...]) -> bytes:
    """Return a serialised ModelProto whose graph has these outputs, and only what they need."""
    return b"".join(
        _field(GRAPH_FIELD, _graph_with_outputs(content, names)) if n == GRAPH_FIELD else whole
        for n, whole, content in _fields(model)
    )


def _graph_with_outputs(graph: bytes, names: tuple[str, ...]) -> bytes:
    needed = {name.encode() for name in names}
    kept = [_field(OUTPUT_FIELD, _field(1, name.encode())) for name in reversed(names)]
    # Backwards: a node stands behind all that it takes from.
    for number, whole, content in reversed([*_fields(graph)]):
        if number == OUTPUT_FIELD:
            continue
        if number == NODE_FIELD:
            ends = [(n, name) for n, _, name in _fields(content)]
            if not any(n == NODE_OUTPUT_FIELD and name in needed for n, name in ends):
                continue
            # An input that is left out has an empty name.
            needed.update(name for n, name in ends if n == NODE_INPUT_FIELD and name)
        kept.append(whole)
    return b"".join(reversed(kept))


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the number, the bytes and the content of each field of a protobuf message."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        content = at
        match key & 7:
            case 0:
                _, at = _varint(message, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case _:
                length, content = _varint(message, at)
                at = content + length
        yield key >> 3, message[start:at], message[content:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _field(number: int, content: bytes) -> bytes:
    return _to_varint(number << 3 | 2) + _to_varint(len(content)) + content


def _to_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
