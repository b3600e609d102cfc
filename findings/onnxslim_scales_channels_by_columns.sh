#!/bin/sh
# onnxslim 0.1.98 changes what a model computes: a Conv followed by a Mul with a vector becomes one
# Conv whose channels are scaled by the vector (core/pattern/fusion/convmul.py), whenever the vector
# is as long as there are channels. But ONNX lays a vector along the last axis, so it scales columns,
# as the weights of a row of grid cells do. The model passes the checker, and onnxslim says nothing.
# Expected: the numbers of the model that was given; onnxsim 0.8.1 and onnxruntime's own
# optimisations keep them.
# Found while trying tools that make ONNX models smaller.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    onnxslim==0.1.98 onnx==1.23.2 onnxruntime==1.28.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import onnxslim
from onnx import TensorProto, helper, numpy_helper

CHANNELS, HEIGHT, WIDTH = 3, 2, 3  # onnxslim compares the first with the last
KERNEL = np.ones((CHANNELS, 1, 1, 1), np.float32)
PICTURE = np.ones((1, 1, HEIGHT, WIDTH), np.float32)


def model(scale):
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["picture", "kernel"], ["features"]),
            helper.make_node("Mul", ["features", "scale"], ["scaled"]),
        ],
        "detector",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, PICTURE.shape)],
        [helper.make_tensor_value_info("scaled", TensorProto.FLOAT, [1, CHANNELS, HEIGHT, WIDTH])],
        [numpy_helper.from_array(KERNEL, "kernel"), numpy_helper.from_array(scale, "scale")],
    )
    opsets = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    return made


def run(made):
    session = onnxruntime.InferenceSession(made.SerializeToString())
    return session.run(None, {"picture": PICTURE})[0][0].tolist()


by_column = np.array([1, 10, 100], np.float32)
by_channel = by_column.reshape(CHANNELS, 1, 1)
given, slim = run(model(by_column)), onnxslim.slim(model(by_column))
onnx.checker.check_model(slim, full_check=True)
print("onnxslim 0.1.98, expected, channels of rows:", given)
print("what happens:", run(slim), "by", [node.op_type for node in slim.graph.node])
if given != (PICTURE[0] * KERNEL[:, 0] * by_column).tolist():
    raise SystemExit("onnxruntime does not lay the vector along the last axis")
if run(slim) != run(model(by_channel)) or run(slim) == given:
    raise SystemExit("changed: onnxslim keeps the numbers now, or makes others")
PYTHON
