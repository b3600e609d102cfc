"""Photographs of public packages, for `make soak`: those of tests/soak/faces.tsv, with their faces.

The list gives each picture's package, path and SHA-256, and each face by hand: left, top, right
and bottom in percent, whether it smiles, and whether it is hard: in profile, turned down, half
covered or cut off, or smaller than a twentieth of the picture. The archives lie in .cache/.
"""

import csv
import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rubberduck.core.models import Box
from rubberduck.core.settings import ROOT

LIST = ROOT / "tests" / "soak" / "faces.tsv"
FOLDER = ROOT / ".cache" / "face-pictures"
DOWNLOAD_TIMEOUT = 300  # seconds for one package
SMILES = {"smile": True, "serious": False, "between": None}


@dataclass(frozen=True)
class SeenFace:
    """A face as somebody saw it. `smiles` is None where people may disagree."""

    box: Box
    smiles: bool | None
    is_hard: bool

    def is_at(self, box: Box) -> bool:
        """Return whether a found box is this face: each holds the other's middle."""
        return _holds(self.box, box) and _holds(box, self.box)


@dataclass(frozen=True)
class Photograph:
    """A picture's file, and its faces: none, or all that are to be seen."""

    source: str  # "npm" or "pypi"
    package: str
    version: str
    path: str
    sha256: str
    faces: tuple[SeenFace, ...]

    @property
    def name(self) -> str:
        return f"{self.package}/{self.path}"


def _holds(outer: Box, inner: Box) -> bool:
    x, y = inner.left + inner.width / 2, inner.top + inner.height / 2
    across = outer.left <= x <= outer.left + outer.width
    return across and outer.top <= y <= outer.top + outer.height


def listed() -> list[Photograph]:
    """Return the lines of tests/soak/faces.tsv."""
    with LIST.open(newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    return [
        Photograph(source, package, version, path, sha256, faces_in(faces))
        for source, package, version, path, sha256, faces in rows
    ]


def faces_in(column: str) -> tuple[SeenFace, ...]:
    return tuple(_face(text) for text in column.split(", ") if text)


def _face(text: str) -> SeenFace:
    *numbers, smile = text.removesuffix(" hard").split()
    left, top, right, bottom = (int(number) / 100 for number in numbers)
    box = Box(left, top, right - left, bottom - top, "Face", 100.0)
    return SeenFace(box, SMILES[smile], text.endswith(" hard"))


def pictures() -> Iterator[tuple[Photograph, bytes]]:
    """Download what is missing; yield the listed photographs that are here, verified."""
    archives: dict[tuple[str, str, str], Path | None] = {}
    for photograph in listed():
        package = (photograph.source, photograph.package, photograph.version)
        if package not in archives:
            archives[package] = _fetched(*package)
        if archive := archives[package]:
            data = _read(archive, photograph.path)
            assert hashlib.sha256(data).hexdigest() == photograph.sha256, photograph.name
            yield photograph, data


def _fetched(source: str, package: str, version: str) -> Path | None:
    """Return the archive of a package, None if it could not be downloaded."""
    folder = FOLDER / f"{source}-{package.replace('/', '-')}-{version}"
    if not folder.exists():
        scratch = folder.with_name(folder.name + ".part")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        if source == "npm":
            command = ["npm", "pack", "--silent", f"{package}@{version}"]
        else:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command = [*pip, f"{package}=={version}"]
        try:
            subprocess.run(
                command, cwd=scratch, check=True, timeout=DOWNLOAD_TIMEOUT, capture_output=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        scratch.rename(folder)
    return next(folder.iterdir())


def _read(archive: Path, path: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(path)
    with tarfile.open(archive) as tarred:
        member = tarred.extractfile(path)
        assert member is not None, f"{path} in {archive} is no file"
        return member.read()
