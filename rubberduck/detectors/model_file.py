"""The embedded detector before it is loaded: name, labels, and its networks' verified files.

The trunk, on whose features models of one's own and "Which duck is it?" stand, has a file of its
own: a detector that was trained again has other features, on which all of these would have to be
trained again, too.
"""

import hashlib
from pathlib import Path

from rubberduck.core.errors import InvalidModel

DETECTOR_NAME = "embedded detector"
SUPPORTED_LABELS = frozenset({"Duck", "Bird", "Toy"})
MODEL = Path(__file__).with_name("duck_detector.onnx")
# The network of an earlier detector; training/README.md says which.
TRUNK = Path(__file__).with_name("trunk.onnx")
MAKER = "make detector"  # the command that makes the detector's file


def read_model(model: Path = MODEL, maker: str | None = MAKER) -> bytes:
    """Return the file, verified by its checksum: onnxruntime loads a file with a flipped bit.

    `maker` is the command that makes the file again, if there is one. Raises InvalidModel.
    """
    try:
        data = model.read_bytes()
        checksum = model.with_name(model.name + ".sha256")
        expected = checksum.read_bytes().strip() if checksum.exists() else None
    except OSError as error:
        raise broken(model, "cannot be read", error, maker) from None
    if expected is not None and hashlib.sha256(data).hexdigest().encode() != expected:
        raise broken(model, "is damaged", None, maker)
    return data


def broken(
    model: Path, how: str, error: Exception | None, maker: str | None = MAKER
) -> InvalidModel:
    cause = None if error is None else f"{type(error).__name__}: {str(error)[:200]}"
    if maker is None:
        return InvalidModel(
            "The model file {model} {how}. Restore it from the repository.",
            model=model,
            how=how,
            cause=cause,
        )
    return InvalidModel(
        "The model file {model} {how}. Restore it from the repository, or make it again with "
        "`{maker}`.",
        model=model,
        how=how,
        maker=maker,
        cause=cause,
    )


def read_trunk() -> bytes:
    """Return the file of the trunk that ships. Raises InvalidModel."""
    return read_model(TRUNK, maker=None)


def shipped_trunk_sha256() -> str:
    """Return the checksum of the trunk that ships. Raises InvalidModel."""
    return hashlib.sha256(read_trunk()).hexdigest()
