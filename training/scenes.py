"""Puts the cast on real photographs: scenes to learn from, with the ducks' boxes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.colours import Random, hsv
from training.damage import damaged, fisheye
from training.light import GAMMA, Light, light_for, lit
from training.render import Sprite
from training.sprites import Player

SIDE = 320  # of the letterbox that the net sees
PADDING = (127, 127, 127)  # what the net's normalisation turns into 0
LEAST_BOX = 8  # pixels
LOOKALIKES = {"plush": 0.3, "real_bird": 0.15}  # told apart only from this share of the frame on
LEAST_SHOWN = 0.35  # of a duck; what is hidden more is not placed


class Mix(NamedTuple):
    """Shares of scenes, and how their photographs are taken."""

    ducks: float = 0.55
    others: float = 0.22
    photos: float = 0.23
    recoloured: float = 0.0
    closest: float = 0.35  # of a photograph's side


class Stage(NamedTuple):
    ducks: list[Player]
    others: list[Player]
    photos: list[Image.Image]
    mix: Mix = Mix()
    side: int = SIDE  # the longer one of each scene


@dataclass(frozen=True)
class Scene:
    """`boxes` are left, top, right, bottom in the image's pixels; none: no duck in sight."""

    image: Image.Image
    boxes: tuple[tuple[float, float, float, float], ...]
    kind: str


def _background(stage: Stage, rng: Random) -> Image.Image:
    """A crop of a photograph, or now and then a bare wall or table."""
    aspect = float(rng.choice([1, 4 / 3, 3 / 4, 3 / 2, 2 / 3, 16 / 9, 9 / 16]))
    side = stage.side
    size = (side, round(side / aspect)) if aspect > 1 else (round(side * aspect), side)
    if rng.random() < 0.07:
        flat = np.array(hsv(rng.random(), rng.uniform(0, 0.7) ** 2, rng.uniform(0.1, 1)))
        slope = np.linspace(1, rng.uniform(0.5, 1.1), size[1])[:, None, None]
        pixels = np.clip(flat * slope * np.ones((1, size[0], 1)), 0, 1) * 255
        return Image.fromarray(pixels.astype(np.uint8))
    photo = stage.photos[rng.integers(len(stage.photos))]
    share = rng.uniform(stage.mix.closest, 1)
    width = min(photo.width, photo.height * aspect) * share
    height = width / aspect
    left = rng.uniform(0, photo.width - width)
    top = rng.uniform(0, photo.height - height)
    image = photo.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if stage.mix.recoloured and rng.random() < stage.mix.recoloured:
        image = _recoloured(image, rng)
    if rng.random() < 0.12:  # out of focus, as behind a close object
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1, 5)))
    return image


def _recoloured(image: Image.Image, rng: Random) -> Image.Image:
    """All hues turned so that some thing in the photograph gets a duck's or a beak's colour."""
    pixels = np.asarray(image.convert("HSV")).astype(np.float32)
    vivid = np.argwhere((pixels[..., 1] > 60) & (pixels[..., 2] > 60))
    if len(vivid):
        row, column = vivid[rng.integers(len(vivid))]
        target = rng.uniform(-0.02, 0.17) * 255
        pixels[..., 0] = (pixels[..., 0] + target - pixels[row, column, 0]) % 255
    pixels[..., 1] = np.clip(pixels[..., 1] * rng.uniform(1, 2), 0, 255)
    pixels[..., 2] = np.clip(pixels[..., 2] * rng.uniform(1, 1.3), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8), "HSV").convert("RGB")


def _mirrored(sprite: Sprite) -> Sprite:
    normal = sprite.normal[:, ::-1].copy()
    normal[..., 0] = 255 - normal[..., 0]
    x, y, z = sprite.lamp
    return Sprite(sprite.colour[:, ::-1], normal, sprite.extra[:, ::-1], (-x, y, z))


def _developed(sprite: Sprite, light: Light, side: float, rng: Random) -> Image.Image:
    """The sprite lit and scaled, its longer side `side` pixels, as an RGBA picture."""
    if rng.random() < 0.5:
        sprite = _mirrored(sprite)
    out = lit(sprite, light, rng)
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


def _cover(canvas: Image.Image, stage: Stage, box: tuple[int, int, int, int], rng: Random) -> None:
    """Something in front: a piece of another photograph, a stick, foam; mostly from below."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    mask = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(mask)
    kind = rng.random()
    if kind < 0.5:
        x, y = left + wide * rng.uniform(-0.1, 1.1), bottom + high * rng.uniform(-0.1, 0.1)
        rx, ry = wide * rng.uniform(0.15, 0.6), high * rng.uniform(0.15, 0.42)
        draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=255)
    elif kind < 0.75:
        x, y = left + wide * rng.uniform(0, 1), bottom
        end = (x + wide * rng.uniform(-0.6, 0.6), y - high * rng.uniform(0.2, 1.2))
        draw.line(((x, y + 5), end), fill=255, width=max(2, round(wide * rng.uniform(0.05, 0.2))))
    else:
        for _ in range(rng.integers(6, 22)):
            x, y = left + wide * rng.uniform(-0.2, 1.2), bottom - high * abs(rng.normal(0, 0.16))
            r = wide * rng.uniform(0.04, 0.16)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.uniform(150, 255)))
    mask = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if kind < 0.75:
        front = _background(stage, rng).resize(canvas.size)
    else:
        front = Image.new("RGB", canvas.size, tuple(int(v) for v in rng.uniform(205, 255, 3)))
    canvas.paste(front, (0, 0), mask)


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

    def __init__(self, stage: Stage, rng: Random) -> None:
        self.stage, self.rng = stage, rng
        self.image = _background(stage, rng)
        linear = (np.asarray(self.image.resize((32, 32)), np.float32) / 255) ** GAMMA
        self.light = light_for(np.asarray(linear, np.float32), rng)
        self.masks: list[np.ndarray] = []

    def place(self, player: Player, share: float, wet: bool) -> None:
        """Somewhere in the frame, sometimes cut by its edge."""
        rng, (width, height) = self.rng, self.image.size
        share = max(share, LOOKALIKES.get(player.kind, 0))
        thing = _developed(player.sprite, self.light, share * max(width, height), rng)
        slack = rng.uniform(0.15, 0.45) if rng.random() < 0.25 else 0.0
        low_x, high_x = -slack * thing.width, width - (1 - slack) * thing.width
        low_y, high_y = -slack * thing.height, height - (1 - slack) * thing.height
        at = (
            round(rng.uniform(min(low_x, high_x), max(low_x, high_x))),
            round(rng.uniform(min(low_y, high_y), max(low_y, high_y))),
        )
        mask = Image.new("L", self.image.size)
        mask.paste(thing.getchannel("A"), at)
        solid = np.asarray(mask) > 100
        whole = (np.asarray(thing.getchannel("A")) > 100).sum()
        if solid.sum() < LEAST_SHOWN * whole:
            return
        if any((solid & old).sum() > (1 - LEAST_SHOWN) * old.sum() for old in self.masks):
            return  # it would hide another one
        if wet:
            _reflection(self.image, thing, at, rng)
        elif rng.random() < 0.75:
            _shadow(self.image, thing.getchannel("A"), at, rng)
        self.image.paste(thing, at, thing)
        if player.is_duck:
            self.masks.append(solid)

    def hide(self) -> None:
        """Puts something in front of a part of one duck."""
        mask = self.masks[self.rng.integers(len(self.masks))]
        box = _extent(mask)
        if box:
            _cover(self.image, self.stage, box, self.rng)

    def bend(self) -> None:
        rows, columns = fisheye(self.image.size, self.rng)
        self.image = Image.fromarray(np.asarray(self.image)[rows, columns])
        self.masks = [mask[rows, columns] for mask in self.masks]


def _extent(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def view(stage: Stage, rng: Random) -> Scene:
    """One picture: with ducks, with other things, or a photograph as it is."""
    canvas = Canvas(stage, rng)
    kind = rng.choice(["ducks", "others", "photo"], p=stage.mix[:3])
    wet = rng.random() < 0.2
    if kind != "photo":
        for _ in range(rng.integers(0, 4) if kind == "ducks" and rng.random() < 0.4 else 0):
            player = stage.others[rng.integers(len(stage.others))]
            canvas.place(player, _how_large(rng, 3), wet)
        count = _how_many(rng)
        cast = stage.ducks if kind == "ducks" else stage.others
        for share in sorted(_how_large(rng, count) for _ in range(count)):
            canvas.place(cast[rng.integers(len(cast))], share, wet)
        if canvas.masks and rng.random() < 0.25:
            canvas.hide()
    if rng.random() < 0.07:
        canvas.bend()
    extents = [extent for mask in canvas.masks if (extent := _extent(mask))]
    boxes = tuple(box for box in extents if max(box[2] - box[0], box[3] - box[1]) >= LEAST_BOX)
    return Scene(damaged(canvas.image, rng), boxes, str(kind))


def letterbox(scene: Scene) -> Scene:
    """The scene in the middle of a square."""
    image, side = scene.image, max(scene.image.size)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    square = Image.new("RGB", (side, side), PADDING)
    square.paste(image, (left, top))
    boxes = tuple((x0 + left, y0 + top, x1 + left, y1 + top) for x0, y0, x1, y1 in scene.boxes)
    return Scene(square, boxes, scene.kind)
