"""Scenes of one kind each, as people photograph rubber ducks: shops, crowds, far away, clutter.

Both training and the validation set compose their pictures here, from different sprites, seeds
and photographs.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from training.dataset.augmentation import augmented
from training.dataset.backgrounds import road, scene_size, wall
from training.dataset.scenes import Canvas, Scene, SceneAssets
from training.props.sprites import LabelledSprite
from training.rendering.colours import Random, hsv

CROWD_STEP = 0.72  # of a duck's side, between neighbours in a crowd
MAX_CROWD = 60


def _one(sprites: Sequence[LabelledSprite], rng: Random) -> LabelledSprite:
    return sprites[int(rng.integers(len(sprites)))]


def _plain_ducks(assets: SceneAssets) -> list[LabelledSprite]:
    return [sprite for sprite in assets.ducks if sprite.kind == "plain"] or assets.ducks


def _costumed_ducks(assets: SceneAssets) -> list[LabelledSprite]:
    costumed = {"costumed", "painted"}
    return [sprite for sprite in assets.ducks if sprite.kind in costumed] or assets.ducks


def _between(low: float, high: float, rng: Random) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _backdrop(assets: SceneAssets, rng: Random) -> Image.Image:
    """White, nearly white, or one colour, as shops photograph their goods."""
    size = scene_size(assets.side, rng)
    kind = rng.random()
    if kind < 0.5:
        grey = int(rng.integers(235, 256))
        return Image.new("RGB", size, (grey, grey, grey))
    if kind < 0.7:
        light = np.array(hsv(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.85, 1)))
        slope = np.linspace(1, rng.uniform(0.8, 1), size[1])[:, None, None]
        pixels = light * slope * np.ones((1, size[0], 1)) * 255
        return Image.fromarray(pixels.astype(np.uint8))
    return wall(size, rng)


def plain(assets: SceneAssets, rng: Random) -> Canvas:
    """One plain duck, seldom two or three, on a photograph."""
    canvas = Canvas(assets, rng)
    ducks = _plain_ducks(assets)
    if rng.random() < 0.8:
        canvas.place(_one(ducks, rng), _between(0.15, 1.1, rng), rng.random() < 0.2)
        return canvas
    for _ in range(rng.integers(2, 4)):
        canvas.place(_one(ducks, rng), _between(0.12, 0.5, rng), wet=False)
    return canvas


def shop(assets: SceneAssets, rng: Random) -> Canvas:
    """A costumed or coloured duck that fills most of the frame, before a plain backdrop."""
    canvas = Canvas(assets, rng, _backdrop(assets, rng))
    cast = _costumed_ducks(assets) if rng.random() < 0.8 else assets.ducks
    if rng.random() < 0.8:
        middle = (rng.normal(0.5, 0.04), rng.normal(0.5, 0.04))
        canvas.place(_one(cast, rng), rng.uniform(0.55, 1.02), wet=False, middle=middle)
        return canvas
    duck, share = _one(cast, rng), rng.uniform(0.35, 0.5)  # the same article twice
    for x in (0.27, 0.73):
        canvas.place(duck, share, wet=False, middle=(x, rng.normal(0.5, 0.05)))
    return canvas


def costumed(assets: SceneAssets, rng: Random) -> Canvas:
    """A costumed or coloured duck on a photograph."""
    canvas = Canvas(assets, rng)
    canvas.place(_one(_costumed_ducks(assets), rng), _between(0.15, 0.9, rng), wet=False)
    return canvas


def crowd(assets: SceneAssets, rng: Random) -> Canvas:
    """Ducks of one to four models in rows that fill the frame, or half of it."""
    canvas = Canvas(assets, rng)
    cast = [_one(assets.ducks, rng) for _ in range(rng.integers(1, 5))]
    share = rng.uniform(0.12, 0.34)
    width, height = (side / max(canvas.image.size) for side in canvas.image.size)
    top = 0.0 if rng.random() < 0.6 else rng.uniform(0.2, 0.5)
    step = share * CROWD_STEP
    spots = [
        (x / width, y / height)
        for y in np.arange(top * height, height + step, step)
        for x in np.arange(0, width + step, step)
    ]
    if len(spots) > MAX_CROWD:
        spots = [spots[i] for i in np.sort(rng.permutation(len(spots))[:MAX_CROWD])]
    for x, y in spots:
        middle = (x + rng.normal(0, 0.15) * step, y + rng.normal(0, 0.1) * step)
        canvas.place(_one(cast, rng), share * rng.uniform(0.9, 1.1), wet=False, middle=middle)
    return canvas


def small(assets: SceneAssets, rng: Random) -> Canvas:
    """One to three small ducks, often on a robot's road or through a fisheye, in coloured light."""
    canvas = Canvas(assets, rng)
    if rng.random() < 0.5:
        canvas = Canvas(assets, rng, road(canvas.image.size, canvas.image, rng))
    cast = _plain_ducks(assets) if rng.random() < 0.75 else assets.ducks
    for _ in range(1 if rng.random() < 0.6 else rng.integers(2, 4)):
        canvas.place(_one(cast, rng), _between(0.045, 0.22, rng), wet=False)
    if rng.random() < 0.6:
        canvas.image = in_coloured_light(canvas.image, rng)
    if rng.random() < 0.35:
        canvas.apply_fisheye()
    return canvas


def clutter(assets: SceneAssets, rng: Random) -> Canvas:
    """A small duck among other things, half of the time partly hidden."""
    canvas = Canvas(assets, rng)
    for _ in range(rng.integers(3, 8)):
        canvas.place(_one(assets.look_alikes, rng), _between(0.1, 0.4, rng), wet=False)
    canvas.place(_one(assets.ducks, rng), _between(0.07, 0.25, rng), wet=False)
    if canvas.masks and rng.random() < 0.5:
        canvas.occlude()
    return canvas


def in_coloured_light(image: Image.Image, rng: Random) -> Image.Image:
    """Darker, under a green, blue or other lamp."""
    pixels = np.asarray(image, np.float32) / 255
    hue = rng.choice([rng.uniform(0.28, 0.45), rng.uniform(0.5, 0.68), rng.random()])
    lamp = 0.25 + 0.75 * np.array(hsv(float(hue), rng.uniform(0.2, 0.75), 1.0))
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + (pixels - grey) * rng.uniform(0.5, 1.0)
    pixels = pixels ** rng.uniform(0.9, 1.5) * lamp * rng.uniform(0.45, 1.0)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def look_alike(assets: SceneAssets, rng: Random) -> Canvas:
    """One to four things that are nearly ducks, or household objects, on any background."""
    plain_backdrop = rng.random() < 0.35
    canvas = Canvas(assets, rng, _backdrop(assets, rng) if plain_backdrop else None)
    count = 1 if rng.random() < 0.6 else rng.integers(2, 5)
    for _ in range(count):
        share = _between(0.2, 1.0 if count == 1 else 0.5, rng)
        canvas.place(_one(assets.look_alikes, rng), share, wet=False)
    return canvas


KINDS: dict[str, Callable[[SceneAssets, Random], Canvas]] = {
    "plain": plain,
    "shop": shop,
    "costumed": costumed,
    "crowd": crowd,
    "small": small,
    "clutter": clutter,
    "look_alike": look_alike,
}
UNAUGMENTED = 0.4  # share of these scenes that is left as it is


def scene_of(kind: str, assets: SceneAssets, rng: Random) -> Scene:
    """Compose one scene of a kind."""
    canvas = KINDS[kind](assets, rng)
    image = canvas.image if rng.random() < UNAUGMENTED else augmented(canvas.image, rng)
    return Scene(image, canvas.boxes(), kind, tuple(canvas.ducks))
