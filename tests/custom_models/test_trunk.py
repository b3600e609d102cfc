"""The trunk: what is cut out of the detector's file."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from rubberduck.core.errors import InvalidModel
from rubberduck.custom_models.trunk import MAPS, POOLED_TENSOR, shipped_trunk, with_outputs
from rubberduck.detectors.model_file import TRUNK, read_trunk, shipped_trunk_sha256
from rubberduck.detectors.onnx_session import open_session
from rubberduck.detectors.passes import SIDE


def test_the_features_are_those_of_the_whole_network() -> None:
    """And without its heads.

    onnxruntime 1.28.0 runs nodes that lead to no output of the graph, at all levels of
    optimisation; its RunOptions.only_execute_path_to_fetches does not change that.
    """
    data = read_trunk()
    names = (*MAPS, POOLED_TENSOR)
    whole = onnx.load_from_string(data)
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    pixels = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    expected = open_session(whole.SerializeToString()).run(list(names), {"pixels": pixels[None]})
    features, pooled = shipped_trunk().features_and_pooled(pixels)
    assert np.allclose(pooled, expected[3][0] / np.linalg.norm(expected[3][0]))
    for found, again, of_whole in zip(
        features, shipped_trunk().features(pixels), expected, strict=False
    ):
        assert (found == of_whole[0]).all()
        assert (again == of_whole[0]).all()
    assert (features.cells[160:272] == expected[1][0]).all()

    cut = onnx.load_from_string(with_outputs(data, names))
    assert [output.name for output in cut.graph.output] == list(names)
    left = {node.name for node in cut.graph.node}
    assert left < {node.name for node in whole.graph.node}
    assert not any("/head/" in name or "_fc" in name for name in left)
    used = {name for node in cut.graph.node for name in node.input} | set(names)
    assert all(used & set(node.output) for node in cut.graph.node)


def test_boxes_do_not_pay_for_the_features_of_whole_pictures() -> None:
    cut = onnx.load_from_string(with_outputs(read_trunk(), MAPS))
    assert not [each for each in cut.graph.node if "_conv_head" in each.name]


def test_a_detector_that_is_trained_again_leaves_the_trunk_as_it_is() -> None:
    """What models of one's own learnt are numbers of this network and of no other."""
    assert shipped_trunk().sha256 == shipped_trunk_sha256()
    assert shipped_trunk_sha256().startswith("04fffe5f")


def test_a_damaged_trunk_cannot_be_made_again(tmp_path: Path) -> None:
    damaged = tmp_path / TRUNK.name
    damaged.write_bytes(TRUNK.read_bytes()[:-1] + b"?")
    shutil.copy(TRUNK.with_name(f"{TRUNK.name}.sha256"), tmp_path)
    with pytest.raises(InvalidModel) as refused:
        shipped_trunk(damaged)
    assert str(refused.value) == (
        f"The model file {damaged} is damaged. Restore it from the repository."
    )
