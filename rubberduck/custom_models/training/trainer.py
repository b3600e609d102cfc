"""Train a model: embed the pictures, cross-validate for thresholds, fit the heads, write the file.

One recipe for all sets. docs/custom-models-figures.md has what it reaches, and what was tried.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from threadpoolctl import threadpool_limits

from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.decoding import Answer, logit
from rubberduck.custom_models.training.calibration import (
    Calibration,
    best_threshold,
    fit_calibration,
    right_boxes,
)
from rubberduck.custom_models.training.dense_head import answer_of, fit_dense
from rubberduck.custom_models.training.embedding import Embedded, Embedder
from rubberduck.custom_models.training.errors import NothingToTrain
from rubberduck.custom_models.training.export import Heads, to_onnx
from rubberduck.custom_models.training.folds import folds_of
from rubberduck.custom_models.training.network import Perceptron
from rubberduck.custom_models.training.parallel import ReportShare, run_parallel
from rubberduck.custom_models.training.picture_head import PictureHead, fit_pictures
from rubberduck.custom_models.training.pictures import TrainingPicture
from rubberduck.custom_models.training.views import ZOOM, Ints
from rubberduck.custom_models.trunk import Floats, Window, shipped_trunk
from rubberduck.custom_models.zoomed_passes import SMALL, Zoom, find_boxes
from rubberduck.scoring.curves import Scored, average_precision

log = logging.getLogger(__name__)
BOXES, PICTURES = "boxes", "pictures"  # kinds of projects
FOLDS = 3
NO_FOLD = -1  # a fold
MANY_SMALL = 0.2  # of the boxes: then zoomed passes are worth their time
ENOUGH = 10  # pictures with a label in the validation part: they alone then set its threshold
FITTING_SHARE = 0.85  # of a fold's time; the rest is asking
LEAST_GAIN = 0.0  # of average precision: zoomed passes that gain no more are left out
NO_ANSWER = -20.0  # logit where there is no box
# Of the logits, as the calibration expects them: those of boxes are nearly calibrated.
USUAL_SLOPES = {BOXES: 1.0, PICTURES: 0.25}
Progress = Callable[[float, str], None]  # percent, and what is done at the moment


@dataclass(frozen=True)
class TrainedModel:
    """A model file, and what is known of it."""

    onnx: bytes
    labels: tuple[str, ...]
    kind: str
    thresholds: dict[str, float]
    trunk_sha256: str
    seed: int
    pictures: int  # trained with
    seconds: float = 0.0


class Fitted(NamedTuple):
    """Heads: one or two for boxes, or one for whole pictures."""

    dense: Perceptron | None
    zoomed: Perceptron | None
    picture: PictureHead | None


class Answers(NamedTuple):
    """What heads that did not learn a picture say of it: its boxes, or each label of it."""

    labels: Ints  # (n,)
    logits: Floats  # (n,)
    right: npt.NDArray[np.bool_]  # (n,)


Known = list[tuple[Embedded, Answers]]  # pictures, and what heads that did not learn them say


def train(
    pictures: Sequence[TrainingPicture],
    labels: Sequence[str],
    kind: str = BOXES,
    seed: int = 0,
    progress: Progress = lambda percent, sentence: None,
) -> TrainedModel:
    """Train on the pictures of the splits "train" and "validation" in this process.

    The same pictures, seed, machine and versions give the same bytes. `progress` may raise to end
    the training: nothing is written anywhere. Raises NothingToTrain.
    """
    started = time.monotonic()
    # More threads than one a product cost four times the processor time: the products are small.
    with threadpool_limits(1):
        model = _Training(pictures, tuple(labels), kind, seed, progress).run()
    return replace(model, seconds=time.monotonic() - started)


class _Training:
    def __init__(
        self,
        pictures: Sequence[TrainingPicture],
        labels: tuple[str, ...],
        kind: str,
        seed: int,
        progress: Progress,
    ) -> None:
        self.labels, self.kind, self.seed, self.progress = labels, kind, seed, progress
        self.trunk = shipped_trunk()
        self.zooms = False
        self.learnt = [p for p in pictures if p.split == "train"]
        self.validation = [p for p in pictures if p.split == "validation"]
        self._check()

    def _check(self) -> None:
        if not self.labels:
            raise NothingToTrain("The project has no labels.")
        shown = set[str]().union(*(p.shown() for p in self.learnt))
        if self.kind == BOXES:
            shown = {box.label for p in self.learnt for box in p.boxes if not box.crowd}
        missing = [label for label in self.labels if label not in shown]
        if missing:
            raise NothingToTrain(
                "No picture for training shows {label}.", label=", ".join(missing[:5])
            )

    def run(self) -> TrainedModel:
        embedder = Embedder(self.trunk, self.labels, self.seed)
        seen = self._part(0, 5, Sentence("Looking at the pictures: {done} of {of}"))
        projection = embedder.measure(self.learnt, seen) if self.kind == BOXES else None
        self.projection = projection
        report = self._part(5, 35, Sentence("Looking at the pictures: {done} of {of}"))
        learnt = embedder.embed(self.learnt, projection, report)
        report = self._part(35, 40, Sentence("Looking at backgrounds: {done} of {of}"))
        behind = embedder.embed_backgrounds(projection, report)
        if projection and _has_small_boxes(learnt):
            self.zooms = True
            report = self._part(40, 45, Sentence("Zooming in: {done} of {of}"))
            everything = embedder.embed_zoomed(learnt + behind, projection, report)
            learnt, behind = everything[: len(learnt)], everything[len(learnt) :]
        fitted, answers = self._fit_and_validate(learnt, behind)
        zoom = self._chosen_zoom(answers) if self.zooms else None
        self.progress(96, Sentence("Choosing thresholds"))
        held_out = [embedder.plain(picture, projection) for picture in self.validation]
        checked = [(each, self._ask(fitted, each, [zoom])[zoom]) for each in held_out]
        calibrations, thresholds = self._thresholds(answers[zoom], checked)
        heads = Heads(
            self.labels,
            self.kind,
            self.seed,
            self.trunk.sha256,
            projection,
            fitted.dense,
            fitted.picture,
            calibrations,
            thresholds,
            len(self.learnt),
            fitted.zoomed if zoom else None,
        )
        self.progress(98, Sentence("Writing the model"))
        model = to_onnx(heads)
        self.progress(100, Sentence("Trained"))
        return TrainedModel(
            model,
            self.labels,
            self.kind,
            dict(zip(self.labels, thresholds, strict=True)),
            self.trunk.sha256,
            self.seed,
            len(self.learnt),
        )

    def _part(self, start: float, end: float, sentence: Sentence) -> Callable[[int, int], None]:
        def report(done: int, of: int) -> None:
            self.progress(start + (end - start) * done / of, sentence.fill(done=done, of=of))

        return report

    def _fit_and_validate(
        self, learnt: list[Embedded], behind: list[Embedded]
    ) -> tuple[Fitted, dict[Zoom | None, Known]]:
        """Return the heads, and for each zoom what heads say that did not learn a picture."""
        everything = learnt + behind
        folds, count = self._folds(everything)
        zooms = (None, ZOOM) if self.zooms else (None,)

        def fit(
            fold: int, report: ReportShare
        ) -> tuple[Fitted, dict[int, dict[Zoom | None, Answers]]]:
            """Return heads that never saw a fold, and what they say of its pictures."""
            rest = [each for each, own in zip(everything, folds, strict=True) if own != fold]
            asked = [number for number, own in enumerate(folds) if own == fold]
            fitted = self._fit(
                rest, self.seed + fold + 1, lambda share: report(FITTING_SHARE * share)
            )
            answers = {}
            for done, number in enumerate(asked, 1):
                answers[number] = self._ask(fitted, everything[number], zooms)
                report(FITTING_SHARE + (1 - FITTING_SHARE) * done / len(asked))
            return fitted, answers

        (all_fitted, _), *others = run_parallel(
            [partial(fit, fold) for fold in (NO_FOLD, *range(count))],
            lambda share: self.progress(45 + 50 * share, Sentence("Training")),
        )
        answers = {number: said for _, some in others for number, said in some.items()}
        return all_fitted, {
            zoom: [(each, answers[i][zoom]) for i, each in enumerate(everything)] for zoom in zooms
        }

    def _chosen_zoom(self, answers: dict[Zoom | None, Known]) -> Zoom | None:
        """Return ZOOM if its passes raise the average precision, else None."""
        without, zoomed = (mean_precision(answers[z], len(self.labels)) for z in (None, ZOOM))
        log.info("cross-validation average_precision=%.3f zoomed=%.3f", without, zoomed)
        return ZOOM if zoomed - without > LEAST_GAIN else None

    def _folds(self, everything: list[Embedded]) -> tuple[list[int], int]:
        """Return the fold of each picture, and how many there are."""
        groups = [_group(each, number) for number, each in enumerate(everything)]
        shown = [[int(i) for i in np.flatnonzero(each.shown)] for each in everything]
        of_learnt = len(
            {group for group, each in zip(groups, everything, strict=True) if each.picture}
        )
        count = min(FOLDS, max(of_learnt, 2))
        return folds_of(groups, shown, count, np.random.default_rng((self.seed, 4))), count

    def _fit(self, pictures: list[Embedded], seed: int, report: ReportShare) -> Fitted:
        if self.kind != BOXES:
            pooled = np.concatenate([each.pooled for each in pictures])
            shown = np.concatenate([each.pooled_shown for each in pictures])
            return Fitted(None, None, fit_pictures(pooled, shown))
        rng, labels = np.random.default_rng((seed, 3)), len(self.labels)
        whole = [example for each in pictures for example in each.examples]
        if not self.zooms:
            return Fitted(fit_dense(whole, labels, rng, report), None, None)
        dense = fit_dense(whole, labels, rng, lambda share: report(share / 2))
        close = [example for each in pictures for example in each.zoomed]
        zoomed = fit_dense(close, labels, rng, lambda share: report(0.5 + share / 2))
        return Fitted(dense, zoomed, None)

    def _ask(
        self, fitted: Fitted, each: Embedded, zooms: Sequence[Zoom | None]
    ) -> dict[Zoom | None, Answers]:
        """Return what heads say of a picture with each zoom; None is one pass alone."""
        if fitted.picture:
            logits = fitted.picture.logits(each.pooled[0])
            return dict.fromkeys(
                zooms, Answers(np.arange(len(self.labels)), logits, each.shown > 0)
            )
        dense, projection = fitted.dense, self.projection
        assert dense
        assert projection
        loaded: list[Image.Image] = []

        @cache
        def run_pass(window: Window) -> Answer:
            if window == Window.around(each.size):
                return answer_of(dense, each.examples[0].cells, len(self.labels))
            if not loaded:
                loaded.append(each.load().resize(each.size, reducing_gap=2.0))
            features = self.trunk.features_in(loaded[0], window)
            head = fitted.zoomed or dense
            return answer_of(head, projection.apply(features.cells), len(self.labels))

        def answers_with(zoom: Zoom | None) -> Answers:
            found = find_boxes(each.size, run_pass, zoom)
            right = right_boxes(found, each.corners, each.labels)
            return Answers(found.labels, logit(found.scores), right)

        return {zoom: answers_with(zoom) for zoom in zooms}

    def _thresholds(self, known: Known, checked: Known) -> tuple[list[Calibration], list[float]]:
        """Return each label's calibration and threshold, from cross-validated and held-out ones."""
        calibrations, thresholds = [], []
        for label in range(len(self.labels)):
            from_validation = sum(each.shown[label] for each, _ in checked) >= ENOUGH
            pairs = checked + [
                (each, said) for each, said in known if not (each.picture and from_validation)
            ]
            own = [said.labels == label for _, said in pairs]
            said = [pair[1].logits[mine] for pair, mine in zip(pairs, own, strict=True)]
            right = [pair[1].right[mine] for pair, mine in zip(pairs, own, strict=True)]
            slope = USUAL_SLOPES[self.kind]
            calibration = fit_calibration(np.concatenate(said), np.concatenate(right), slope)
            best = np.array([each.max(initial=NO_ANSWER) for each in said], np.float32)
            shown = np.array([each.shown[label] for each, _ in pairs], np.float32)
            calibrations.append(calibration)
            thresholds.append(best_threshold(calibration.scores(best), shown))
        return calibrations, thresholds


def mean_precision(known: Known, labels: int) -> float:
    """Return the average precision, from an overlap of a half on, as a mean over labels."""
    own, logits, right = (
        np.concatenate(column) for column in zip(*(said for _, said in known), strict=True)
    )
    truth = np.concatenate([each.labels for each, _ in known])
    precisions = []
    for label in range(labels):
        mine = np.flatnonzero(own == label)
        mine = mine[np.argsort(-logits[mine], kind="stable")]
        targets = np.array([(truth == label).sum()], np.float64)
        scored = Scored(logits[mine], right[mine], np.zeros(len(mine), np.intp), targets)
        precisions.append(float(average_precision(scored)[0]))
    return float(np.nanmean(precisions))


def _has_small_boxes(pictures: list[Embedded]) -> bool:
    """Return whether a fair share of the boxes gains by zoomed passes."""
    longest = [
        (each.corners[:, 2:] - each.corners[:, :2]).max(1) / max(each.size) for each in pictures
    ]
    return bool((np.concatenate(longest) < SMALL).mean() >= MANY_SMALL)


def _group(each: Embedded, number: int) -> object:
    if each.picture is None or each.picture.group in ("", None):
        return number
    return str(each.picture.group)
