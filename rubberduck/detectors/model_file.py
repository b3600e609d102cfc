"""The embedded detector before it is loaded: name, labels and the verified model file."""

import hashlib
from pathlib import Path

from rubberduck.core.errors import InvalidModel

DETECTOR_NAME = "embedded detector"
SUPPORTED_LABELS = frozenset({"Duck", "Bird", "Toy"})
MODEL = Path(__file__).with_name("duck_detector.onnx")
MAKER = "make detector"  # the command that makes the file


def read_model(model: Path = MODEL, maker: str = MAKER) -> bytes:
    """Return the file, verified by its checksum: onnxruntime loads a file with a flipped bit.

    Raises InvalidModel.
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


def broken(model: Path, how: str, error: Exception | None, maker: str = MAKER) -> InvalidModel:
    return InvalidModel(
        "The model file {model} {how}. Restore it from the repository, or make it again with "
        "`{maker}`.",
        model=model,
        how=how,
        maker=maker,
        cause=None if error is None else f"{type(error).__name__}: {str(error)[:200]}",
    )


def shipped_sha256() -> str:
    """Return the checksum of the model file that ships. Raises InvalidModel."""
    return hashlib.sha256(read_model()).hexdigest()
