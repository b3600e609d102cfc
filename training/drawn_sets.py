"""Playing cards on tables and blood cells under a microscope, drawn."""

import functools
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training.dataset.augmentation import augmented
from training.rendering.colours import Random, hsv

Labelled = tuple[str, float, float, float, float]

CARD = (250, 350)
RANKS = {"nine": "9", "ten": "10", "jack": "J", "queen": "Q", "king": "K", "ace": "A"}
SUITS = "shdc"
RED, BLACK = (190, 20, 30), (20, 20, 25)
PIPS = {
    "ace": [(0.5, 0.5)],
    "nine": [(x, y) for x in (0.32, 0.68) for y in (0.17, 0.39, 0.61, 0.83)] + [(0.5, 0.5)],
    "ten": [(x, y) for x in (0.32, 0.68) for y in (0.17, 0.39, 0.61, 0.83)]
    + [(0.5, 0.28), (0.5, 0.72)],
}
COURTS = {"jack": (0.6, 0.5), "queen": (0.95, 0.75), "king": (0.03, 1.0)}  # hue; height of the hat


def _suit(draw: ImageDraw.ImageDraw, suit: str, x: float, y: float, r: float) -> None:
    colour = RED if suit in "hd" else BLACK
    if suit == "d":
        draw.polygon([(x, y - r), (x + 0.75 * r, y), (x, y + r), (x - 0.75 * r, y)], fill=colour)
        return
    up = 1 if suit == "h" else -1
    if suit == "c":
        for dx, dy in ((-0.5, 0.15), (0.5, 0.15), (0, -0.5)):
            cx, cy = x + dx * r, y + dy * r
            draw.ellipse((cx - 0.45 * r, cy - 0.45 * r, cx + 0.45 * r, cy + 0.45 * r), fill=colour)
    else:
        for side in (-1, 1):
            cx, cy = x + side * 0.42 * r, y - up * 0.25 * r
            draw.ellipse((cx - 0.5 * r, cy - 0.5 * r, cx + 0.5 * r, cy + 0.5 * r), fill=colour)
        tip = [(x - 0.86 * r, y - up * 0.02 * r), (x + 0.86 * r, y - up * 0.02 * r)]
        draw.polygon([*tip, (x, y + up * r)], fill=colour)
    if suit in "sc":
        draw.polygon([(x, y), (x - 0.3 * r, y + r), (x + 0.3 * r, y + r)], fill=colour)


def _court(draw: ImageDraw.ImageDraw, rank: str, suit: str) -> None:
    """Draw half of a jack, queen or king: a hat or crown, a face, a coat with the suit."""
    hue, hat = COURTS[rank]
    coat, trim = (tuple(int(255 * c) for c in hsv(h, 0.75, 0.8)) for h in (hue, hue + 0.4))
    draw.rectangle((48, 38, 202, 175), outline=(60, 60, 90), width=2)
    draw.polygon([(70, 175), (95, 120), (155, 120), (180, 175)], fill=coat)
    draw.polygon([(112, 175), (125, 120), (138, 175)], fill=trim)
    draw.ellipse((100, 70, 150, 128), fill=(240, 205, 170), outline=BLACK, width=2)
    for x in (115, 135):
        draw.ellipse((x - 3, 92, x + 3, 98), fill=BLACK)
    top = 78 - 38 * hat
    if rank == "jack":
        draw.rectangle((95, top, 158, 80), fill=trim)
    else:
        points = 5 if rank == "king" else 3
        teeth = [(95 + 60 * i / (2 * points), 80 if i % 2 == 0 else top) for i in range(2 * points)]
        draw.polygon([(95, 82), *teeth, (155, 82)], fill=(230, 190, 40))
    if rank == "king":
        draw.polygon([(104, 108), (146, 108), (125, 150)], fill=(120, 90, 60))
    if rank == "queen":
        draw.rectangle((92, 84, 103, 140), fill=(150, 100, 40))
        draw.rectangle((147, 84, 158, 140), fill=(150, 100, 40))
    _suit(draw, suit, 72, 62, 15)


@functools.cache
def card(rank: str, suit: str) -> Image.Image:
    """Return one card, 250 x 350 pixels with transparent corners."""
    image = Image.new("RGB", CARD, (250, 249, 245))
    draw = ImageDraw.Draw(image)
    if rank in PIPS:
        for x, y in PIPS[rank]:
            _suit(draw, suit, x * CARD[0], y * CARD[1], 48 if rank == "ace" else 22)
    else:
        _court(draw, rank, suit)
    colour = RED if suit in "hd" else BLACK
    draw.text((8, 4), RANKS[rank], fill=colour, font=ImageFont.load_default(40))
    _suit(draw, suit, 24, 66, 13)
    half = image.crop((0, 0, CARD[0], CARD[1] // 2)).rotate(180)
    image.paste(half, (0, CARD[1] - half.height))
    mask = Image.new("L", CARD)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, CARD[0] - 1, CARD[1] - 1), 16, fill=255)
    image.putalpha(mask)
    return image


def _warp(image: Image.Image, corners: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Lay an image into a picture of `size` with its corners at these points."""
    width, height = image.size
    rows, values = [], []
    for (x, y), (u, v) in zip(
        corners, ((0, 0), (width, 0), (width, height), (0, height)), strict=True
    ):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    solved = np.linalg.solve(np.array(rows, float), np.array(values, float))
    return image.transform(
        size, Image.Transform.PERSPECTIVE, tuple(solved), Image.Resampling.BICUBIC
    )


def cards(table: Image.Image, rng: Random) -> tuple[Image.Image, list[Labelled]]:
    """Lay one to four cards on a table, seen from a slant; the later lie on the earlier."""
    table = table.filter(ImageFilter.GaussianBlur(rng.uniform(0, 2)))
    width, height = table.size
    masks: list[tuple[str, np.ndarray, np.ndarray]] = []
    count = int(rng.integers(1, 5))
    squeeze, scale = rng.uniform(0.6, 1.0), rng.uniform(0.22, 0.5) * (1.15 - 0.12 * count)
    for _ in range(40):
        if len(masks) == count:
            break
        rank = list(RANKS)[rng.integers(len(RANKS))]
        angle = rng.uniform(0, 2 * math.pi)
        cx, cy = rng.uniform(0.1, 0.9) * width, rng.uniform(0.12, 0.88) * height
        long = scale * height * rng.uniform(0.9, 1.1)
        flat = np.array([[-0.357, -0.5], [0.357, -0.5], [0.357, 0.5], [-0.357, 0.5]]) * long
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        corners = flat @ turn.T * [1, squeeze]
        corners = corners * (1 + 0.25 * (1 - squeeze) * corners[:, 1:] / height) + [cx, cy]
        layer = _warp(card(rank, SUITS[rng.integers(4)]), corners, table.size)
        alpha = np.asarray(layer.getchannel("A")) > 100
        if any((alpha & shown).sum() > 0.4 * whole.sum() for _, shown, whole in masks):
            continue
        for i, (name, shown, whole) in enumerate(masks):
            masks[i] = (name, shown & ~alpha, whole)
        shade = layer.getchannel("A").filter(ImageFilter.GaussianBlur(4)).point(lambda v: v // 3)
        table.paste((0, 0, 0), (3, 4), shade)
        table.paste(layer, (0, 0), layer)
        masks.append((rank, alpha, alpha))
    return augmented(table, rng), [(name, *_extent(whole)) for name, _, whole in masks]


def _extent(mask: np.ndarray) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(mask)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


def cells(rng: Random) -> tuple[Image.Image, list[Labelled]]:
    """Draw a blood smear: many red cells, few white ones with a stained nucleus, platelets."""
    size, fine = 640, 2
    side = size * fine
    grid_y, grid_x = np.mgrid[:side, :side].astype(np.float32) / fine
    paper = np.array(hsv(rng.uniform(0.0, 0.15), rng.uniform(0.02, 0.12), rng.uniform(0.8, 0.97)))
    image = np.ones((side, side, 3), np.float32) * paper
    r = rng.uniform(28, 44)
    red = np.array(hsv(rng.normal(0.98, 0.02), rng.uniform(0.2, 0.4), rng.uniform(0.75, 0.9)))
    stain = np.array(hsv(rng.normal(0.76, 0.03), rng.uniform(0.45, 0.7), rng.uniform(0.4, 0.65)))
    plan = ["red cell"] * int(rng.integers(5, 16)) + ["platelet"] * int(rng.integers(0, 4))
    plan += ["white cell"] * int(rng.random() < 0.7) + ["white cell"] * int(rng.random() < 0.15)
    boxes: list[Labelled] = []
    middles: list[tuple[float, float, float]] = []
    for name in reversed(plan):
        kind = {"red cell": 1.0, "white cell": 1.75, "platelet": 0.33}[name]
        own = r * kind * rng.uniform(0.88, 1.14)
        cx, cy = rng.uniform(0.02, 0.98, 2) * size
        if any(math.hypot(cx - a, cy - b) < 0.75 * (own + c) for a, b, c in middles):
            continue
        middles.append((cx, cy, own))
        seed = rng.uniform(0, 9, 3)
        rows, columns = (
            slice(max(int((c - 1.4 * own) * fine), 0), int((c + 1.4 * own) * fine))
            for c in (cy, cx)
        )
        x, y, part = grid_x[rows, columns], grid_y[rows, columns], image[rows, columns]
        angle = np.arctan2(y - cy, x - cx)
        wobble = 1 + 0.04 * np.sin(2 * angle + seed[0]) + 0.03 * np.sin(3 * angle + seed[1])
        if name == "platelet":
            wobble = wobble + 0.12 * np.sin(5 * angle + seed[2])
        depth = np.hypot(x - cx, y - cy) / (own * wobble)
        inside = np.clip((1 - depth) * own / 1.5, 0, 1)[..., None]
        if name == "red cell":
            rim = 0.55 + 0.45 * np.clip(depth / 0.7, 0, 1) ** 2
            colour = paper + (red - paper) * rim[..., None]
        elif name == "white cell":
            lobes = np.full_like(x, 9.0)
            for _ in range(int(rng.integers(1, 5))):
                dx, dy = rng.normal(0, 0.28, 2) * own
                lobes = np.minimum(lobes, np.hypot(x - cx - dx, y - cy - dy) / (own * 0.45))
            pale = paper * 0.55 + stain * 0.45
            nucleus = np.clip((1 - lobes) * own / 3, 0, 1)[..., None]
            colour = pale + (stain * 0.75 - pale) * nucleus
        else:
            colour = np.broadcast_to(stain * 0.85 + paper * 0.15, part.shape)
        part += (colour - part) * inside * rng.uniform(0.85, 1)
        shape = inside[..., 0] > 0.5
        if shape.any():
            left, top, wide, high = _extent(shape)
            corner = ((left + columns.start) / fine, (top + rows.start) / fine)
            boxes.append((name, *corner, wide / fine, high / fine))
    picture = Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8)).reduce(fine)
    picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.6)))
    left_out = 0.1 * r
    return augmented(picture, rng), [b for b in boxes if min(b[3], b[4]) > left_out]
