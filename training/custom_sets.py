"""Six sets of pictures that models of one's own are measured on: `python -m training.custom_sets`.

They were fixed before any recipe was tuned on them. Each has 100 pictures to train with (the first
20 and 60 are the smaller sizes) and 40 to test with; objects, views and backgrounds of the test
pictures are never those of the training pictures. Beside them are 150 photographs without any of
the objects, from packages that lend no background. See docs/custom-models-figures.md.

`python -m training.custom_sets --tuning` makes six more of the same kinds, for choosing between
recipes: other objects and other scenes, whose backgrounds are only those that the fixed sets train
with.

| set | labels | what it is like |
|---|---|---|
| animal | 1 | toy animals of any shape and colour, one or two a picture |
| teapot | 1 | one and the same teapot, from every side |
| fruits | 3 | oranges, pears and peppers of any colour, two to six a picture |
| cards | 6 | nine, ten, jack, queen, king and ace of every suit, on tables |
| cells | 3 | red cells, white cells and platelets under a microscope |
| tiny | 2 | cars and robots of 2 to 7 % of a film frame's width |
"""

import hashlib
import json
import pickle
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from training.dataset.augmentation import augmented
from training.dataset.backgrounds import crop
from training.dataset.photos import gather
from training.dataset.scenes import Canvas, SceneAssets, extent
from training.drawn_sets import cards, cells
from training.props.household_objects import car, robot, shoe, teapot, tin
from training.props.look_alikes import animal, fruit, jumble
from training.props.sprites import LabelledSprite, some_lamp, some_view
from training.rendering.colours import Random
from training.rendering.ray_marcher import Part, render

SEED, TUNING_SEED = 20261129, 7
TRAINED, TESTED, WITHOUT = 100, 40, 150
SIDE, FRAME = 640, (960, 540)
SPRITE = 220  # pixels
FOLDER = Path(".cache/custom-sets")
TUNING = FOLDER / "tuning"
# Photographs "without" that do show what a set teaches: chosen by eye, without looking at answers.
SHOWN_WITHOUT = {
    "animal": (*range(6), 23, 25, *range(62, 68), 133, 135, 141, 144, 148),
    "tiny": (86,),  # a car
}

Maker = Callable[[Random], list[Part]]
Labelled = tuple[str, float, float, float, float]  # label; left, top, width, height in pixels


class Picture(NamedTuple):
    image: Image.Image
    boxes: list[Labelled]
    group: int  # pictures of one group (a film) are never on two sides


def one_teapot(seed: int, _: Random) -> list[Part]:
    return teapot(np.random.default_rng(5 if seed == SEED else seed))


def fruit_of(kind: int, rng: Random) -> list[Part]:
    """Return a fruit of one kind: `fruit` chooses its kind by the first number it draws."""
    while True:
        state = rng.bit_generator.state
        if rng.integers(6) == kind:
            rng.bit_generator.state = state
            return fruit(rng)


def things(seed: int) -> dict[str, Maker]:
    return {
        "animal": animal,
        "teapot": partial(one_teapot, seed),
        "orange": partial(fruit_of, 1),
        "pear": partial(fruit_of, 2),
        "pepper": partial(fruit_of, 3),
        "car": car,
        "robot": robot,
    }


OTHERS: dict[str, Maker] = {"shoe": shoe, "tin": tin, "jumble": jumble}  # beside them, unlabelled
SPRITES = 60  # of each thing, two thirds for training


def sprites(folder: Path, seed: int) -> dict[str, list[LabelledSprite]]:
    """Render the things, or read them from the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    makers = things(seed)
    for number, (name, make) in enumerate({**makers, **OTHERS}.items()):
        path = folder / f"{name}.pickle"
        if not path.exists():
            some = []
            for i in range(SPRITES if name in makers else SPRITES // 2):
                rng = np.random.default_rng((seed, number, i))
                sprite = render(make(rng), some_view(rng), some_lamp(rng), SPRITE)
                if sprite:
                    some.append(LabelledSprite(sprite, name, name in makers))
            path.write_bytes(pickle.dumps(some))
            print(f"rendered {len(some)} of {name}", flush=True)
        found[name] = pickle.loads(path.read_bytes())
    return found


class Material(NamedTuple):
    """What the pictures of one side, training or test, are made from."""

    seed: int
    photos: list[Path]
    sprites: dict[str, list[LabelledSprite]]

    def background(self, size: tuple[int, int], rng: Random) -> Image.Image:
        with Image.open(self.photos[rng.integers(len(self.photos))]) as photo:
            return crop(photo.convert("RGB"), size, 0.5, rng)

    def sprite(self, name: str, rng: Random) -> LabelledSprite:
        some = self.sprites[name]
        return some[rng.integers(len(some))]


def scene(  # noqa: PLR0913, PLR0917
    names: list[str],
    most: int,
    shares: tuple[float, float],
    size: tuple[int, int],
    material: Material,
    rng: Random,
) -> Picture:
    """Put one to `most` things on a photograph, and up to two others."""
    canvas = Canvas(SceneAssets([], [], []), rng, material.background(size, rng))
    low, high = np.log(shares)
    for _ in range(rng.integers(0, 3)):
        canvas.place(
            material.sprite(list(OTHERS)[rng.integers(len(OTHERS))], rng),
            float(np.exp(rng.uniform(low, high))),
            False,
        )
    count = int(rng.integers(1, most + 1))
    while len(canvas.masks) < count:
        name = names[rng.integers(len(names))]
        canvas.place(material.sprite(name, rng), float(np.exp(rng.uniform(low, high))), False)
    return Picture(augmented(canvas.image, rng), _boxes(canvas), -1)


def _boxes(canvas: Canvas) -> list[Labelled]:
    boxes: list[Labelled] = []
    for mask, name in zip(canvas.masks, canvas.ducks, strict=True):
        box = extent(mask)
        if box and max(box[2] - box[0], box[3] - box[1]) >= 8:
            left, top, right, bottom = box
            boxes.append((name, left, top, right - left, bottom - top))
    return boxes


def film_frame(number: int, side: str, material: Material, rng: Random) -> Picture:
    """Return a frame of one of many films: four frames of each share the background."""
    film = number // 4
    of_film = np.random.default_rng((material.seed, film, side == "test", 77))
    canvas = Canvas(SceneAssets([], [], []), rng, material.background(FRAME, of_film))
    count = int(rng.integers(1, 4))
    while len(canvas.masks) < count:
        name = ("car", "robot")[rng.integers(2)]
        share = float(np.exp(rng.uniform(np.log(0.02), np.log(0.07))))
        at = (float(rng.uniform(0.04, 0.96)), float(rng.uniform(0.06, 0.94)))
        canvas.place(material.sprite(name, rng), share, False, at)
    return Picture(augmented(canvas.image, rng), _boxes(canvas), film)


def make_picture(name: str, number: int, side: str, material: Material) -> Picture:
    rng = np.random.default_rng((material.seed, list(SETS).index(name), side == "test", number))
    size = ((SIDE, 480), (480, SIDE), (SIDE, SIDE))[rng.integers(3)]
    match name:
        case "animal" | "teapot":
            return scene([name], 2, (0.12, 0.6), size, material, rng)
        case "fruits":
            return scene(SETS[name], 6, (0.08, 0.35), size, material, rng)
        case "cards":
            return Picture(*cards(material.background((SIDE, 480), rng), rng), -1)
        case "cells":
            return Picture(*cells(rng), -1)
    return film_frame(number, side, material, rng)


SETS = {
    "animal": ["animal"],
    "teapot": ["teapot"],
    "fruits": ["orange", "pear", "pepper"],
    "cards": ["nine", "ten", "jack", "queen", "king", "ace"],
    "cells": ["red cell", "white cell", "platelet"],
    "tiny": ["car", "robot"],
}


def make(folder: Path = FOLDER, tuning: bool = False) -> None:
    """Write the sets: <set>/<side>/<number>.jpg and <set>/<side>.json, and without/."""
    photos = _thirds(gather(folder / "photos", "training"))
    seed = SEED
    if tuning:
        seed, folder, photos = TUNING_SEED, folder / TUNING.name, _thirds(photos[0])
    drawn = sprites(folder / "sprites", seed)
    cut = {name: len(some) * 2 // 3 for name, some in drawn.items()}
    sides = {
        "train": Material(seed, photos[0], {n: some[: cut[n]] for n, some in drawn.items()}),
        "test": Material(seed, photos[1], {n: some[cut[n] :] for n, some in drawn.items()}),
    }
    for name in SETS:
        for side, count in (("train", TRAINED), ("test", TESTED)):
            _write(folder / name, side, count, partial(make_picture, name, material=sides[side]))
    without = np.random.default_rng(seed).permutation(len(photos[2]))[:WITHOUT]
    (folder / "without").mkdir(exist_ok=True)
    for number, index in enumerate(sorted(without)):
        target = folder / "without" / f"{number:03}.jpg"
        target.write_bytes(photos[2][index].read_bytes())
    print(f"without {len(without)}")


def _thirds(photos: list[Path]) -> list[list[Path]]:
    """Divide photographs into three parts; those of a package stay together."""
    packages = sorted({photo.parent.name for photo in photos})
    third = {name: number % 3 for number, name in enumerate(packages)}
    return [[photo for photo in photos if third[photo.parent.name] == n] for n in range(3)]


def _write(folder: Path, side: str, count: int, draw: Callable[..., Picture]) -> None:
    listing = folder / f"{side}.json"
    if listing.exists():
        return
    (folder / side).mkdir(parents=True, exist_ok=True)
    entries, digest = [], hashlib.sha256()
    for number in range(count):
        picture = draw(number=number, side=side)
        path = folder / side / f"{number:03}.jpg"
        picture.image.save(path, quality=90)
        digest.update(path.read_bytes())
        group = picture.group if picture.group >= 0 else number
        entries.append({"file": path.name, "group": group, "boxes": picture.boxes})
    listing.write_text(json.dumps(entries))
    print(f"{folder.name}\t{side}\t{count}\t{digest.hexdigest()}", flush=True)


if __name__ == "__main__":
    make(tuning="--tuning" in sys.argv[1:])
