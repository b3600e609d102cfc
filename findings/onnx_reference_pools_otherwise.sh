#!/bin/sh
# onnx 1.23.2: onnx.reference.ReferenceEvaluator, which is there to show what operators mean, computes
# pools by other rules than the specification. A MaxPool of stride 1 takes `pads` as
# (top, bottom, left, right) instead of (top, left, bottom, right), so a pad at one end changes the
# size; with ceil_mode=1 it counts the pads twice; an AveragePool with ceil_mode=1 begins above the
# picture. And onnx.shape_inference, which is right there, infers a window too many where the last
# one would begin behind the picture. Nothing is said.
# Expected: shapes and numbers of the operators' own formulas, as onnxruntime 1.28.0 has them, and one
# shape for one model within one package.
# Found while comparing implementations of a detector's operators.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.28.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, shape_inference
from onnx.reference import ReferenceEvaluator

PICTURE = np.arange(63, dtype=np.float32).reshape(1, 1, 7, 9)
onnxruntime.set_default_logger_severity(3)  # it warns of the inferred size
POOLS = {
    "pads at one end": ("MaxPool", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}),
    "ceil_mode": ("MaxPool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
    "mean": ("AveragePool", {"kernel_shape": [3, 3], "strides": [3, 3], "ceil_mode": 1}),
    "gaps": ("MaxPool", {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1}),
}


def results(operator, attributes):
    """Return height and width by inference, reference and onnxruntime, and the last two's first."""
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], **attributes)],
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, PICTURE.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 19)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    shape = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape
    inferred = tuple(each.dim_value for each in shape.dim)[2:]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    run = session.run(None, {"x": PICTURE})[0]
    reference = ReferenceEvaluator(model).run(None, {"x": PICTURE})[0]
    first = float(reference[0, 0, 0, 0]), float(run[0, 0, 0, 0])
    return inferred, reference.shape[2:], run.shape[2:], first


found = {name: results(*pool) for name, pool in POOLS.items()}
print("onnx 1.23.2, a picture of 7 x 9 numbers from 0 on; sizes by onnx's inference, onnx's reference")
print("and onnxruntime; the first number by the reference and by onnxruntime. Expected: all alike,")
print("(7, 9), (7, 9), (3, 3) with mean(0, 1, 2, 9, 10, 11, 18, 19, 20) = 10 first, and (3, 3)")
for name, result in found.items():
    print(f"{name}:", *result)
if found != {
    "pads at one end": ((7, 9), (6, 10), (7, 9), (9, 10)),
    "ceil_mode": ((7, 9), (9, 11), (7, 9), (10, 10)),
    "mean": ((3, 3), (3, 3), (3, 3), (5.5, 10)),
    "gaps": ((3, 4), (3, 3), (3, 3), (10, 10)),
}:
    raise SystemExit("changed: onnx's pools follow the specification now, or others fail")
PYTHON
