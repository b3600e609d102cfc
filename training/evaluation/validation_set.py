"""Write the validation set as folders for `flask evaluate`.

`python -m training.evaluation.validation_set DIR`

Kinds and their shares are those of real photographs on which the detector was measured once:
costumed ducks in shops, crowds, small ducks in coloured light. Its ducks are of models and seeds
that training never sees, its photographs of packages that are kept for validation.
`validation_set.tsv` lists every picture with the checksum of its pixels.
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from training.dataset.photos import gather
from training.dataset.scene_files import (
    CALIBRATION,
    VALIDATION,
    DatasetConfig,
    Sources,
    add_arguments,
    load_assets,
)
from training.dataset.scene_kinds import scene_of
from training.dataset.scenes import Scene

LIST = Path(__file__).with_name("validation_set.tsv")
SEED = 2026
SIDE = 720  # pixels of the longer side of a scene
QUALITY = 92
# Pictures of each kind.
COUNTS = {
    "plain": 74,
    "shop": 54,
    "costumed": 19,
    "crowd": 25,
    "small": 57,
    "clutter": 19,
    "look_alike": 200,
}
TUNING = replace(CALIBRATION, name="tuning")  # thresholds are never chosen on what is reported
SETS = {"validation": (VALIDATION, 1.0), "tuning": (TUNING, 0.5)}  # and the share of the counts


class Picture(NamedTuple):
    name: str  # its path in the folder
    scene: Scene


def composed(sources: Sources, config: DatasetConfig, share: float) -> Iterator[Picture]:
    """Yield the rendered scenes, kind after kind."""
    assets = load_assets(sources, config)._replace(side=SIDE)
    for number, (kind, count) in enumerate(COUNTS.items()):
        for i in range(round(share * count)):
            rng = np.random.default_rng((SEED, config.seed, number, i))
            scene = scene_of(kind, assets, rng)
            side = "duck" if scene.boxes else "no-duck"
            yield Picture(f"{side}/{kind}/{i:03}.jpg", scene)


def photographs(sources: Sources, use: str) -> Iterator[Picture]:
    """Yield the photographs that are kept for this use, as they are."""
    for i, path in enumerate(gather(sources.cache / "photos", use)):
        yield Picture(f"no-duck/photograph/{i:03}.jpg", Scene(_read(path), (), "photograph"))


def others(folder: Path) -> Iterator[Picture]:
    """Yield photographs in folder/duck and folder/no-duck, with the boxes of folder/boxes.json."""
    boxes = json.loads((folder / "boxes.json").read_text())
    for path in sorted(folder.glob("*duck/*")):
        name = path.relative_to(folder).as_posix()
        corners = tuple(tuple(map(float, box)) for box in boxes.get(name, ()))
        scene = Scene(_read(path), corners, "real")  # type: ignore[arg-type]
        yield Picture(f"{path.parent.name}/real/{path.stem}.jpg", scene)


def pictures_of(sources: Sources, name: str) -> Iterator[Picture]:
    """Yield the rendered scenes and the photographs of a set: "validation" or "tuning"."""
    config, share = SETS[name]
    yield from composed(sources, config, share)
    yield from photographs(sources, config.photographs)


def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def write(pictures: Iterable[Picture], folder: Path) -> list[tuple[str, str]]:
    """Write JPEG files and boxes.json; return each picture's name and its pixels' checksum."""
    rows, boxes = [], {}
    for name, scene in pictures:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scene.image.save(path, quality=QUALITY)
        rows.append((name, hashlib.sha256(scene.image.tobytes()).hexdigest()[:16]))
        if scene.boxes:
            boxes[name] = [list(map(float, box)) for box in scene.boxes]
    (folder / "boxes.json").write_text(json.dumps(boxes))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--set", choices=SETS, default="validation", dest="name")
    parser.add_argument("--photos", type=Path, help="more photographs: duck/, no-duck/, boxes.json")
    parser.add_argument("--list", action="store_true", help="write validation_set.tsv")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    pictures: Iterable[Picture] = pictures_of(Sources.from_arguments(args), args.name)
    if args.photos:
        pictures = chain(pictures, others(args.photos))
    rows = write(pictures, args.folder)
    if args.list:
        with LIST.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([("picture", "sha256 of its pixels, 16 digits"), *rows])
    elif args.name == "validation":
        with LIST.open(newline="") as file:
            known = dict(list(csv.reader(file, delimiter="\t"))[1:])
        other = [name for name, checksum in rows if known.get(name) != checksum]
        print(f"{len(rows)} pictures, {len(other)} of them not as in {LIST.name}")


if __name__ == "__main__":
    main()
