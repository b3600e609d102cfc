#!/bin/sh
# onnxruntime 1.28.0: of two pairs of QuantizeLinear and DequantizeLinear in a row, such as stand
# between the parts of a quantized model, its "basic" optimisations keep one, with the finer of both
# steps. A value that the model rounds to multiples of 0.5 comes out in multiples of 0.1, so the same
# file gives other numbers than without optimisations, and than other programs that run it. The
# documentation calls this level "semantics-preserving graph rewrites".
# Expected: equal numbers at all levels, or the pair left alone unless both steps are the same.
# Found while comparing quantized detectors.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    onnxruntime==1.28.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

VALUES = np.array([-0.9, -0.2, 0.2, 0.3, 0.8, 1.2], np.float32)
STEPS = {"fine": np.float32(0.1), "coarse": np.float32(0.5), "zero": np.int8(0)}
names = ["values", "q1", "d1", "q2", "rounded"]
nodes = [
    helper.make_node(operator, [names[place], step, "zero"], [names[place + 1]])
    for place, (operator, step) in enumerate(
        (f"{kind}Linear", step)
        for step in ("fine", "coarse")
        for kind in ("Quantize", "Dequantize")
    )
]
graph = helper.make_graph(
    nodes,
    "quantized",
    [helper.make_tensor_value_info("values", TensorProto.FLOAT, VALUES.shape)],
    [helper.make_tensor_value_info("rounded", TensorProto.FLOAT, VALUES.shape)],
    [numpy_helper.from_array(np.asarray(value), name) for name, value in STEPS.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
onnx.checker.check_model(model, full_check=True)


def run(level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {"values": VALUES})[0].astype(float).round(3).tolist()


levels = onnxruntime.GraphOptimizationLevel
reference = ReferenceEvaluator(model).run(None, {"values": VALUES})[0].astype(float).round(3).tolist()
plain, basic = run(levels.ORT_DISABLE_ALL), run(levels.ORT_ENABLE_BASIC)
default = run(levels.ORT_ENABLE_ALL)
print("onnxruntime 1.28.0, values:", VALUES.astype(float).round(3).tolist())
print("expected, as without optimisations and from onnx's reference:", plain, reference)
print("what happens, basic:", basic)
print("what happens, all, as by default:", default)
if plain != reference or any(value % 0.5 for value in plain):
    raise SystemExit("the model is not rounded to multiples of 0.5")
if plain in (basic, default) or basic != default:
    raise SystemExit("changed: the coarse step is kept now")
PYTHON
