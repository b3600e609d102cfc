"""Write trained heads as one ONNX file, with all that is needed to use them in its metadata."""

import json
from typing import NamedTuple

import numpy as np
import onnxruntime

from rubberduck.custom_models.training.calibration import Calibration
from rubberduck.custom_models.training.dense_head import COMPONENTS, HIDDEN, Projection
from rubberduck.custom_models.training.network import Perceptron
from rubberduck.custom_models.training.picture_head import PictureHead
from rubberduck.custom_models.training.views import ZOOM
from rubberduck.custom_models.trunk import CELLS, FINE, MIDDLE, POOLED, Floats

FORMAT = 3  # of the file; embedded_model.py reads it
OPSET, IR_VERSION = 17, 8


class Heads(NamedTuple):
    """All that a version is."""

    labels: tuple[str, ...]
    kind: str
    seed: int
    trunk_sha256: str
    projection: Projection | None
    dense: Perceptron | None
    picture: PictureHead | None
    calibrations: list[Calibration]
    thresholds: list[float]
    pictures: int
    zoomed: Perceptron | None = None  # for zoomed passes around what is small


def to_onnx(heads: Heads) -> bytes:
    """Return the file's bytes; the same heads give the same bytes."""
    import onnx  # 13 MB and 0.2 s, which only a training needs
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = [], []

    def weight(name: str, value: Floats) -> str:
        """Keep a matrix in half precision, which costs no accuracy and half of the file."""
        weights.append(numpy_helper.from_array(np.asarray(value, np.float16), f"{name}_half"))
        nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        return name

    def exact(name: str, value: Floats) -> str:
        weights.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    count = len(heads.labels)
    inputs, outputs = [], []
    if heads.picture is not None:
        inputs.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [1, POOLED]))
        outputs.append(helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, count]))
        given = [
            "pooled",
            weight("picture_weight", heads.picture.weights),
            exact("picture_bias", heads.picture.bias),
        ]
        nodes.append(helper.make_node("Gemm", given, ["picture"]))
    if heads.projection is not None and heads.dense is not None:
        matrix = np.asarray(heads.projection.matrix, np.float16).astype(np.float32)
        of_fine, of_middle, of_coarse = np.split(matrix, [4 * FINE, 4 * FINE + MIDDLE], 1)
        of_fine = of_fine.reshape(COMPONENTS, 2, 2, FINE).transpose(0, 3, 1, 2)
        # Each map is projected at its own stride: of the coarse one, that is a quarter of the work.
        for name, kernel, bias in (
            ("fine", of_fine, -matrix @ heads.projection.mean),
            ("middle", of_middle[..., None, None], None),
            ("coarse", of_coarse[..., None, None], None),
        ):
            cells = {"fine": 2 * CELLS, "middle": CELLS, "coarse": CELLS // 2}[name]
            shape = [1, kernel.shape[1], cells, cells]
            inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
            given = [name, weight(f"of_{name}", kernel)]
            given += [] if bias is None else [exact("offset", bias)]
            strides = [kernel.shape[-1]] * 2
            nodes.append(helper.make_node("Conv", given, [f"{name}_part"], strides=strides))
        nodes += [
            helper.make_node(
                "Resize",
                ["coarse_part", "", exact("scales", np.array([1, 1, 2, 2]))],
                ["large_part"],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            ),
            helper.make_node("Add", ["fine_part", "middle_part"], ["fine_and_middle"]),
            helper.make_node("Add", ["fine_and_middle", "large_part"], ["components"]),
        ]
        for name, head in (("dense", heads.dense), ("zoomed", heads.zoomed)):
            if head is None:
                continue
            p = head.parameters
            size = p["b2"].shape[0]
            shape = [1, size, CELLS, CELLS]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
            around = p["w1"].T.reshape(HIDDEN, COMPONENTS, 3, 3)
            last = p["w2"].T.reshape(size, HIDDEN, 1, 1)
            first = ["components", weight(f"{name}_w1", around), exact(f"{name}_b1", p["b1"])]
            second = [f"{name}_active", weight(f"{name}_w2", last), exact(f"{name}_b2", p["b2"])]
            nodes += [
                helper.make_node("Conv", first, [f"{name}_hidden"], pads=[1, 1, 1, 1]),
                helper.make_node("Relu", [f"{name}_hidden"], [f"{name}_active"]),
                helper.make_node("Conv", second, [name]),
            ]
    nodes.sort(key=lambda node: node.op_type != "Cast")  # what is used comes first
    graph = helper.make_graph(nodes, "heads", inputs, outputs, weights)
    model = helper.make_model(
        graph,
        producer_name="rubberduck",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, _metadata(heads))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _metadata(heads: Heads) -> dict[str, str]:
    calibrations = [[round(v, 6) for v in c] for c in heads.calibrations]
    return {
        "format": str(FORMAT),
        "kind": heads.kind,
        "labels": json.dumps(heads.labels),
        "thresholds": json.dumps([round(v, 4) for v in heads.thresholds]),
        "calibrations": json.dumps(calibrations),
        "trunk_sha256": heads.trunk_sha256,
        "zoom": "" if heads.zoomed is None else json.dumps(ZOOM),
        "seed": str(heads.seed),
        "pictures": str(heads.pictures),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
    }
