"""Augmentation: square views of a picture, mirrored, zoomed and in other light."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from rubberduck.custom_models.trunk import Floats, Window, square_view
from rubberduck.custom_models.zoomed_passes import SMALL, Zoom
from rubberduck.detectors.passes import SIDE

CLOSEST, WIDEST = 0.45, 1.25  # sides of a zoomed window, as shares of the picture's longer side
# Of the zoomed passes. With 0.5 and four passes around boxes from 0.1 on, average precision of the
# tuning sets was 0.73, so it is 0.82.
ZOOM = Zoom(side=0.36, passes=7, min_score=0.01)
TRAINED_SIDE, SPREAD = 0.4, 0.3  # side of a zoomed window learnt from; its logarithm varies
BACKGROUND_SPREAD = 0.5  # and of one that shows a background
ROOM = 1.15  # side of a window, at least this many times that of the box it is about
LARGEST = 1600  # pixels of the longer side that are kept of a picture
MIN_VISIBLE = 0.5  # of a box; what shows less of it is neither learnt nor counted as background
MIN_PIXELS = 3.0  # of a box in the view
Ints = npt.NDArray[np.int64]


class View(NamedTuple):
    """A square view: its pixels, its boxes (n, 4) as corners in pixels of the view."""

    square: npt.NDArray[np.uint8]
    corners: Floats
    labels: Ints  # (n,), -1: neither learnt nor counted as background


class Subject(NamedTuple):
    """A picture in memory, with its boxes (n, 4) as corners in its pixels."""

    image: Image.Image
    corners: Floats
    labels: Ints

    @classmethod
    def of(cls, image: Image.Image, corners: Floats, labels: Ints) -> "Subject":
        """Return the picture, made smaller where it is larger than any view needs."""
        scale = LARGEST / max(image.size)
        if scale >= 1:
            return cls(image, corners, labels)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        stretch = np.array([size[0] / image.width, size[1] / image.height] * 2, np.float32)
        return cls(small, corners * stretch, labels)

    def view(self, window: Window, mirrored: bool = False) -> View:
        """Return what a window shows, with the boxes cut at its edges."""
        whole = window.to_view(self.corners)
        cut = np.clip(whole, 0, SIDE)
        visible = areas(cut) / np.maximum(areas(whole), 1e-6)
        longest = (cut[:, 2:] - cut[:, :2]).max(1, initial=0)
        shown = (visible > 0) & (longest > 0)
        learnt = (visible >= MIN_VISIBLE) & (longest >= MIN_PIXELS)
        labels = np.where(learnt, self.labels, -1)[shown]
        square = square_view(self.image, window)
        if mirrored:
            square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            cut = np.stack([SIDE - cut[:, 2], cut[:, 1], SIDE - cut[:, 0], cut[:, 3]], 1)
        return View(np.asarray(square), cut[shown], labels)


def areas(corners: Floats) -> Floats:
    sides = np.maximum(corners[:, 2:] - corners[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def zoomed_window(subject: Subject, rng: np.random.Generator) -> Window:
    """Return a window of random size that shows a random box, or any place if there is none."""
    longer = max(subject.image.size)
    side = longer * float(np.exp(rng.uniform(np.log(CLOSEST), np.log(WIDEST))))
    if not len(subject.corners) or side >= longer:
        slack = np.array(subject.image.size) - side
        left, top = slack * rng.uniform(0.0, 1.0, 2)
        return Window(float(left), float(top), side)
    left, top, right, bottom = subject.corners[rng.integers(len(subject.corners))]
    side = min(max(side, ROOM * max(right - left, bottom - top)), longer)
    # Anywhere, as long as the window holds the box.
    x = rng.uniform(right - side, left) if right - left < side else (left + right - side) / 2
    y = rng.uniform(bottom - side, top) if bottom - top < side else (top + bottom - side) / 2
    return Window(float(x), float(y), side)


def zoomed_views(
    subject: Subject, count: int, rng: np.random.Generator, spread: float = SPREAD
) -> list[View]:
    """Return `count` views such as zoomed passes show, around small boxes if there are any."""
    longer = max(subject.image.size)
    extent = (subject.corners[:, 2:] - subject.corners[:, :2]).max(1, initial=0)
    small = np.flatnonzero((extent < SMALL * longer) & (subject.labels >= 0))
    views = []
    for number in range(count):
        side = longer * TRAINED_SIDE * float(np.exp(rng.uniform(-spread, spread)))
        if len(small):
            left, top, right, bottom = subject.corners[small[rng.integers(len(small))]]
            side = max(side, ROOM * max(right - left, bottom - top))
            x, y = rng.uniform(right - side, left), rng.uniform(bottom - side, top)
        else:
            x, y = rng.uniform(0, 1, 2) * (np.array(subject.image.size) - side)
        view = subject.view(Window(float(x), float(y), side), mirrored=bool(number % 2))
        if number > 1:
            view = view._replace(square=np.asarray(in_other_light(view.square, rng)))
        views.append(view)
    return views


def in_other_light(square: npt.NDArray[np.uint8], rng: np.random.Generator) -> Image.Image:
    """Return a view brighter or darker, with more or less contrast and colour."""
    image = Image.fromarray(square)
    for enhance, spread in (
        (ImageEnhance.Brightness, 0.35),
        (ImageEnhance.Contrast, 0.3),
        (ImageEnhance.Color, 0.35),
    ):
        image = enhance(image).enhance(float(np.exp(rng.normal(0, spread / 2))))
    return image


def views_of(subject: Subject, count: int, rng: np.random.Generator) -> list[View]:
    """Return `count` views: the plain one, the mirrored one, and zooms in other light."""
    plain = Window.around(subject.image.size)
    views = [subject.view(plain), subject.view(plain, mirrored=True)][:count]
    while len(views) < count:
        view = subject.view(zoomed_window(subject, rng), mirrored=bool(rng.random() < 0.5))
        lit = np.asarray(in_other_light(view.square, rng))
        views.append(view._replace(square=lit))
    return views
