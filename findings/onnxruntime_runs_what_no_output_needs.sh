#!/bin/sh
# onnxruntime 1.28.0 runs nodes that lead to none of the graph's outputs, in every run and at every level of
# optimisation: a detector that is cut at an inner tensor by naming that as its only output
# still pays for its heads. Asking a whole model for one of its outputs runs all of it, too, and
# RunOptions.only_execute_path_to_fetches, named for that, changes nothing and says nothing.
# Expected: what leads nowhere is removed when the model is loaded, as an initializer that nothing uses
# is; and the option leaves out what the outputs that are asked for do not need.
# Found while cutting a detector at its features. Remove such nodes before loading.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    onnxruntime==1.28.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

folder = sys.argv[1]
PIXELS = np.ones((1, 3), np.float32)


def ran(outputs, asked, level, only_path):
    """Return the kinds of the nodes that ran."""
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["pixels"], ["features"]),
            helper.make_node("Softmax", ["features"], ["scores"]),
        ],
        "detector",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.enable_profiling = True
    options.profile_file_prefix = f"{folder}/profile"
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    run = onnxruntime.RunOptions()
    run.only_execute_path_to_fetches = only_path
    session.run(asked, {"pixels": PIXELS}, run)
    with open(session.end_profiling()) as file:
        events = json.load(file)
    names = [event["args"]["op_name"] for event in events if "op_name" in event.get("args", {})]
    return sorted(set(names))


levels = onnxruntime.GraphOptimizationLevel
print("onnxruntime", onnxruntime.__version__, "expected: Relu alone")
found = set()
for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL):
    for outputs in (["features"], ["features", "scores"]):
        for only_path in (False, True):
            nodes = ran(outputs, ["features"], level, only_path)
            found.add(tuple(nodes))
            print(f"outputs {outputs}, asked for features, {level.name}, option {only_path}: {nodes}")
if found != {("Relu", "Softmax")}:
    raise SystemExit("changed: what no output needs is not always run")
PYTHON
