"""Painted rooms, streets, landscapes, tables and surfaces, with nothing in them to look for."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.dataset.augmentation import augmented
from training.dataset.backgrounds import road, wall, water
from training.dataset.scenes import Canvas, SceneAssets
from training.props.look_alikes import jumble
from training.props.sprites import LabelledSprite, some_lamp, some_view
from training.rendering.colours import Random, hsv
from training.rendering.ray_marcher import render

SIDE = 400
FINER = 2
Size = tuple[int, int]


def noise(size: Size, cells: int, rng: Random) -> np.ndarray:
    """Return smooth noise from 0 to 1, some octaves of it."""
    total = np.zeros((size[1], size[0]), np.float32)
    weight = 0.0
    for octave in range(5):
        few = max(2, cells * 2**octave)
        if few > max(size):
            break
        grid = Image.fromarray((rng.random((few, few)) * 255).astype(np.uint8))
        share = 0.55**octave
        total += share * np.asarray(grid.resize(size, Image.Resampling.BICUBIC), np.float32) / 255
        weight += share
    return total / weight


def colour(rng: Random, saturation: float = 0.5, low: float = 0.2) -> tuple[int, int, int]:
    r, g, b = hsv(rng.random(), rng.uniform(0, saturation), rng.uniform(low, 1))
    return int(255 * r), int(255 * g), int(255 * b)


def surface(size: Size, rng: Random) -> Image.Image:
    """A close look at wood, bricks, tiles, cloth, stone or leaves."""
    width, height = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    first, second = (np.array(colour(rng), np.float32) / 255 for _ in range(2))
    kind, cell = rng.integers(6), rng.uniform(12, 70)
    grain = noise(size, int(rng.integers(3, 30)), rng)
    if kind == 0:  # wood
        share = 0.5 + 0.5 * np.sin((x / cell + 6 * noise(size, 3, rng)) * 3)
        share = share * 0.6 + 0.4 * (np.floor(y / cell / 2) % 2)
    elif kind in (1, 2):  # bricks, tiles
        shift = (np.floor(y / cell) % 2) * cell if kind == 1 else 0
        gap_x = np.abs(((x + shift) / (2 * cell) if kind == 1 else x / cell) % 1 - 0.5) > 0.46
        share = (gap_x | (np.abs(y / cell % 1 - 0.5) > 0.44)).astype(np.float32)
    elif kind == 3:  # cloth, checked or striped
        share = 0.5 * (x / cell % 1 > 0.5) + 0.5 * (y / cell % 1 > 0.5) * (rng.random() < 0.6)
    elif kind == 4:  # stone
        share = (noise(size, int(rng.integers(10, 60)), rng) > 0.5).astype(np.float32)
    else:  # leaves
        share = np.clip(noise(size, int(rng.integers(14, 50)), rng) * 3 - 1, 0, 1)
        first = np.array(hsv(rng.uniform(0.2, 0.4), rng.uniform(0.3, 0.8), 0.6), np.float32)
    image = first + (second - first) * share[..., None]
    image = image * (0.7 + 0.6 * grain[..., None])
    return Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8))


def room(size: Size, rng: Random) -> Image.Image:
    """Walls and a floor, a window, a door, shelves with books, a sofa or a cupboard, a lamp."""
    width, height = size
    image = Image.new("RGB", size, colour(rng, 0.3, 0.5))
    draw = ImageDraw.Draw(image)
    horizon, corner = int(height * rng.uniform(0.55, 0.8)), int(width * rng.uniform(-0.2, 1.2))
    draw.polygon([(corner, 0), (corner, horizon), (width * 2, height), (width * 2, 0)],
                 fill=colour(rng, 0.3, 0.4))  # fmt: skip
    boards = surface(size, rng).resize((width * 2, height - horizon))
    image.paste(boards.crop((0, 0, width, height - horizon)), (0, horizon))
    for _ in range(int(rng.integers(2, 6))):
        x, w = rng.uniform(-0.1, 0.9) * width, rng.uniform(0.12, 0.4) * width
        kind = rng.integers(6)
        if kind == 0:  # a window
            top, h = rng.uniform(0.05, 0.25) * height, rng.uniform(0.2, 0.45) * height
            draw.rectangle((x, top, x + w, top + h), fill=colour(rng, 0.3, 0.7),
                           outline=colour(rng, 0.2), width=5)  # fmt: skip
            draw.line((x + w / 2, top, x + w / 2, top + h), fill=(240, 240, 235), width=4)
        elif kind == 1:  # shelves with books
            top = rng.uniform(0.05, 0.3) * height
            for board in range(int(rng.integers(2, 5))):
                level, at = top + (board + 1) * 60, x
                while at < x + w * 1.3:
                    thick, tall = rng.uniform(5, 14), rng.uniform(28, 52)
                    draw.rectangle((at, level - tall, at + thick, level), fill=colour(rng, 0.8))
                    at += thick + (rng.random() < 0.1) * 15
                draw.rectangle((x, level, x + w * 1.3, level + 5), fill=(110, 80, 55))
        elif kind == 2:  # a picture
            top, h = rng.uniform(0.05, 0.3) * height, rng.uniform(0.1, 0.3) * height
            hung = surface((64, 64), rng).resize((max(int(w), 2), max(int(h), 2)))
            image.paste(hung, (int(x), int(top)))
            draw.rectangle((x, top, x + w, top + h), outline=colour(rng), width=4)
        elif kind == 3:  # a lamp
            draw.line((x, horizon, x, horizon * 0.4), fill=(40, 40, 40), width=4)
            top = horizon * 0.4
            draw.polygon([(x - 18, top - 35), (x + 18, top - 35), (x + 34, top), (x - 34, top)],
                         fill=colour(rng, 0.4, 0.7))  # fmt: skip
        else:  # furniture
            top = horizon - rng.uniform(0.1, 0.4) * height
            foot = horizon + rng.uniform(0, 0.15) * height
            paint = colour(rng, 0.6)
            draw.rounded_rectangle((x, top, x + w * 1.4, foot), 12, fill=paint)
            for part in np.linspace(x, x + w * 1.4, int(rng.integers(2, 5)))[:-1]:
                darker = tuple(int(v * 0.75) for v in paint)
                draw.rounded_rectangle((part + 4, top + 8, part + w / 2, foot - 8), 6, fill=darker)
    return image


def street(size: Size, rng: Random) -> Image.Image:
    """Houses with windows under a sky, a pavement and a road, trees."""
    width, height = size
    image = landscape(size, rng)
    draw = ImageDraw.Draw(image)
    ground, at = int(height * rng.uniform(0.6, 0.8)), -rng.uniform(0, 80)
    while at < width:
        w, top = rng.uniform(60, 200), ground * rng.uniform(0.05, 0.6)
        paint = colour(rng, 0.35, 0.3)
        draw.rectangle((at, top, at + w, ground), fill=paint)
        if rng.random() < 0.5:
            draw.polygon([(at - 6, top), (at + w / 2, top - 40), (at + w + 6, top)],
                         fill=colour(rng, 0.5))  # fmt: skip
        pane, step = colour(rng, 0.4), rng.uniform(22, 48)
        for x in np.arange(at + 10, at + w - 14, step).tolist():
            for y in np.arange(top + 12, ground - 24, step * 1.2).tolist():
                draw.rectangle((x, y, x + step * 0.5, y + step * 0.7), fill=pane)
        at += w + (rng.random() < 0.3) * 40
    draw.rectangle((0, ground, width, height), fill=colour(rng, 0.1, 0.3))
    draw.rectangle((0, ground, width, ground + 12), fill=colour(rng, 0.1, 0.5))
    for x in range(0, width, 70):
        draw.rectangle((x, ground + 60, x + 35, ground + 66), fill=(230, 230, 225))
    for _ in range(int(rng.integers(0, 4))):
        _tree(image, rng.uniform(0, width), ground, rng.uniform(60, 200), rng)
    return image


def _tree(image: Image.Image, x: float, ground: float, tall: float, rng: Random) -> None:
    draw = ImageDraw.Draw(image)
    draw.rectangle((x - 4, ground - tall * 0.5, x + 4, ground), fill=(80, 60, 45))
    hue = rng.uniform(0.08, 0.4)
    for _ in range(60):
        dx, dy = rng.normal(0, tall * 0.16), rng.normal(0, tall * 0.18)
        r = tall * rng.uniform(0.03, 0.1)
        leaf = tuple(
            int(255 * c) for c in hsv(hue + rng.normal(0, 0.02), 0.6, rng.uniform(0.2, 0.7))
        )
        cx, cy = x + dx, ground - tall * 0.7 + dy
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=leaf)


def landscape(size: Size, rng: Random) -> Image.Image:
    """A sky with clouds, ranges of hills, and now and then water or trees."""
    width, height = size
    sky = np.array(hsv(rng.uniform(0.5, 0.65), rng.uniform(0.1, 0.7), rng.uniform(0.5, 1)))
    cloud = np.clip(noise(size, 3, rng) * 2.4 - 1, 0, 1)[..., None]
    pixels = sky + (0.95 - sky) * cloud * rng.uniform(0.2, 1)
    line = rng.uniform(0.25, 0.6) * height
    y = np.arange(height)[:, None]
    for _ in range(int(rng.integers(1, 5))):
        hill = noise((width, 2), int(rng.integers(2, 6)), rng)[0] - 0.5
        edge = line + hill * height * rng.uniform(0.05, 0.5)
        hue = rng.uniform(0.08, 0.42)
        base = np.array(hsv(hue, rng.uniform(0.1, 0.6), rng.uniform(0.2, 0.7)))
        texture = 0.7 + 0.6 * noise(size, int(rng.integers(8, 50)), rng)[..., None]
        pixels = np.where((y > edge)[..., None], base * texture, pixels)
        line += rng.uniform(0.05, 0.25) * height
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    for _ in range(int(rng.integers(0, 4))):
        tall = rng.uniform(0.1, 0.6) * height
        _tree(image, rng.uniform(0, width), height * rng.uniform(0.6, 1), tall, rng)
    return image


def table(size: Size, rng: Random, things: list[LabelledSprite]) -> Image.Image:
    """Shapes without a name on a surface."""
    behind = (surface, room, wall)[rng.integers(3)](size, rng)
    canvas = Canvas(SceneAssets([], [], []), rng, behind)
    for _ in range(int(rng.integers(1, 6))):
        share = float(np.exp(rng.uniform(np.log(0.08), np.log(0.6))))
        canvas.place(things[rng.integers(len(things))], share, False)
    return canvas.image


def shapes(count: int, seed: int) -> list[LabelledSprite]:
    some = []
    for i in range(count):
        rng = np.random.default_rng((seed, 9, i))
        sprite = render(jumble(rng), some_view(rng), some_lamp(rng), 130)
        if sprite:
            some.append(LabelledSprite(sprite, "shape", False))
    return some


def scenes(count: int, seed: int) -> list[Image.Image]:
    """Return `count` scenes, the kinds in turn; the longer side has SIDE pixels."""
    things = shapes(30, seed)
    kinds: list[Callable[[Size, Random], Image.Image]] = [
        room,
        surface,
        lambda size, rng: table(size, rng, things),
        landscape,
        room,
        street,
        lambda size, rng: table(size, rng, things),
        lambda size, rng: (water(size, rng), road(size, street(size, rng), rng))[rng.integers(2)],
    ]
    made = []
    for number in range(count):
        rng = np.random.default_rng((seed, 8, number))
        size = ((SIDE, 300), (300, SIDE), (SIDE, 266))[rng.integers(3)]
        large = (size[0] * FINER, size[1] * FINER)
        image = kinds[number % len(kinds)](large, rng)
        if rng.random() < 0.3:
            image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1, 4)))
        made.append(augmented(image.resize(size, Image.Resampling.LANCZOS), rng))
    return made
