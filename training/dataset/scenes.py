"""Puts the cast on real photographs: scenes to learn from, with the ducks' boxes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from training.dataset.augmentation import augmented, fisheye
from training.dataset.backgrounds import crop, recoloured, road, scene_size, wall, water
from training.dataset.occluders import occlude
from training.props.sprites import LabelledSprite
from training.rendering.colours import Random
from training.rendering.lighting import GAMMA, Light, light_from_background, shade
from training.rendering.ray_marcher import Sprite

SIDE = 320  # of the letterbox that the net sees
PADDING = (127, 127, 127)  # what the net's normalisation turns into 0
MIN_BOX = 8  # pixels
# What can be told for what it is only from this share of the frame on.
MIN_SHARE = {"plush": 0.3, "real_bird": 0.15, "costumed": 0.06, "painted": 0.06}
UNAUGMENTED = 0.2  # of scenes are sharp, well lit and not packed
MIN_VISIBLE = 0.35  # of a duck; what is hidden more is not placed


class Mix(NamedTuple):
    """Shares of scenes, and how their photographs are taken."""

    ducks: float = 0.45
    look_alikes: float = 0.25
    photos: float = 0.30
    recoloured: float = 0.15
    closest: float = 0.25  # of a photograph's side


class SceneAssets(NamedTuple):
    ducks: list[LabelledSprite]
    look_alikes: list[LabelledSprite]
    photos: list[Image.Image]
    mix: Mix = Mix()
    side: int = SIDE  # the longer one of each scene


Corners = tuple[float, float, float, float]  # left, top, right, bottom, in pixels


@dataclass(frozen=True)
class Scene:
    """A picture and the boxes of its ducks."""

    image: Image.Image
    boxes: tuple[Corners, ...]
    kind: str
    ducks: tuple[str, ...] = ()  # the kind of each duck that was placed, seen or not


def some_background(
    assets: SceneAssets, rng: Random, size: tuple[int, int] | None = None
) -> Image.Image:
    """Mostly a crop of a photograph; now and then a wall, a robot's road, or water."""
    size = size or scene_size(assets.side, rng)
    kind = rng.random()
    if kind < 0.05:
        return wall(size, rng)
    if kind < 0.09:
        return water(size, rng)
    photo = assets.photos[rng.integers(len(assets.photos))]
    image = crop(photo, size, assets.mix.closest, rng)
    if kind < 0.14:
        return road(size, image, rng)
    if rng.random() < assets.mix.recoloured:
        image = recoloured(image, rng)
    if rng.random() < 0.12:  # out of focus, as behind a close object
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1, 5)))
    return image


def _mirrored(sprite: Sprite) -> Sprite:
    normal = sprite.normal[:, ::-1].copy()
    normal[..., 0] = 255 - normal[..., 0]
    x, y, z = sprite.lamp
    return Sprite(sprite.colour[:, ::-1], normal, sprite.extra[:, ::-1], (-x, y, z))


def _shaded_and_scaled(sprite: Sprite, light: Light, side: float, rng: Random) -> Image.Image:
    """The sprite lit and scaled, its longer side `side` pixels, as an RGBA picture."""
    if rng.random() < 0.5:
        sprite = _mirrored(sprite)
    out = shade(sprite, light, rng)
    rgb = np.clip(out[..., :3], 0, 1) ** (1 / GAMMA)
    image = Image.fromarray((np.dstack([rgb, out[..., 3]]) * 255).astype(np.uint8), "RGBA")
    scale = side / max(image.size)
    size = (max(3, round(image.width * scale)), max(3, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3)
    if rng.random() < 0.25:
        image = image.rotate(rng.normal(0, 12), Image.Resampling.BICUBIC, expand=True)
    if side > 40:  # the outline is never sharper than the lens
        soft = image.getchannel("A").filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
        image.putalpha(soft)
    return image


def _shadow(canvas: Image.Image, alpha: Image.Image, at: tuple[int, int], rng: Random) -> None:
    """Darkens what the thing stands on, most where it touches."""
    width, height = alpha.size
    flat = max(2, round(height * rng.uniform(0.12, 0.35)))
    shade = Image.new("L", canvas.size)
    lean = round(width * rng.uniform(-0.25, 0.25))
    shade.paste(alpha.resize((width, flat)), (at[0] + lean, at[1] + height - round(flat * 0.75)))
    shade = shade.filter(ImageFilter.GaussianBlur(max(1.0, height * rng.uniform(0.02, 0.08))))
    depth = rng.uniform(0.25, 0.8)
    canvas.paste((0, 0, 0), (0, 0), shade.point(lambda v: int(v * depth)))


def _reflection(canvas: Image.Image, image: Image.Image, at: tuple[int, int], rng: Random) -> None:
    """The thing upside down below itself, pale, as on water or a polished table."""
    turned = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    turned = turned.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3)))
    share = rng.uniform(0.15, 0.5)
    alpha = turned.getchannel("A").point(lambda v: int(v * share))
    canvas.paste(turned, (at[0], at[1] + image.height - round(image.height * 0.06)), alpha)


def _how_large(rng: Random, count: int) -> float:
    """The longer side of a thing, as a share of the frame."""
    if count > 8:
        return float(rng.uniform(0.08, 0.2))
    largest = 1.15 if count == 1 else 0.6
    if rng.random() < 0.24:
        return float(np.exp(rng.uniform(np.log(0.035), np.log(0.2))))
    return float(np.exp(rng.uniform(np.log(0.12), np.log(largest))))


def _how_many(rng: Random) -> int:
    kind = rng.random()
    if kind < 0.72:
        return 1
    return int(rng.integers(2, 6)) if kind < 0.965 else int(rng.integers(9, 30))


class Canvas:
    """A scene in the making."""

    def __init__(
        self, assets: SceneAssets, rng: Random, background: Image.Image | None = None
    ) -> None:
        self.assets, self.rng = assets, rng
        self.image = background or some_background(assets, rng)
        linear = (np.asarray(self.image.resize((32, 32)), np.float32) / 255) ** GAMMA
        self.light = light_from_background(np.asarray(linear, np.float32), rng)
        self.masks: list[np.ndarray] = []
        self.ducks: list[str] = []

    def place(
        self,
        sprite: LabelledSprite,
        share: float,
        wet: bool,
        middle: tuple[float, float] | None = None,
    ) -> None:
        """Paste a sprite whose longer side is `share` of the frame's.

        Its middle (fractions of the frame) is random if not given, so that the frame's edge
        sometimes cuts it. Nothing is pasted where it would hide most of another duck.
        """
        rng, (width, height) = self.rng, self.image.size
        share = max(share, MIN_SHARE.get(sprite.kind, 0))
        thing = _shaded_and_scaled(sprite.sprite, self.light, share * max(width, height), rng)
        slack = rng.uniform(0.15, 0.45) if rng.random() < 0.25 else 0.0
        low_x, high_x = -slack * thing.width, width - (1 - slack) * thing.width
        low_y, high_y = -slack * thing.height, height - (1 - slack) * thing.height
        at = (
            round(rng.uniform(min(low_x, high_x), max(low_x, high_x))),
            round(rng.uniform(min(low_y, high_y), max(low_y, high_y))),
        )
        if middle is not None:
            at = (
                round(middle[0] * width - thing.width / 2),
                round(middle[1] * height - thing.height / 2),
            )
        mask = Image.new("L", self.image.size)
        mask.paste(thing.getchannel("A"), at)
        solid = np.asarray(mask) > 100
        whole = (np.asarray(thing.getchannel("A")) > 100).sum()
        if solid.sum() < MIN_VISIBLE * whole:
            return
        if any((solid & old).sum() > (1 - MIN_VISIBLE) * old.sum() for old in self.masks):
            return  # it would hide another one
        if wet:
            _reflection(self.image, thing, at, rng)
        elif rng.random() < 0.75:
            _shadow(self.image, thing.getchannel("A"), at, rng)
        self.image.paste(thing, at, thing)
        if sprite.is_duck:
            self.masks.append(solid)
            self.ducks.append(sprite.kind)

    def occlude(self) -> None:
        """Puts something in front of a part of one duck."""
        mask = self.masks[self.rng.integers(len(self.masks))]
        box = extent(mask)
        if box:
            front = some_background(self.assets, self.rng, self.image.size)
            occlude(self.image, front, box, self.rng)

    def apply_fisheye(self) -> None:
        rows, columns = fisheye(self.image.size, self.rng)
        self.image = Image.fromarray(np.asarray(self.image)[rows, columns])
        self.masks = [mask[rows, columns] for mask in self.masks]

    def boxes(self) -> tuple[Corners, ...]:
        """Return the boxes of the ducks that are large enough to be one."""
        extents = [box for mask in self.masks if (box := extent(mask))]
        return tuple(box for box in extents if max(box[2] - box[0], box[3] - box[1]) >= MIN_BOX)


def extent(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def make_scene(assets: SceneAssets, rng: Random) -> Scene:
    """One picture: with ducks, with other things, or a photograph as it is."""
    canvas = Canvas(assets, rng)
    kind = rng.choice(["ducks", "look_alikes", "photo"], p=assets.mix[:3])
    wet = rng.random() < 0.2
    if kind != "photo":
        for _ in range(rng.integers(0, 4) if kind == "ducks" and rng.random() < 0.4 else 0):
            sprite = assets.look_alikes[rng.integers(len(assets.look_alikes))]
            canvas.place(sprite, _how_large(rng, 3), wet)
        count = _how_many(rng)
        cast = assets.ducks if kind == "ducks" else assets.look_alikes
        if count > 1 and rng.random() < 0.4:  # a few models, many of each
            cast = [cast[i] for i in rng.integers(len(cast), size=rng.integers(1, 4))]
        for share in sorted(_how_large(rng, count) for _ in range(count)):
            canvas.place(cast[rng.integers(len(cast))], share, wet)
        if canvas.masks and rng.random() < 0.25:
            canvas.occlude()
    if rng.random() < 0.07:
        canvas.apply_fisheye()
    image = canvas.image if rng.random() < UNAUGMENTED else augmented(canvas.image, rng)
    return Scene(image, canvas.boxes(), str(kind), tuple(canvas.ducks))


def letterbox(scene: Scene) -> Scene:
    """The scene in the middle of a square."""
    image, side = scene.image, max(scene.image.size)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    square = Image.new("RGB", (side, side), PADDING)
    square.paste(image, (left, top))
    boxes = tuple((x0 + left, y0 + top, x1 + left, y1 + top) for x0, y0, x1, y1 in scene.boxes)
    return Scene(square, boxes, scene.kind)
