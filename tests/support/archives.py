"""ZIP files."""

from collections.abc import Mapping
from io import BytesIO
from zipfile import ZipFile


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    """Return a ZIP of files, by name."""
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()
