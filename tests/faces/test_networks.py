"""The converted networks say what face-api's own say, on pictures made by arithmetic."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rubberduck.detectors.model_file import read_model
from rubberduck.detectors.onnx_session import open_session
from rubberduck.faces.embedded import FOLDER, NETWORKS

# Recorded: what the package's own networks returned in Node for `inputs()`.
RECORDED = json.loads(Path(__file__).with_name("face_api_outputs.json").read_text())


def inputs() -> npt.NDArray[np.uint8]:
    """Three patterns of 112 x 112 pixels; whole numbers, so that they are the same everywhere."""
    y, x, colour = np.mgrid[:112, :112, :3]
    patterns = [
        (x * 7 + y * 13 + colour * 29 + x * y % 251) % 256,
        (x // 8 + y // 8) % 2 * 200 + colour * 20,
        (x * x * 3 + y * y * 5 + colour * 71) % 256,
    ]
    return np.stack(patterns).astype(np.uint8)


@pytest.mark.parametrize(
    ("network", "output", "within"),
    [
        ("expressions.onnx", "expressions", 1e-5),
        ("age_gender.onnx", "age", 2e-4),  # years
        ("age_gender.onnx", "gender", 1e-5),
    ],
)
def test_a_converted_network_equals_the_original(network: str, output: str, within: float) -> None:
    session = open_session((FOLDER / network).read_bytes())
    [values] = session.run([output], {"pixels": inputs()})
    np.testing.assert_allclose(values.squeeze(), RECORDED[output], rtol=0, atol=within)


@pytest.mark.parametrize("network", NETWORKS)
def test_each_network_ships_with_its_checksum_and_licence(network: str) -> None:
    assert (FOLDER / f"{network}.sha256").exists()
    assert read_model(FOLDER / network)
    sha256 = (FOLDER / f"{network}.sha256").read_text().strip()
    [line] = [line for line in licences() if f"`{network}`" in line]
    assert sha256 in line


def licences() -> list[str]:
    return (FOLDER / "LICENCES.md").read_text().splitlines()


def test_all_networks_together_stay_below_two_megabytes() -> None:
    assert sum((FOLDER / name).stat().st_size for name in NETWORKS) < 2_000_000
