"""Train a model: embed the pictures, cross-validate for thresholds, fit the heads, write the file.

One recipe for all sets. docs/custom-models-figures.md has what it reaches, and what was tried.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from rubberduck.custom_models.decoding import Answer
from rubberduck.custom_models.looking import SMALL, find
from rubberduck.custom_models.training.calibration import (
    Calibration,
    best_threshold,
    fit_calibration,
)
from rubberduck.custom_models.training.dense_head import answer_of, fit_dense
from rubberduck.custom_models.training.embedding import Embedded, Embedder
from rubberduck.custom_models.training.errors import NothingToTrain
from rubberduck.custom_models.training.export import Heads, to_onnx
from rubberduck.custom_models.training.folds import folds_of
from rubberduck.custom_models.training.network import Perceptron
from rubberduck.custom_models.training.picture_head import PictureHead, fit_pictures
from rubberduck.custom_models.training.pictures import TrainingPicture
from rubberduck.custom_models.trunk import Floats, Window, shipped_trunk

BOXES, PICTURES = "boxes", "pictures"  # kinds of projects
FOLDS = 3
MANY_SMALL = 0.2  # of the boxes: then closer looks are worth their time
ENOUGH = 10  # pictures with a label in the validation part: they alone then set its threshold
NO_BOX = -6.0  # logit of the best box where there is none
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
    dense: Perceptron | None
    closer: Perceptron | None
    picture: PictureHead


class Evidence(NamedTuple):
    """What heads that did not learn a picture say of it: logits (labels,)."""

    best_box: Floats
    picture: Floats


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
    # More threads than one cost four times the processor time: the products are small.
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
        self.looks_closer = False
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
        seen = self._part(0, 5, "Looking at the pictures")
        self.projection = projection = embedder.measure(self.learnt, seen)
        report = self._part(5, 35, "Looking at the pictures")
        learnt = embedder.embed(self.learnt, projection, report)
        report = self._part(35, 40, "Looking at backgrounds")
        behind = embedder.embed_backgrounds(projection, report)
        self.looks_closer = self.kind == BOXES and _has_small_boxes(learnt)
        if self.looks_closer:
            report = self._part(40, 45, "Looking closer")
            everything = embedder.embed_closer(learnt + behind, projection, report)
            learnt, behind = everything[: len(learnt)], everything[len(learnt) :]
        evidence, known = self._cross_validate(learnt, behind)
        fitted = self._fit(learnt + behind, 80, 95, self.seed)
        checked = [embedder.plain(picture, projection) for picture in self.validation]
        self.progress(96, "Choosing thresholds")
        on_validation = [self._evidence(fitted, each) for each in checked]
        calibrations, thresholds = self._thresholds(known, evidence, checked, on_validation)
        heads = Heads(
            self.labels,
            self.kind,
            self.seed,
            self.trunk.sha256,
            projection if self.kind == BOXES else None,
            fitted.dense,
            fitted.picture,
            calibrations,
            thresholds,
            len(self.learnt),
            fitted.closer,
        )
        self.progress(98, "Writing the model")
        model = to_onnx(heads)
        self.progress(100, "Trained")
        return TrainedModel(
            model,
            self.labels,
            self.kind,
            dict(zip(self.labels, thresholds, strict=True)),
            self.trunk.sha256,
            self.seed,
            len(self.learnt),
        )

    def _part(self, start: float, end: float, sentence: str) -> Callable[[int, int], None]:
        def report(done: int, of: int) -> None:
            self.progress(start + (end - start) * done / of, f"{sentence}: {done} of {of}")

        return report

    def _fit(self, pictures: list[Embedded], start: float, end: float, seed: int) -> Fitted:
        pooled = np.concatenate([each.pooled for each in pictures])
        shown = np.concatenate([each.pooled_shown for each in pictures])
        picture = fit_pictures(pooled, shown)
        if self.kind != BOXES:
            return Fitted(None, None, picture)
        examples = [example for each in pictures for example in each.examples]
        rng = np.random.default_rng((seed, 3))

        part = (end - start) * (0.5 if self.looks_closer else 1)

        def report(share: float) -> None:
            self.progress(start + part * share, "Training")

        dense = fit_dense(examples, len(self.labels), rng, report)
        closer = None
        if self.looks_closer:
            examples = [example for each in pictures for example in each.closer]
            closer = fit_dense(examples, len(self.labels), rng, report)
        return Fitted(dense, closer, picture)

    def _cross_validate(
        self, learnt: list[Embedded], behind: list[Embedded]
    ) -> tuple[list[Evidence], list[Embedded]]:
        """Return what heads say that were trained without each picture, and the pictures."""
        everything = learnt + behind
        groups = [_group(each, number) for number, each in enumerate(everything)]
        shown = [[int(i) for i in np.flatnonzero(each.shown)] for each in everything]
        of_learnt = len(
            {group for group, each in zip(groups, everything, strict=True) if each.picture}
        )
        count = min(FOLDS, max(of_learnt, 2))
        folds = folds_of(groups, shown, count, np.random.default_rng((self.seed, 4)))
        evidence: dict[int, Evidence] = {}
        for fold in range(count):
            rest = [each for each, own in zip(everything, folds, strict=True) if own != fold]
            start = 45 + 35 * fold / count
            fitted = self._fit(rest, start, start + 35 / count, self.seed + fold + 1)
            for number, own in enumerate(folds):
                if own == fold:
                    evidence[number] = self._evidence(fitted, everything[number])
        return [evidence[i] for i in range(len(everything))], everything

    def _evidence(self, fitted: Fitted, each: Embedded) -> Evidence:
        picture = fitted.picture.logits(each.pooled[0])
        dense = fitted.dense
        if dense is None:
            return Evidence(np.zeros(len(self.labels), np.float32), picture)
        best = np.full(len(self.labels), NO_BOX, np.float32)
        loaded: list[Image.Image] = []

        def look(window: Window) -> Answer:
            if window == Window.around(each.size):
                return answer_of(dense, each.examples[0].cells, len(self.labels))
            if not loaded:
                loaded.append(each.load().resize(each.size, reducing_gap=2.0))
            features = self.trunk.look(loaded[0], window)
            near = fitted.closer or dense
            return answer_of(near, self.projection.apply(features.cells), len(self.labels))

        found = find(each.size, look, fitted.closer is not None)
        for label, score in zip(found.labels, found.scores, strict=True):
            best[label] = max(best[label], np.log(score / (1 - score + 1e-6)))
        return Evidence(best, picture)

    def _thresholds(
        self,
        known: list[Embedded],
        evidence: list[Evidence],
        checked: list[Embedded],
        on_validation: list[Evidence],
    ) -> tuple[list[Calibration], list[float]]:
        """Return each label's calibration and threshold."""
        calibrations, thresholds = [], []
        for label in range(len(self.labels)):
            from_validation = sum(each.shown[label] for each in checked) >= ENOUGH
            pairs = list(zip(checked, on_validation, strict=True))
            pairs += [
                (each, said)
                for each, said in zip(known, evidence, strict=True)
                if each.picture is None or not from_validation
            ]
            boxes = np.array([said.best_box[label] for _, said in pairs], np.float32)
            pictures = np.array([said.picture[label] for _, said in pairs], np.float32)
            truth = np.array([each.shown[label] for each, _ in pairs], np.float32)
            calibration = fit_calibration(boxes, pictures, truth)
            calibrations.append(calibration)
            thresholds.append(best_threshold(calibration.scores(boxes, pictures), truth))
        return calibrations, thresholds


def _has_small_boxes(pictures: list[Embedded]) -> bool:
    """Return whether a fair share of the boxes gains by a closer look."""
    longest = [
        (each.corners[:, 2:] - each.corners[:, :2]).max(1) / max(each.size) for each in pictures
    ]
    return bool((np.concatenate(longest) < SMALL).mean() >= MANY_SMALL)


def _group(each: Embedded, number: int) -> object:
    if each.picture is None or each.picture.group in ("", None):
        return number
    return str(each.picture.group)
