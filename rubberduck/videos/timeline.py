"""What the samples of a video say, at any threshold: the verdict, shares of time, segments, places.

Pure functions: what a detector saw is stored, and what it means is made from it each time.
A sample holds until the next one, the last one until the end of the video.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from rubberduck.core.models import Box, Label
from rubberduck.core.outlines import merge_boxes
from rubberduck.core.rules import Question, judge
from rubberduck.videos.models import Sample, Sighting, Track, VideoVerdict
from rubberduck.videos.tracking import MAX_GAP, Detection, Observation, follow, track_score

MINUTE = 60.0  # seconds
SAME_OBJECT_IOU = 0.5  # boxes of two labels that overlap as much are of one object


def judge_video(
    question: Question,
    samples: Iterable[Sample],
    min_confidence: float | None = None,
    end_seconds: float | None = None,
) -> VideoVerdict:
    """Return whether any object reaches the question's rule, and all that do.

    `min_confidence` in percent replaces the question's own threshold. The score of a track is the
    median of its scores, padded to three: a single sample is not believed. Samples that satisfy
    the rule without a box count as runs, unless a track with boxes is near.
    """
    threshold = question.min_confidence if min_confidence is None else min_confidence
    asked = replace(question, min_confidence=threshold)
    seen = [(held, _Judged.of(asked, held.sample)) for held in _held(samples, end_seconds)]
    boxed = [track for track in follow(_observations(seen)) if _counts(track, threshold)]
    unboxed = [track for track in _runs(asked, seen, boxed) if _counts(track, threshold)]
    found = sorted([*boxed, *unboxed], key=lambda track: track.first_seconds)
    tracks = tuple(replace(track, id=number) for number, track in enumerate(found, 1))
    score = max((track.score for track in tracks), default=None)
    return VideoVerdict(bool(tracks), score, tracks)


def _counts(track: Track, threshold: float) -> bool:
    return track.score > 0 and track.score >= threshold


@dataclass(frozen=True)
class _Held:
    """A sample and how long it holds, in seconds."""

    sample: Sample
    lasts: float


def _held(samples: Iterable[Sample], end_seconds: float | None) -> Iterator[_Held]:
    before: Sample | None = None
    for sample in samples:
        if before is not None:
            yield _Held(before, max(0.0, sample.seconds - before.seconds))
        before = sample
    if before is not None:
        yield _Held(before, max(0.0, (end_seconds or 0.0) - before.seconds))


@dataclass(frozen=True)
class _Judged:
    """The rule's answer for a sample: whether it is a yes, its score, and its objects."""

    is_match: bool
    score: float
    label: str
    objects: tuple[Detection, ...]

    @classmethod
    def of(cls, question: Question, sample: Sample) -> "_Judged":
        verdict = judge(question, sample.labels)
        objects = tuple(_objects(question, sample.labels, is_match=verdict.found))
        best = max(verdict.matched_labels, key=lambda label: label.confidence, default=None)
        name = question.thing or (best.name if best else "")
        return cls(verdict.found, verdict.score or 0.0, name, objects)


def _objects(question: Question, labels: Sequence[Label], *, is_match: bool) -> Iterator[Detection]:
    """Yield the objects in a sample: the rule is applied to each of them.

    For each group the best of its boxes on the object counts; if it has none there, its label.
    """
    boxes = [box for label in labels if label.name in question.boxes.labels for box in label.boxes]
    if not boxes:
        return
    groups = [group for group in question.groups if not group.none_of]
    everywhere = {label.name: label for label in labels}
    for merged in merge_boxes(boxes, question.thing):
        here = _on_object(labels, merged)
        scores = []
        for group in groups:
            best = group.best_label(here) or group.best_label(everywhere)
            scores.append(best.confidence if best else 0.0)
        is_strong = is_match and min(scores) >= question.min_confidence
        box = replace(merged, label=question.thing or merged.label)
        yield Detection(box, fmean(scores), is_strong)


def _on_object(labels: Sequence[Label], box: Box) -> dict[str, Label]:
    """Return the labels that have a box on an object, each as sure as its best one there."""
    found = {}
    for label in labels:
        scores = [each.confidence for each in label.boxes if each.overlap(box) >= SAME_OBJECT_IOU]
        if scores:
            found[label.name] = Label(label.name, max(scores))
    return found


def _observations(seen: Iterable[tuple[_Held, _Judged]]) -> Iterator[Observation]:
    for held, judged in seen:
        sample = held.sample
        yield Observation(
            sample.pts, sample.seconds, held.lasts, judged.objects, is_cut=sample.is_cut
        )


def _runs(
    question: Question, seen: Sequence[tuple[_Held, _Judged]], boxed: Sequence[Track]
) -> Iterator[Track]:
    """Yield runs of samples that satisfy the rule without any box, away from tracks with boxes."""
    run: list[Sighting] = []
    label = ""
    for held, judged in seen:
        sample = held.sample
        is_sighting = judged.is_match and not any(each.is_strong for each in judged.objects)
        if run and (sample.is_cut or sample.seconds - run[-1].seconds > MAX_GAP):
            yield from _run(run, label, boxed)
            run = []
        if is_sighting:
            label = judged.label if not run else label
            run.append(Sighting(sample.pts, sample.seconds, judged.score, None, held.lasts))
    if run:
        yield from _run(run, label, boxed)


def _run(run: list[Sighting], label: str, boxed: Sequence[Track]) -> Iterator[Track]:
    first, last = run[0].seconds, run[-1].seconds
    if any(
        track.first_seconds <= last + MAX_GAP and first <= track.last_seconds + MAX_GAP
        for track in boxed
    ):
        return
    yield Track(
        id=0,
        label=label,
        score=track_score(sighting.score for sighting in run),
        first_seconds=first,
        last_seconds=last,
        seen_seconds=sum(sighting.lasts for sighting in run),
        best=max(run, key=lambda sighting: sighting.score),
        sightings=tuple(run),
    )


@dataclass(frozen=True)
class Share:
    """The share of a stretch of time, 0 to 1, in which each label was seen; times in seconds."""

    start_seconds: float
    end_seconds: float
    labels: Mapping[str, float]


@dataclass(frozen=True)
class Shares:
    """The shares of all of the video, and of each of its minutes."""

    overall: Share
    minutes: tuple[Share, ...]


def label_shares(
    samples: Iterable[Sample], end_seconds: float, min_confidence: float = 0.0
) -> Shares:
    """Return how much of the time each label was seen with at least so many percent."""
    by_minute: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for held in _held(samples, end_seconds):
        names = {each.name for each in held.sample.labels if each.confidence >= min_confidence}
        for minute, seconds in _split(held.sample.seconds, held.lasts):
            for name in names:
                by_minute[minute][name] += seconds
    totals: dict[str, float] = defaultdict(float)
    for found in by_minute.values():
        for name, seconds in found.items():
            totals[name] += seconds
    count = max(1, -int(-end_seconds // MINUTE))
    minutes = tuple(
        _share(minute * MINUTE, min((minute + 1) * MINUTE, end_seconds), by_minute[minute])
        for minute in range(count)
    )
    return Shares(_share(0.0, end_seconds, totals), minutes)


def _split(start: float, lasts: float) -> Iterator[tuple[int, float]]:
    """Yield the minutes that a stretch of time touches, with its seconds in each."""
    end = start + lasts
    for minute in range(int(start // MINUTE), int(end // MINUTE) + 1):
        seconds = min(end, (minute + 1) * MINUTE) - max(start, minute * MINUTE)
        if seconds > 0:
            yield minute, seconds


def _share(start: float, end: float, seconds: Mapping[str, float]) -> Share:
    whole = end - start
    shares = {name: min(1.0, each / whole) for name, each in seconds.items()} if whole > 0 else {}
    return Share(start, end, dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))))


@dataclass(frozen=True)
class LabelSegment:
    """A stretch of time in which a label was seen without a gap; `confidence` is the highest."""

    label: str
    start_seconds: float
    end_seconds: float
    confidence: float
    parents: tuple[str, ...] = ()


def label_segments(
    samples: Iterable[Sample], end_seconds: float, min_confidence: float = 0.0
) -> tuple[LabelSegment, ...]:
    """Return the segments of each label, by start and name.

    A segment begins with the first sample that has the label, and ends with the next one that has
    not: both are right within the time between two samples.
    """
    found = iter_label_segments(samples, end_seconds, min_confidence)
    return tuple(sorted(found, key=lambda each: (each.start_seconds, each.label)))


def iter_label_segments(
    samples: Iterable[Sample], end_seconds: float, min_confidence: float = 0.0
) -> Iterator[LabelSegment]:
    """Yield the segments of each label, by their ends."""
    going: dict[str, LabelSegment] = {}
    for held in _held(samples, end_seconds):
        start = held.sample.seconds
        labels = [each for each in held.sample.labels if each.confidence >= min_confidence]
        names = {label.name for label in labels}
        yield from [going.pop(name) for name in list(going) if name not in names]
        for label in labels:
            known = going.get(label.name) or LabelSegment(
                label.name, start, start, label.confidence, label.parents
            )
            going[label.name] = replace(
                known,
                end_seconds=start + held.lasts,
                confidence=max(known.confidence, label.confidence),
            )
    yield from going.values()


def heat_map(
    tracks: Iterable[Track], columns: int = 32, rows: int = 18
) -> tuple[tuple[float, ...], ...]:
    """Return for each cell of the picture, by rows, the seconds in which an object covered it."""
    # Corners of each box change the sums of all cells below and right of them: four changes a box.
    changes = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for track in tracks:
        for sighting in track.sightings:
            if sighting.box is None or sighting.lasts <= 0:
                continue
            left, top, right, bottom = sighting.box.corners((columns, rows))
            left, top = min(left, columns - 1), min(top, rows - 1)
            right, bottom = max(right, left + 1), max(bottom, top + 1)
            changes[top][left] += sighting.lasts
            changes[top][right] -= sighting.lasts
            changes[bottom][left] -= sighting.lasts
            changes[bottom][right] += sighting.lasts
    return _summed(changes, columns, rows)


def _summed(changes: list[list[float]], columns: int, rows: int) -> tuple[tuple[float, ...], ...]:
    above = [0.0] * columns
    result = []
    for row in changes[:rows]:
        total = 0.0
        here = []
        for column in range(columns):
            total += row[column]
            here.append(above[column] + total)
        above = here
        result.append(tuple(max(0.0, round(value, 6)) for value in here))
    return tuple(result)
