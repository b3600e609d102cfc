"""The trunk: what is cut out of the detector's file."""

import numpy as np
import onnx

from rubberduck.custom_models.trunk import TENSORS, shipped_trunk, with_outputs
from rubberduck.detectors.model_file import read_model
from rubberduck.detectors.onnx_session import open_session
from rubberduck.detectors.passes import SIDE


def test_the_features_are_those_of_the_whole_network() -> None:
    """And without its heads.

    onnxruntime 1.28.0 runs nodes that lead to no output of the graph, at all levels of
    optimisation; its RunOptions.only_execute_path_to_fetches does not change that.
    """
    data = read_model()
    whole = onnx.load_from_string(data)
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in TENSORS)
    pixels = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    expected = open_session(whole.SerializeToString()).run(list(TENSORS), {"pixels": pixels[None]})
    features = shipped_trunk().features(pixels)
    assert (features.cells[160:272] == expected[1][0]).all()
    assert np.allclose(features.pooled, expected[3][0] / np.linalg.norm(expected[3][0]))

    cut = onnx.load_from_string(with_outputs(data, TENSORS))
    assert [output.name for output in cut.graph.output] == list(TENSORS)
    left = {node.name for node in cut.graph.node}
    assert left < {node.name for node in whole.graph.node}
    assert not any("/head/" in name or "_fc" in name for name in left)
    used = {name for node in cut.graph.node for name in node.input} | set(TENSORS)
    assert all(used & set(node.output) for node in cut.graph.node)
