"""Let the network take rectangles: `python -m training.model.free_sides`.

The network is trained on squares of SIDE pixels, in which a picture lies on grey. Most of what it
computes is local, so the grey can be left out: a picture of 4:3 takes 320 × 256 pixels, and four
fifths of the time. What is not local is the mean of the last features over all cells, from which
the logit of the whole view and the waterfowl come. The file adds to the mean of the cells that are
there what the missing cells, of grey, would add. Squares give the same answers as before, bit for
bit.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from rubberduck.detectors.model_file import MODEL
from rubberduck.detectors.onnx_session import Session, open_session
from rubberduck.detectors.passes import SIDE, letterbox
from training.dataset.scene_files import Sources, add_arguments
from training.evaluation.validation_set import pictures_of
from training.model.detector_file import write

STRIDE = 32  # of the last features
LAST = "/net/_swish_1/Clip_output_0_DequantizeLinear_Output"  # features
MEAN = "/net/ReduceMean_output_0"
HEAT = "/net/head/heat/Conv_output_0_DequantizeLinear_Output"
GREY = "grey"  # the initializer that holds the mean features of a missing cell
# Constants of the square, and what stands in their place.
ROWS, COLUMNS = "/Expand_output_0", "/Expand_1_output_0"
NO_PEAK, NO_PLACE = "/ConstantOfShape_output_0", "/ConstantOfShape_1_output_0"


def with_free_sides(model: onnx.ModelProto, grey: np.ndarray) -> onnx.ModelProto:
    """Return the model for all sides that are multiples of STRIDE, up to SIDE.

    `grey` are the features of a missing cell, (channels,). Raises ValueError for a model that
    training.model.export did not make, or that takes rectangles already.
    """
    graph = model.graph
    values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    missing = {LAST, MEAN, HEAT} - {name for node in graph.node for name in node.output}
    missing |= {ROWS, COLUMNS, NO_PEAK, NO_PLACE} - values.keys()
    if missing:
        raise ValueError(f"the graph lacks {', '.join(sorted(missing))}")
    _free_dimensions(graph)
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if MEAN in node.output:
            node.output[0] = "mean_of_cells"
            nodes += _mean_with_grey()
        if HEAT in node.output:
            nodes += _grid()
    constants = {
        GREY: grey[None].astype(np.float32),
        "cells_of_a_square": np.float32((SIDE // STRIDE) ** 2),
        "one": np.float32(1),
        "start": np.zeros(1, np.int64),
        "all_rows": values[ROWS][:, :1],
        "all_columns": values[COLUMNS][0],
        # These were filled with one number, as large as the square's cells.
        NO_PEAK: values[NO_PEAK].ravel()[0],
        NO_PLACE: values[NO_PLACE].ravel()[0],
    }
    replaced = constants.keys() | {ROWS, COLUMNS}
    kept = [each for each in graph.initializer if each.name not in replaced]
    added = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept + added)
    onnx.checker.check_model(model)
    return model


def with_square(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    """Return a model that takes rectangles for sides up to `side` pixels, in place of SIDE.

    The same weights see a larger picture. Changes the model.
    """
    middles = np.arange(side // (STRIDE // 2), dtype=np.float32) + 0.5
    larger = {
        "all_rows": middles[:, None],
        "all_columns": middles,
        "cells_of_a_square": np.float32((side // STRIDE) ** 2),
    }
    for each in model.graph.initializer:
        if each.name in larger:
            each.CopyFrom(numpy_helper.from_array(np.asarray(larger[each.name]), each.name))
    return model


def _free_dimensions(graph: onnx.GraphProto) -> None:
    sides = {"pixels": ("height", "width", 1), "places": ("rows", "columns", 0)}
    sides["boxes"] = sides["places"]
    for each in (*graph.input, *graph.output):
        if each.name in sides:
            first, second, at = sides[each.name]
            dimensions = each.type.tensor_type.shape.dim
            dimensions[at].dim_param, dimensions[at + 1].dim_param = first, second


def _mean_with_grey() -> list[onnx.NodeProto]:
    """mean · share + grey · (1 - share), where share is that of the square's cells."""
    make = helper.make_node
    return [
        make("Shape", [LAST], ["sides_in_cells"], start=2),
        make("ReduceProd", ["sides_in_cells"], ["cells"], keepdims=0),
        make("Cast", ["cells"], ["number_of_cells"], to=TensorProto.FLOAT),
        make("Div", ["number_of_cells", "cells_of_a_square"], ["share"]),
        make("Sub", ["one", "share"], ["missing_share"]),
        make("Mul", ["mean_of_cells", "share"], ["mean_part"]),
        make("Mul", [GREY, "missing_share"], ["grey_part"]),
        make("Add", ["mean_part", "grey_part"], [MEAN]),
    ]


def _grid() -> list[onnx.NodeProto]:
    """The middles of the cells that are there."""
    make = helper.make_node
    return [
        make("Shape", [HEAT], ["number_of_rows"], start=2, end=3),
        make("Shape", [HEAT], ["number_of_columns"], start=3, end=4),
        make("Slice", ["all_rows", "start", "number_of_rows"], [ROWS]),
        make("Slice", ["all_columns", "start", "number_of_columns"], [COLUMNS]),
    ]


def grey_of(model: bytes, images: Iterable[Image.Image]) -> np.ndarray:
    """Return the mean features of a missing cell, (channels,), in pictures that are no squares.

    Of each picture: what is missing from the mean of the rectangle to be that of the square.
    """
    session = _session_with_features(model)
    missing = []
    for image in images:
        rectangle, square = letterbox(image)[0], letterbox(image, step=SIDE)[0]
        share = rectangle.size / square.size
        if share == 1:
            continue
        whole, part = (
            session.run([LAST], {"pixels": pixels[None]})[0][0].mean((1, 2))
            for pixels in (square, rectangle)
        )
        missing.append((whole - share * part) / (1 - share))
    return np.asarray(np.mean(missing, axis=0))


def _session_with_features(model: bytes) -> Session:
    free = with_free_sides(onnx.load_from_string(model), np.zeros(1, np.float32))
    free.graph.output.append(onnx.ValueInfoProto(name=LAST))
    return open_session(free.SerializeToString())


def free_sides(file: Path, sources: Sources) -> None:
    """Let a file's network take rectangles; the grey is that of the tuning set."""
    data = file.read_bytes()
    grey = grey_of(data, (each.scene.image for each in pictures_of(sources, "tuning")))
    write(file, with_free_sides(onnx.load_from_string(data), grey).SerializeToString())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--model", type=Path, default=MODEL)
    args = parser.parse_args()
    free_sides(args.model, Sources.from_arguments(args))


if __name__ == "__main__":
    main()
