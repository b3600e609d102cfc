"""Augmentation: blur, noise, darkness, tinted light, JPEG, fisheye."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from training.rendering.colours import Random, hsv


def _exposure(pixels: np.ndarray, rng: Random) -> np.ndarray:
    """Darker or brighter, flatter or harder, warmer or colder; sometimes truly dark or tinted."""
    pixels = np.clip(pixels * rng.uniform(0.75, 1.25), 0, 1)
    gamma = rng.uniform(0.8, 1.25)
    if rng.random() < 0.1:
        gamma = rng.uniform(1.2, 1.8)
        pixels = pixels * rng.uniform(0.5, 0.9)
    pixels = pixels**gamma
    pixels = (pixels - 0.5) * rng.uniform(0.75, 1.2) + 0.5
    balance = rng.normal(1, 0.05, 3)
    if rng.random() < 0.08:
        balance = balance * (0.35 + np.array(hsv(rng.random(), rng.uniform(0.2, 0.8), 1.0)))
    pixels = pixels * balance
    if rng.random() < 0.1:
        grey = pixels.mean(2, keepdims=True)
        pixels = grey + (pixels - grey) * rng.uniform(0.3, 0.9)
    # A night scene still has something to see.
    brightest = float(np.percentile(pixels, 97)) + 1e-3
    pixels = pixels * max(1.0, rng.uniform(0.3, 0.6) / brightest)
    return np.asarray(np.clip(pixels, 0, 1))


def _noise(pixels: np.ndarray, rng: Random) -> np.ndarray:
    if rng.random() < 0.3:
        sigma = rng.uniform(0.005, 0.035)
        pixels = pixels + rng.normal(0, sigma, pixels.shape) * rng.uniform(0.5, 1.5)
    if rng.random() < 0.12:  # dark corners
        y, x = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
        pixels = pixels * (1 - rng.uniform(0.2, 0.7) * np.clip(x * x + y * y, 0, 2)[..., None] / 2)
    return np.asarray(np.clip(pixels, 0, 1))


def _blur(image: Image.Image, rng: Random) -> Image.Image:
    kind = rng.random()
    if kind < 0.12:
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.6)))
    if kind < 0.17:  # a small picture, enlarged
        share = rng.uniform(0.35, 0.8)
        small = image.resize((max(8, int(image.width * share)), max(8, int(image.height * share))))
        return small.resize(image.size, Image.Resampling.BICUBIC)
    if kind < 0.25:
        return image.filter(ImageFilter.UnsharpMask(1.2, int(rng.uniform(30, 120)), 2))
    return image


def augmented(image: Image.Image, rng: Random) -> Image.Image:
    image = _blur(image, rng)
    pixels = _noise(_exposure(np.asarray(image, np.float32) / 255, rng), rng)
    image = Image.fromarray((pixels * 255).astype(np.uint8))
    if rng.random() < 0.6:
        file = BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(25, 95)))
        image = Image.open(file).convert("RGB")
    return image


def fisheye(size: tuple[int, int], rng: Random) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel of the bent picture, the row and column it comes from."""
    width, height = size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    strength = rng.uniform(0.15, 0.6)
    bend = (1 + strength * (x * x + y * y)) / (1 + strength)
    rows = np.clip((y * bend + 1) / 2 * (height - 1) + 0.5, 0, height - 1)
    columns = np.clip((x * bend + 1) / 2 * (width - 1) + 0.5, 0, width - 1)
    return rows.astype(np.intp), columns.astype(np.intp)
