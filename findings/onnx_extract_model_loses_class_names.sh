#!/bin/sh
# onnx 1.23.2: onnx.utils.extract_model, with which one cuts a detector before or behind a node,
# drops metadata_props, where detectors keep the names of their classes and the size they expect, and
# with them doc_string, domain and model_version. Even the whole model "extracted" loses them. Nothing
# says so, the model passes the checker; convert_version and infer_shapes keep all of it.
# Expected: the properties of the model, as its opset and its IR version are kept.
# Found while trying tools that change ONNX models. Copy the fields over after it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import onnx
import onnx.utils
import onnx.version_converter
from onnx import TensorProto, helper

folder = sys.argv[1]
graph = helper.make_graph(
    [helper.make_node("Relu", ["input"], ["middle"]), helper.make_node("Sigmoid", ["middle"], ["scores"])],
    "detector",
    [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 2])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
model.model_version = 7
helper.set_model_props(model, {"names": "{0: 'ball', 1: 'duck'}"})
onnx.save(model, f"{folder}/model.onnx")
onnx.utils.extract_model(f"{folder}/model.onnx", f"{folder}/cut.onnx", ["input"], ["scores"])


def kept(changed):
    return {each.key: each.value for each in changed.metadata_props}, changed.model_version


whole, cut = kept(model), kept(onnx.load(f"{folder}/cut.onnx"))
others = [
    kept(onnx.version_converter.convert_version(model, 18)),
    kept(onnx.shape_inference.infer_shapes(model)),
]
print("onnx", onnx.__version__, "expected, properties and version:", *whole)
print("what happens:", *cut, "- convert_version and infer_shapes keep them:", others == [whole] * 2)
if cut != ({}, 0) or others != [whole] * 2:
    raise SystemExit("changed: extract_model keeps them, or the others do not")
PYTHON
