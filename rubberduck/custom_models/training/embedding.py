"""Run the trunk over the views of all pictures, once, and keep what the heads need of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from rubberduck.custom_models.training import background
from rubberduck.custom_models.training.dense_head import Example, Moments, Projection
from rubberduck.custom_models.training.parallel import map_parallel
from rubberduck.custom_models.training.pictures import TrainingPicture
from rubberduck.custom_models.training.targets import targets_of
from rubberduck.custom_models.training.views import (
    BACKGROUND_SPREAD,
    SPREAD,
    Ints,
    Subject,
    View,
    views_of,
    zoomed_views,
)
from rubberduck.custom_models.trunk import Floats, Trunk, Window
from rubberduck.custom_models.zoomed_passes import SMALL

VIEWS = 8  # of a picture: plain, mirrored and six zooms
ZOOMED_VIEWS = 8  # of a picture with small boxes; others have one
ZOOMED_BACKGROUNDS = 4  # zoomed views of each background: with one, there are more false alarms
MAX_VIEWS = 2400  # of all pictures, of either kind: 185 MB; of many pictures fewer are made
MEASURED = 64  # pictures, and as many backgrounds, for the principal components
NO_BOXES = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
Report = Callable[[int, int], None]  # done, of how many


@dataclass(frozen=True)
class Embedded:
    """A picture's views as the heads see them; the first one is plain."""

    picture: TrainingPicture | None  # None: a background
    load: Callable[[], Image.Image] = field(repr=False)  # the picture, for zoomed passes
    size: tuple[int, int]
    corners: Floats  # (n, 4) of its boxes, in its pixels
    labels: Ints  # (n,) of its boxes
    shown: Floats  # (labels,), 1 where it shows the label
    examples: list[Example] = field(repr=False)  # of projects with boxes
    zoomed: list[Example] = field(repr=False)  # as zoomed passes see it
    pooled: Floats = field(repr=False)  # (views, POOLED), of projects of whole pictures
    pooled_shown: Floats = field(repr=False)  # (views, labels)


def subject_of(picture: TrainingPicture, labels: Sequence[str]) -> Subject:
    """Load a picture, and number its boxes' labels; boxes of many things at once have -1."""
    image = picture.load()
    boxes = [box for box in picture.boxes if box.label in labels]
    inside = [box.clipped(*image.size) for box in boxes]
    kept = [box for box in inside if box is not None]
    corners = np.array([[b.left, b.top, b.right, b.bottom] for b in kept], np.float32)
    numbers = np.array([-1 if b.crowd else labels.index(b.label) for b in kept], np.int64)
    return Subject.of(image, corners.reshape(-1, 4), numbers)


class Embedder:
    """Makes the views of pictures, and runs the trunk over them."""

    def __init__(self, trunk: Trunk, labels: Sequence[str], seed: int) -> None:
        self.trunk, self.labels, self.seed = trunk, list(labels), seed

    def measure(self, pictures: Sequence[TrainingPicture], report: Report) -> Projection:
        """Return the principal components of some of the pictures and some backgrounds."""
        paths = background.backgrounds()
        loads: list[Callable[[], Image.Image]] = [
            *(pictures[i].load for i in _spread(len(pictures), MEASURED)),
            *(partial(background.read, paths[i]) for i in _spread(len(paths), MEASURED)),
        ]

        def embed_one(load: Callable[[], Image.Image]) -> Floats:
            image = load()
            return self.trunk.features_in(image, Window.around(image.size)).cells

        moments = Moments()
        for cells in map_parallel(embed_one, loads, report):
            moments.add(cells)
        return moments.projection()

    def embed(
        self, pictures: Sequence[TrainingPicture], projection: Projection | None, report: Report
    ) -> list[Embedded]:
        """Return all pictures with their views; without a projection, as whole pictures."""
        count = _views_each(len(pictures), VIEWS)

        def embed_one(numbered: tuple[int, TrainingPicture]) -> Embedded:
            number, picture = numbered
            rng = np.random.default_rng((self.seed, 1, number))
            subject = subject_of(picture, self.labels)
            shown = self._row(picture.shown())
            return self._embedded(picture, picture.load, subject, shown, count, projection, rng)

        return [*map_parallel(embed_one, [*enumerate(pictures)], report)]

    def embed_backgrounds(self, projection: Projection | None, report: Report) -> list[Embedded]:
        """Return the backgrounds, one view of each."""

        def embed_one(numbered: tuple[int, Path]) -> Embedded:
            number, path = numbered
            rng = np.random.default_rng((self.seed, 2, number))
            load = partial(background.read, path)
            subject = Subject(load(), *NO_BOXES)
            return self._embedded(None, load, subject, self._row(set()), 1, projection, rng)

        return [*map_parallel(embed_one, [*enumerate(background.backgrounds())], report)]

    def embed_zoomed(
        self, embedded: Sequence[Embedded], projection: Projection, report: Report
    ) -> list[Embedded]:
        """Return the pictures with views for the head of the zoomed passes."""
        many = _views_each(sum(each.picture is not None for each in embedded), ZOOMED_VIEWS)

        def embed_one(numbered: tuple[int, Embedded]) -> Embedded:
            number, each = numbered
            rng = np.random.default_rng((self.seed, 5, number))
            if each.picture is None:
                subject, count = Subject(each.load(), *NO_BOXES), ZOOMED_BACKGROUNDS
                spread = BACKGROUND_SPREAD
            else:
                subject = subject_of(each.picture, self.labels)
                count, spread = (many if has_small(each) else 1), SPREAD
            examples = [
                self._example(view, projection)
                for view in zoomed_views(subject, count, rng, spread)
            ]
            return replace(each, zoomed=examples)

        return [*map_parallel(embed_one, [*enumerate(embedded)], report)]

    def plain(self, picture: TrainingPicture, projection: Projection | None) -> Embedded:
        """Return a picture with its plain view only."""
        rng = np.random.default_rng(self.seed)
        subject, shown = subject_of(picture, self.labels), self._row(picture.shown())
        return self._embedded(picture, picture.load, subject, shown, 1, projection, rng)

    def _embedded(  # noqa: PLR0913, PLR0917
        self,
        picture: TrainingPicture | None,
        load: Callable[[], Image.Image],
        subject: Subject,
        shown: Floats,
        count: int,
        projection: Projection | None,
        rng: np.random.Generator,
    ) -> Embedded:
        views = views_of(subject, count, rng)
        if projection is None:
            examples, pooled = [], [self.trunk.features_and_pooled(v.square)[1] for v in views]
        else:
            examples, pooled = [self._example(view, projection) for view in views], []
        return Embedded(
            picture,
            load,
            subject.image.size,
            subject.corners,
            subject.labels,
            shown,
            examples,
            [],
            np.array(pooled, np.float32),
            np.stack([self._shown_in(view, picture, shown) for view in views]),
        )

    def _example(self, view: View, projection: Projection) -> Example:
        cells = self.trunk.features(view.square).cells
        return Example(projection.apply(cells), targets_of(view))

    def _shown_in(self, view: View, picture: TrainingPicture | None, shown: Floats) -> Floats:
        if picture is None or not picture.boxes:
            return shown  # a zoom may lose what is labelled as a whole; most do not
        return self._row({self.labels[i] for i in view.labels if i >= 0})

    def _row(self, shown: set[str]) -> Floats:
        return np.array([label in shown for label in self.labels], np.float32)


def has_small(each: Embedded) -> bool:
    """Return whether a picture has a box that a zoomed pass serves."""
    extent = (each.corners[:, 2:] - each.corners[:, :2]).max(1, initial=0)
    return bool(((extent < SMALL * max(each.size)) & (each.labels >= 0)).any())


def _views_each(pictures: int, most: int) -> int:
    """Return how many views of each picture are made, so that there are not too many in all."""
    return min(max(MAX_VIEWS // max(pictures, 1), 1), most)


def _spread(count: int, most: int) -> list[int]:
    """Return at most `most` numbers below `count`, evenly spread."""
    return [int(i) for i in np.unique(np.linspace(0, count - 1, min(count, most)).round())]
