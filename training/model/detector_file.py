"""The detector's file and the checksum beside it."""

import hashlib
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write the file atomically, and its checksum beside it."""
    scratch = path.with_suffix(".part")
    scratch.write_bytes(data)
    scratch.rename(path)
    path.with_name(path.name + ".sha256").write_text(hashlib.sha256(data).hexdigest() + "\n")
