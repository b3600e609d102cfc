"""Write networks of face-api.js, given as its quantised weights, as ONNX graphs.

Layers are written as its TypeScript writes them: convolutions padded as TensorFlow's "same".
Weights stay bytes in the file, as in the package, and become numbers by the package's own formula,
byte * scale + min; onnxruntime does that once, when it opens the file.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
SIDE = 112  # pixels of the square input
MEANS = (122.782, 117.001, 104.298)  # red, green and blue: subtracted before dividing by 255
POOL = 7  # both networks end with 7 x 7 places
LAYOUT = (3, 2, 0, 1)  # TensorFlow's (height, width, in, out) as ONNX's (out, in, height, width)
DEPTHWISE_LAYOUT = (2, 3, 0, 1)  # (height, width, channels, 1) as (channels, 1, height, width)


@dataclass(frozen=True)
class Weight:
    """A tensor as the package has it: bytes with `scale` and `minimum`, or floats without."""

    values: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    scale: float = 1.0
    minimum: float = 0.0


class Graph:
    """A graph under construction. Methods add a layer and return the name of its output."""

    def __init__(self, weights: dict[str, Weight]) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def weight(self, name: str, layout: tuple[int, ...] | None = None) -> str:
        """Return a tensor of the package, as floats, with its axes in another order."""
        weight = self._weights[name]
        values = weight.values if layout is None else weight.values.transpose(layout)
        stored = self.constant(name, values)
        if values.dtype == np.float32:
            return stored
        scale = self.constant(f"{name}/scale", np.float32(weight.scale))
        minimum = self.constant(f"{name}/min", np.float32(weight.minimum))
        floats = self.add("Cast", stored, to=TensorProto.FLOAT)
        return self.add("Add", self.add("Mul", floats, scale), minimum)

    def convolution(self, x: str, name: str, stride: int = 1) -> str:
        filters = self.weight(f"{name}/filters", LAYOUT)
        return self._same_conv(x, filters, self.weight(f"{name}/bias"), stride=stride)

    def separable_convolution(self, x: str, name: str, stride: int = 1) -> str:
        """Add one filter for each channel, and then a mixture of the channels."""
        depthwise = self.weight(f"{name}/depthwise_filter", DEPTHWISE_LAYOUT)
        channels = self._weights[f"{name}/depthwise_filter"].values.shape[2]
        x = self._same_conv(x, depthwise, stride=stride, group=channels)
        pointwise = self.weight(f"{name}/pointwise_filter", LAYOUT)
        return self._same_conv(x, pointwise, self.weight(f"{name}/bias"))

    def _same_conv(self, *inputs: str, stride: int = 1, group: int = 1) -> str:
        strides = [stride, stride]
        return self.add("Conv", *inputs, auto_pad="SAME_UPPER", strides=strides, group=group)

    def fully_connected(self, x: str, name: str) -> str:
        product = self.add("MatMul", x, self.weight(f"{name}/weights"))
        return self.add("Add", product, self.weight(f"{name}/bias"))

    def sum(self, *inputs: str) -> str:
        return self.add("Sum", *inputs)

    def pixels(self) -> str:
        """Add the input, "pixels": faces x 112 x 112 x RGB, bytes. Return it normalised."""
        floats = self.add("Cast", "pixels", to=TensorProto.FLOAT)
        means = self.constant("means", np.array(MEANS, np.float32))
        centred = self.add("Sub", floats, means)
        scaled = self.add("Div", centred, self.constant("255", np.float32(255)))
        return self.add("Transpose", scaled, perm=[0, 3, 1, 2])

    def pooled(self, x: str) -> str:
        """Add the mean over all places, as faces x channels."""
        return self.add("Flatten", self.add("AveragePool", x, kernel_shape=[POOL, POOL]))

    def model(self, outputs: dict[str, tuple[str, int]]) -> bytes:
        """Return the ModelProto, serialised, with outputs: a name of each, a tensor, its length."""
        for name, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        shape: list[str | int | None] = ["faces", SIDE, SIDE, 3]
        graph = helper.make_graph(
            self._nodes,
            "faces",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["faces", length])
                for name, (_, length) in outputs.items()
            ],
            self._constants,
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def expression_net(weights: dict[str, Weight]) -> bytes:
    """Return the network of expressions: output "expressions", softmax over seven."""
    graph = Graph(weights)
    x = graph.pixels()
    for block in range(4):
        name = f"dense{block}"
        first = graph.convolution if block == 0 else graph.separable_convolution
        terms = [graph.add("Relu", first(x, f"{name}/conv0", 2))]
        for layer in range(1, 4):
            x = terms[0] if len(terms) == 1 else graph.add("Relu", graph.sum(*terms))
            terms.append(graph.separable_convolution(x, f"{name}/conv{layer}"))
        x = graph.add("Relu", graph.sum(*terms))
    logits = graph.fully_connected(graph.pooled(x), "fc")
    return graph.model({"expressions": (graph.add("Softmax", logits, axis=1), 7)})


def age_gender_net(weights: dict[str, Weight]) -> bytes:
    """Return the network of ages and genders: outputs "age", in years, and "gender", softmax over
    male and female.
    """
    graph = Graph(weights)
    x = graph.add("Relu", graph.convolution(graph.pixels(), "entry_flow/conv_in", 2))
    x = _reduction(graph, x, "entry_flow/reduction_block_0", is_first=True)
    x = _reduction(graph, x, "entry_flow/reduction_block_1")
    for block in range(2):
        x = _main_block(graph, x, f"middle_flow/main_block_{block}")
    x = _reduction(graph, x, "exit_flow/reduction_block")
    x = graph.add("Relu", graph.separable_convolution(x, "exit_flow/separable_conv"))
    pooled = graph.pooled(x)
    age = graph.fully_connected(pooled, "fc/age")
    gender = graph.add("Softmax", graph.fully_connected(pooled, "fc/gender"), axis=1)
    return graph.model({"age": (age, 1), "gender": (gender, 2)})


def _reduction(graph: Graph, x: str, name: str, *, is_first: bool = False) -> str:
    """Add a block of Xception that halves the places."""
    inner = x if is_first else graph.add("Relu", x)
    inner = graph.separable_convolution(inner, f"{name}/separable_conv0")
    inner = graph.separable_convolution(graph.add("Relu", inner), f"{name}/separable_conv1")
    half = graph.add("MaxPool", inner, auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 2])
    return graph.sum(half, graph.convolution(x, f"{name}/expansion_conv", 2))


def _main_block(graph: Graph, x: str, name: str) -> str:
    """Add a block of Xception that keeps the places."""
    inner = x
    for layer in range(3):
        activated = graph.add("Relu", inner)
        inner = graph.separable_convolution(activated, f"{name}/separable_conv{layer}")
    return graph.sum(inner, x)
