"""What a video's page shows at a threshold and for a label, judged from the stored samples.

Pure functions: a filter needs no new analysis, and stores nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rubberduck.core.rules import BoxRule, Group, Question
from rubberduck.videos.models import Sample, Track, Video, VideoVerdict
from rubberduck.videos.timeline import MINUTE, judge_video, label_shares

BRIDGED = 1.0  # seconds: a shorter pause between two sightings is not told
TOLERANCE = 0.001  # seconds between the end of a sample and the start of the next


@dataclass(frozen=True)
class Stretch:
    """A stretch of time without a pause, in seconds after the first frame."""

    start: float
    end: float


@dataclass(frozen=True)
class SeenTime:
    """The share of the time in which a label was seen, 0 to 1: of all, and of each minute."""

    name: str
    overall: float
    minutes: tuple[float, ...]


@dataclass(frozen=True)
class VideoReport:
    """The verdict at `min_confidence` percent on the video's question, or on `label` alone.

    `question` is what was judged; None if the site does not offer it any more: then nothing was.
    `when`: when anything that counts was seen, without short pauses; `yes`: how much of the time.
    `labels`: how much of the time each label was seen, most of it first; `label_names`: of all that
    were seen with any confidence.
    """

    seconds: float
    question: Question | None
    label: str | None
    min_confidence: float
    verdict: VideoVerdict
    when: tuple[Stretch, ...]
    yes: SeenTime
    labels: tuple[SeenTime, ...]
    label_names: tuple[str, ...]

    @property
    def seen_seconds(self) -> float:
        return self.yes.overall * self.seconds

    def name_of(self, track: Track) -> str:
        """Return a track's label, with its number if there are several tracks."""
        return f"{track.label} {track.id}" if len(self.verdict.tracks) > 1 else track.label


def make_report(
    video: Video,
    question: Question | None,
    samples: Sequence[Sample],
    *,
    min_confidence: float | None = None,
    label: str | None = None,
) -> VideoReport:
    """Judge the samples of a video; `question` is its own, and `label` replaces it."""
    threshold = video.min_confidence if min_confidence is None else min_confidence
    seconds = video.info.seconds if video.info else 0.0
    names = tuple(sorted({each.name for sample in samples for each in sample.labels}))
    asked = question_about(label) if label else question or _question_of_model(video, names)
    verdict = VideoVerdict(False, None, ())
    if asked is not None:
        verdict = judge_video(asked, samples, threshold, seconds)
    seen = joined(each for track in verdict.tracks for each in stretches(track))
    shares = label_shares(samples, seconds, threshold)
    shown = [name for name in shares.overall.labels if label in (None, name)]
    return VideoReport(
        seconds=seconds,
        question=asked,
        label=label,
        min_confidence=threshold,
        verdict=verdict,
        when=joined(seen, BRIDGED),
        yes=_seen_time(asked.thing or asked.title if asked else "", seen, seconds),
        labels=tuple(
            SeenTime(
                name,
                shares.overall.labels[name],
                tuple(minute.labels.get(name, 0.0) for minute in shares.minutes),
            )
            for name in shown
        ),
        label_names=names,
    )


def question_about(label: str) -> Question:
    """Return the question whether one label is seen."""
    return Question(label, (Group(label, any_of=(label,)),), boxes=BoxRule((label,), above=0.0))


def _question_of_model(video: Video, names: tuple[str, ...]) -> Question | None:
    """Return what a model answers that is not offered at the moment: is there any of its labels?"""
    if video.model is None or not names:
        return None
    groups = (Group(video.question, any_of=names),)
    return Question(video.question, groups, boxes=BoxRule(names, above=0.0), min_confidence=0.0)


def stretches(track: Track) -> tuple[Stretch, ...]:
    """Return when a track was seen: its sightings, those side by side joined."""
    return joined(Stretch(each.seconds, each.seconds + each.lasts) for each in track.sightings)


def joined(found: Iterable[Stretch], bridged: float = TOLERANCE) -> tuple[Stretch, ...]:
    """Return the stretches in the order of time, with pauses of at most `bridged` seconds closed.

    >>> joined([Stretch(4, 5), Stretch(0, 1), Stretch(0.5, 2)])
    (Stretch(start=0, end=2), Stretch(start=4, end=5))
    >>> joined([Stretch(0, 1), Stretch(1.8, 3)], bridged=1.0)
    (Stretch(start=0, end=3),)
    """
    result: list[Stretch] = []
    for each in sorted(found, key=lambda stretch: stretch.start):
        if result and each.start <= result[-1].end + bridged:
            result[-1] = Stretch(result[-1].start, max(result[-1].end, each.end))
        else:
            result.append(each)
    return tuple(result)


def _seen_time(name: str, seen: Iterable[Stretch], seconds: float) -> SeenTime:
    minutes = [0.0] * max(1, -int(-seconds // MINUTE))
    for stretch in seen:
        for number in range(int(stretch.start // MINUTE), len(minutes)):
            begin, end = number * MINUTE, (number + 1) * MINUTE
            if begin >= stretch.end:
                break
            minutes[number] += min(stretch.end, end) - max(stretch.start, begin)
    lengths = [min(seconds - number * MINUTE, MINUTE) for number in range(len(minutes))]
    shares = (
        min(1.0, each / of) if of > 0 else 0.0 for each, of in zip(minutes, lengths, strict=True)
    )
    return SeenTime(name, min(1.0, sum(minutes) / seconds) if seconds else 0.0, tuple(shares))
