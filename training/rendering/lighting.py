"""Light a sprite again for each scene."""

from dataclasses import dataclass

import numpy as np

from training.rendering.colours import Random
from training.rendering.ray_marcher import Sprite
from training.rendering.shapes import Floats

GAMMA = 2.2


@dataclass(frozen=True)
class Light:
    """Colours are linear; `sky` comes from above, `ground` from below."""

    lamp: Floats
    sky: Floats
    ground: Floats
    hardness: float  # 1: bare sun; 0: overcast
    window: Floats  # where a bright window is mirrored


def light_from_background(background: Floats, rng: Random) -> Light:
    """Return a light like the background's (linear, height x width x 3)."""
    half = len(background) // 2
    upper, lower = background[:half].mean((0, 1)), background[half:].mean((0, 1))
    level = background.mean() * rng.uniform(0.8, 1.6) + 0.03
    tint = (background.mean((0, 1)) / (background.mean() + 1e-6)) ** rng.uniform(0.2, 0.9)
    hardness = rng.uniform(0.1, 0.9)
    window = rng.normal(size=3)
    window[2] = abs(window[2]) + 0.3
    window[1] = abs(window[1])
    grey = np.full(3, level)
    return Light(
        (tint * level * rng.uniform(1.2, 3.2) * (0.4 + hardness)).astype(np.float32),
        (0.6 * upper + 0.6 * grey).astype(np.float32),
        (0.7 * lower + 0.2 * grey).astype(np.float32),
        hardness,
        (window / np.linalg.norm(window)).astype(np.float32),
    )


def shade(sprite: Sprite, light: Light, rng: Random) -> Floats:
    """Return linear premultiplied colours and coverage, (height, width, 4)."""
    colour = (sprite.colour.astype(np.float32) / 255) ** GAMMA
    normal = sprite.normal.astype(np.float32) / 127.5 - 1
    gloss, occlusion, shadow, coverage = np.moveaxis(sprite.extra.astype(np.float32) / 255, 2, 0)
    lamp = np.array(sprite.lamp, np.float32)
    wrap = 0.5 * (1 - light.hardness)
    direct = np.clip((normal @ lamp + wrap) / (1 + wrap), 0, 1)
    direct = direct * (shadow * light.hardness + 1 - light.hardness)
    up = (normal[..., 1] * 0.5 + 0.5)[..., None]
    around = (light.sky * up + light.ground * (1 - up)) * occlusion[..., None]
    out = colour * (direct[..., None] * light.lamp + around)
    # Vinyl mirrors the lamp as a small spot, a window as a pale patch, and all at its rim.
    half = lamp + np.array([0, 0, 1], np.float32)
    half = half / np.linalg.norm(half)
    sharp = rng.uniform(20, 220)
    spot = np.clip(normal @ half, 0, 1) ** sharp * shadow * rng.uniform(0.2, 1.2)
    mirrored = 2 * normal[..., 2:3] * normal - np.array([0, 0, 1], np.float32)
    edge = rng.uniform(0.75, 0.96)
    patch = np.clip((mirrored @ light.window - edge) * 25, 0, 1) * rng.uniform(0, 0.7)
    rim = (1 - np.clip(normal[..., 2], 0, 1)) ** 4 * 0.5 + 0.03
    shine = (spot + patch)[..., None] * light.lamp + rim[..., None] * light.sky
    out = out + shine * (gloss * gloss)[..., None]
    return np.dstack([out * coverage[..., None], coverage]).astype(np.float32)
