"""A whole scene before the renderer at once: things stand on a floor, or swim, under a sky."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from training.rendering.colours import Colour, plain
from training.rendering.lighting import GAMMA, Light, shade
from training.rendering.ray_marcher import Paint, Part, View, camera, render
from training.rendering.shapes import Floats, above, lumps, vector

DISTANCE = 7.0  # of the eye from the middle of the scene
FAR = DISTANCE + 3.8  # the renderer sees to 4 behind the middle
SEEN = 6.4 * 42 / 40  # the width of the world that the renderer takes in where all of it is full
STEPS = 160  # a ray that passes close by a thing takes many
MOST = 2.6  # no thing reaches further from its middle
BACKDROP, LEAST_GLOSS = 4, 8  # of 255; the floor's is 0, and so each pixel tells what it shows
LAMP = np.array([-0.45, 0.75, 0.5], np.float32)
LIGHT = Light(
    np.array([1.15, 1.1, 1.0], np.float32),
    np.array([0.42, 0.46, 0.5], np.float32),
    np.array([0.22, 0.25, 0.26], np.float32),
    hardness=0.5,
    window=np.array([-0.45, 0.7, 0.55], np.float32),
)


@dataclass(frozen=True)
class Stage:
    """What a scene plays on. The sky's colours are the horizon's and the zenith's."""

    floor: Paint
    sky: tuple[Colour, Colour]
    shine: float = 0.0  # how much of what we see in the floor is mirrored
    waves: float = 0.0
    pitch: float = 14.0  # degrees that the eye looks down
    middle: float = 0.62  # how far down in the picture the middle of the scene lies


@dataclass(frozen=True)
class Thing:
    """Something on the floor, or sunk into it. With turn 0 it faces us; its left is our right."""

    parts: list[Part]
    right: float
    near: float
    turn: float
    size: float
    sink: float = 0.0


def _placed(thing: Thing) -> list[Part]:
    lowest, reach = _extent(thing.parts)
    size, ground = np.float32(thing.size), lowest + thing.sink
    at = vector(thing.near, -ground * thing.size, -thing.right)
    c, s = np.cos(np.radians(thing.turn)), np.sin(np.radians(thing.turn))
    turned = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)

    def local(p: Floats) -> Floats:
        return np.asarray(turned @ (p - at) / size, np.float32)

    def placed(part: Part) -> Part:
        whole = above(part.shape, ground)

        def distance(p: Floats) -> Floats:
            q = local(p)
            # From afar a ball around the thing will do: most of the time goes into this.
            d = np.sqrt((q * q).sum(0)) - np.float32(reach)
            close = d < 0.3
            d[close] = whole(q[:, close])
            return np.asarray(d * size, np.float32)

        return Part(distance, lambda p: part.paint(local(p)), max(part.gloss, LEAST_GLOSS / 255))

    return [placed(part) for part in thing.parts]


def _extent(parts: list[Part]) -> tuple[float, float]:
    """The lowest height of a thing, and how far from its middle it reaches."""
    steps = np.linspace(-MOST, MOST, 53, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps, steps)).reshape(3, -1)
    solid = grid[:, np.min([part.shape(grid) for part in parts], 0) < 0.05]
    return float(solid[1].min()), float(np.sqrt((solid**2).sum(0)).max()) + 0.1


def _rays(pitch: float, size: int) -> tuple[Floats, Floats]:
    """The eye, and the ray through each pixel as far as the middle's plane: (3, size, size)."""
    right, up, back = (axis[:, None, None] for axis in camera(View(0, pitch, 0)))
    steps = ((np.arange(size) + 0.5) / size - 0.5) * SEEN
    ray = right * steps - up * steps[:, None] - back * DISTANCE
    return np.asarray(back * DISTANCE, np.float32), np.asarray(ray, np.float32)


def _sky(stage: Stage, pitch: float, size: int) -> Floats:
    low, high = (np.array(colour) ** GAMMA for colour in stage.sky)
    rise = np.clip(_rays(pitch, size)[1][1] / DISTANCE / 0.45, 0, 1)[..., None] ** 0.8
    return np.asarray(low + (high - low) * rise, np.float32)


def _look(things: list[Part], stage: Stage, pitch: float, size: int) -> tuple[Floats, np.ndarray]:
    """Linear colours, (size, size, 3), and where the floor is."""
    frame = camera(View(0, pitch, 0))
    eye = frame[2][:, None] * np.float32(DISTANCE)

    def far(p: Floats) -> Floats:  # a ball around the eye: no ray gets lost
        return np.asarray(np.float32(FAR) - np.sqrt(((p - eye) ** 2).sum(0)), np.float32)

    backdrop = Part(far, plain((0, 0, 0)), BACKDROP / 255)
    # The lamp hangs where it hangs, from wherever we look.
    lamp = frame @ camera(View(0, stage.pitch, 0)).T @ LAMP / np.linalg.norm(LAMP)
    sprite = render([*things, backdrop], View(0, pitch, 0, DISTANCE), lamp, size, STEPS)
    assert sprite is not None
    gloss = sprite.extra[..., 0].copy()
    sprite.extra[..., 2] = _soft(sprite.extra[..., 2], gloss == 0)
    image = shade(sprite, LIGHT, np.random.default_rng(1))[..., :3]
    return np.where((gloss == BACKDROP)[..., None], _sky(stage, pitch, size), image), gloss == 0


def _soft(shadow: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The floor's shadow without the rings that the renderer's few steps to the lamp leave."""
    blur = ImageFilter.GaussianBlur(len(shadow) * 0.008)
    known, weight = (
        np.asarray(Image.fromarray(part.astype(np.uint8)).filter(blur), np.float32)
        for part in (shadow * where, where * 255)
    )
    return np.where(where, 255 * known / np.maximum(weight, 1), shadow).astype(np.uint8)


def _mirrored(things: list[Part], stage: Stage, size: int, waves: Floats) -> Floats:
    """What an eye as far below the floor would see, moved about by the waves."""
    below = _look(things, stage, -stage.pitch, size)[0][::-1]
    rows, columns = np.mgrid[:size, :size]
    move = waves * size * 0.006
    rows = np.clip(rows + 2 * move, 0, size - 1).astype(int)
    return below[rows, np.clip(columns + move, 0, size - 1).astype(int)]


def photograph(cast: list[Thing], stage: Stage, size: tuple[int, int], finer: int) -> Image.Image:
    """Rendered `finer` times as large and made smaller, for smooth edges."""
    side = size[0] * finer
    things = [part for thing in cast for part in _placed(thing)]
    ground = Part(lambda p: p[1].copy(), stage.floor, 0.0)
    image, is_floor = _look([*things, ground], stage, stage.pitch, side)
    eye, ray = _rays(stage.pitch, side)
    reach = np.clip(eye[1] / np.maximum(-ray[1], 1e-3), 0, 4)
    flat = (eye + ray * reach) * np.array([1, 0, 0.6], np.float32)[:, None, None]
    waves = sum(share * lumps(flat, long, 9 * long) for share, long in ((1, 0.2), (0.6, 0.08)))
    waves = np.asarray(stage.waves * waves / reach, np.float32)
    floor = image * (1 + 0.16 * waves[..., None])
    if stage.shine:
        slant = np.clip(reach - 0.7, 0, 1) ** 2  # what is seen flatly mirrors more
        share = stage.shine + (1 - stage.shine) * 0.5 * slant + 0.1 * waves
        floor += (_mirrored(things, stage, side, waves) - floor) * share[..., None]
    mist = np.clip((reach * np.sqrt((ray**2).sum(0)) / FAR - 0.6) / 0.4, 0, 1) ** 2
    floor += (np.array(stage.sky[0]) ** GAMMA - floor) * mist[..., None]
    image = np.where(is_floor[..., None], floor, image)
    pixels = (np.clip(image, 0, 1) ** (1 / GAMMA) * 255).astype(np.uint8)
    height = size[1] * finer
    top = round(side / 2 - height * stage.middle)
    return Image.fromarray(pixels[top : top + height]).reduce(finer)
