"""The files of versions in the storage, and the trunks that they belong to.

A version's numbers mean nothing over another trunk. So the trunk that a version was trained on is
kept in the storage beside it, and serves it when a release has brought another one, until the
version has been trained again.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from rubberduck.custom_models.embedded_model import EmbeddedModel, load
from rubberduck.custom_models.model_version import ModelVersion
from rubberduck.custom_models.trunk import Trunk, shipped_trunk
from rubberduck.custom_models.version_errors import TrunkMismatch
from rubberduck.detectors.model_file import read_trunk, shipped_trunk_sha256
from rubberduck.storage.base import Storage

BINARY = "application/octet-stream"
_kept: dict[str, Trunk] = {}


def file_key(project_id: str, version_id: str, trunk_sha256: str | None = None) -> str:
    """Return the storage's key of a version's file; with a trunk, of one that was trained again."""
    suffix = f"-{trunk_sha256[:12]}" if trunk_sha256 else ""
    return f"projects/{project_id}/models/{version_id}{suffix}.onnx"


def trunk_key(sha256: str) -> str:
    return f"projects/trunks/{sha256}.onnx"


def keep_trunk(storage: Storage) -> None:
    """Store the trunk that ships, unless it is there: later releases may bring another one."""
    key = trunk_key(shipped_trunk_sha256())
    try:
        storage.get(key)
    except FileNotFoundError:
        storage.put(key, read_trunk(), BINARY)


def load_version(storage: Storage, version: ModelVersion) -> EmbeddedModel:
    """Load a version over its own trunk: the one that ships, or one that was kept.

    Raises TrunkMismatch if its trunk is not kept; FileNotFoundError, StorageFailed,
    InvalidModelFile.
    """
    data = storage.get(version.file_key or file_key(version.project_id, version.id))
    try:
        return load(data)
    except TrunkMismatch:
        if version.trunk_sha256 is None:
            raise
        return load(data, _kept_trunk(storage, version.trunk_sha256))


def _kept_trunk(storage: Storage, sha256: str) -> Trunk:
    if sha256 not in _kept:
        try:
            data = storage.get(trunk_key(sha256))
        except FileNotFoundError:
            raise TrunkMismatch(
                "It was trained for another version of the embedded detector, which is not kept.",
                cause=f"trained={sha256[:12]} present={shipped_trunk().sha256[:12]}",
            ) from None
        with TemporaryDirectory() as folder:
            path = Path(folder) / "trunk.onnx"
            path.write_bytes(data)
            path.with_name("trunk.onnx.sha256").write_text(sha256)
            _kept[sha256] = Trunk(path)
    return _kept[sha256]
