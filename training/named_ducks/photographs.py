"""Photographs of rendered ducks, each one many times: sets that are fixed by their seeds.

Every photograph of a duck has a pose, a lamp, a background, a place in the frame, an exposure and
a compression of its own. Ducks are this project's own, plain, costumed and painted in turn.
FIT is what the embedding's projection is made of, TUNE and TUNE_TOO decide the threshold, JUDGED
gives the figures: they share no duck and no view, and FIT and JUDGED share no background.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from rubberduck.custom_models.training import background
from training.dataset.backgrounds import crop, scene_size
from training.dataset.scenes import Canvas, SceneAssets
from training.props.characters import character
from training.props.sprites import LabelledSprite, some_duck, some_lamp
from training.rendering.colours import Random
from training.rendering.lighting import GAMMA, Light, light_from_background
from training.rendering.ray_marcher import View, render

SIDE = 400  # pixels of a photograph's longer side
ROOM = 0.35  # linear level of a white room's light
ENROLLED = 5  # photographs by which a duck is known
ASKED = 5  # photographs of it that are asked about
ASKED_OF_STRANGERS = 3


@dataclass(frozen=True)
class DuckSet:
    """Ducks of one purpose. The first `known` are enrolled; the rest are strangers."""

    seed: int
    known: int
    strangers: int
    backgrounds: int  # 0: every second one of those that ship; 1: the others
    side: int = 160  # pixels of a rendered duck

    @property
    def ducks(self) -> int:
        return self.known + self.strangers


FIT = DuckSet(seed=31, known=175, strangers=0, backgrounds=1, side=110)
TUNE = DuckSet(seed=32, known=20, strangers=20, backgrounds=1)
TUNE_TOO = DuckSet(seed=33, known=20, strangers=40, backgrounds=0)
JUDGED = DuckSet(seed=35, known=20, strangers=40, backgrounds=0)


@dataclass(frozen=True)
class Photograph:
    """`duck` counts the ducks of a set, and `number` a duck's photographs.

    `mask` (height, width) is true where the duck is.
    """

    duck: int
    number: int
    image: Image.Image
    mask: np.ndarray


def numbers_of(of: DuckSet, duck: int) -> range:
    """Return the numbers of a duck's photographs: of strangers there are fewer, none enrolled."""
    if of is FIT:
        return range(6)
    if duck < of.known:
        return range(ENROLLED + ASKED)
    return range(ENROLLED, ENROLLED + ASKED_OF_STRANGERS)


def is_enrolled(of: DuckSet, duck: int, number: int) -> bool:
    return duck < of.known and number < ENROLLED


def photographs(of: DuckSet) -> Iterator[Photograph]:
    for duck in range(of.ducks):
        for number in numbers_of(of, duck):
            yield photograph(of, duck, number)


def photograph(of: DuckSet, duck: int, number: int) -> Photograph:
    """Return a photograph of one duck. The first ENROLLED go round it, the others are at random."""
    make = (some_duck, character)[duck % 2]
    kind, parts = make(np.random.default_rng((of.seed, 1, duck)))
    rng = np.random.default_rng((of.seed, 2, duck, number))
    sprite = None
    while sprite is None:
        sprite = render(parts, _view(number, rng), some_lamp(rng), of.side)
    behind = background.backgrounds()[of.backgrounds :: 2]
    photo = background.read(behind[rng.integers(len(behind))])
    canvas = Canvas(SceneAssets([], [], []), rng, crop(photo, scene_size(SIDE, rng), 0.4, rng))
    canvas.light = _light(canvas.image, rng)
    share = rng.uniform(0.45, 0.9) * min(canvas.image.size) / max(canvas.image.size)
    middle = rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58)
    canvas.place(LabelledSprite(sprite, kind, True), share, False, middle)
    return Photograph(duck, number, _taken(canvas.image, rng), canvas.masks[0])


def _view(number: int, rng: Random) -> View:
    """A person's view of a duck on a table: level or from above, asked about mostly from ahead."""
    if number < ENROLLED:
        yaw = 360 / ENROLLED * number + rng.uniform(-20, 20)
    else:
        yaw = rng.normal(0, 60) if rng.random() < 0.6 else rng.uniform(-180, 180)
    return View(yaw, rng.uniform(-5, 45), rng.normal(0, 8), rng.uniform(4.0, 9.0))


def _light(behind: Image.Image, rng: Random) -> Light:
    """Half the background's light, half that of a white room."""
    linear = (np.asarray(behind.resize((32, 32)), np.float32) / 255) ** GAMMA
    return light_from_background((0.5 * linear + 0.5 * ROOM).astype(np.float32), rng)


def _taken(image: Image.Image, rng: Random) -> Image.Image:
    """The picture as a phone takes it: exposed, with white balance, noise, blur and compression."""
    pixels = np.asarray(image, np.float32) / 255
    pixels = pixels * (rng.uniform(0.75, 1.05) / (np.percentile(pixels, 97) + 1e-3))
    pixels = np.clip(pixels, 0, 1) ** rng.uniform(0.8, 1.25) * rng.normal(1, 0.05, 3)
    pixels = pixels + rng.normal(0, rng.uniform(0, 0.025), pixels.shape)
    taken = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    taken = taken.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1)))
    file = BytesIO()
    taken.save(file, "JPEG", quality=int(rng.integers(50, 95)))
    return Image.open(file).convert("RGB")
