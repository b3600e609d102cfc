"""Pages of what was seen in a video: every label of every sample, or stretches of time.

A token names the last entry of its page by where it is stored: rows of an analysis are only added,
so that what is read page by page neither misses an entry nor has one twice.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, Literal, TypeVar

from rubberduck.core.errors import InvalidCursor
from rubberduck.core.models import Label
from rubberduck.videos.models import Sample
from rubberduck.videos.store import Videos
from rubberduck.videos.timeline import LabelSegment

Aggregate = Literal["timestamps", "segments"]
AGGREGATES: tuple[Aggregate, ...] = ("timestamps", "segments")
NUMBER = re.compile(r"[0-9]{1,9}")
Entry = TypeVar("Entry")
# Where a sample is stored: the number of its row, and its index there.
Place = tuple[int, int]


@dataclass(frozen=True)
class LabelQuery:
    """Which page, and which labels: all, or those of one name; with at least so many percent."""

    limit: int
    token: str | None = None
    name: str | None = None
    min_confidence: float = 0.0

    def allows(self, label: Label) -> bool:
        return label.confidence >= self.min_confidence and self.name in (None, label.name)


@dataclass(frozen=True)
class SeenLabel:
    """A label of one sample; `pts` in units of the video's time base."""

    pts: int
    seconds: float
    label: Label


@dataclass(frozen=True)
class LabelPage(Generic[Entry]):
    """Some entries in the order of time, and the token of the next page, None on the last one."""

    entries: tuple[Entry, ...]
    next: str | None


def timestamps_page(videos: Videos, id: str, query: LabelQuery) -> LabelPage[SeenLabel]:
    """Return a page of the labels of samples. Raises InvalidCursor."""
    (row, index), text = _parsed("t", query.token)
    if text and not NUMBER.fullmatch(text):
        raise _invalid()
    after = int(text or -1)
    entries: list[SeenLabel] = []
    last = ""
    for place, sample in _samples(videos, id, row):
        if place < (row, index):
            continue
        start = after + 1 if place == (row, index) else 0
        for number, label in enumerate(sample.labels[start:], start):
            if not query.allows(label):
                continue
            if len(entries) == query.limit:
                return LabelPage(tuple(entries), last)
            entries.append(SeenLabel(sample.pts, sample.seconds, label))
            last = _token("t", place, number)
    return LabelPage(tuple(entries), None)


def segments_page(
    videos: Videos, id: str, query: LabelQuery, end_seconds: float
) -> LabelPage[LabelSegment]:
    """Return a page of the segments by their start, then by name. Raises InvalidCursor.

    They are those of `timeline.label_segments`, which would keep all in memory.
    """
    place, after = _parsed("s", query.token)
    page, before, seconds = _Segments(query.limit), set[str](), 0.0
    for here, sample in _samples(videos, id, _row_with_sample(videos, id, place[0])):
        seconds = sample.seconds
        labels = {label.name: label for label in sample.labels if query.allows(label)}
        page.end(page.going.keys() - labels, seconds)
        for name, label in sorted(labels.items()):
            is_earlier = name in before or (here, name) <= (place, after)
            if not page.goes_on(label) and not is_earlier:
                page.begin(here, label, seconds)
        before = set(labels)
        if page.has_more and not page.going:
            break
    page.end(set(page.going), max(end_seconds, seconds))
    return LabelPage(tuple(page.found.values()), page.next_token())


@dataclass
class _Segments:
    """The segments of a page, by where they begin; `going` has those that have not ended."""

    limit: int
    found: dict[tuple[Place, str], LabelSegment] = field(default_factory=dict)
    going: dict[str, tuple[Place, str]] = field(default_factory=dict)
    has_more: bool = False

    def begin(self, place: Place, label: Label, seconds: float) -> None:
        if len(self.found) == self.limit:
            self.has_more = True
            return
        key = self.going[label.name] = (place, label.name)
        segment = LabelSegment(label.name, seconds, seconds, label.confidence, label.parents)
        self.found[key] = segment

    def goes_on(self, label: Label) -> bool:
        key = self.going.get(label.name)
        if key is None:
            return False
        most = max(self.found[key].confidence, label.confidence)
        self.found[key] = replace(self.found[key], confidence=most)
        return True

    def end(self, names: Collection[str], seconds: float) -> None:
        for name in names:
            key = self.going.pop(name)
            self.found[key] = replace(self.found[key], end_seconds=seconds)

    def next_token(self) -> str | None:
        return _token("s", *next(reversed(self.found))) if self.has_more else None


def _samples(videos: Videos, id: str, first: int) -> Iterator[tuple[Place, Sample]]:
    for segment in videos.segments(id, first):
        for index, sample in enumerate(segment.samples):
            yield (segment.number, index), sample


def _row_with_sample(videos: Videos, id: str, row: int) -> int:
    """Return the number of the last row before `row` that has a sample; 0 without one."""
    for number in range(row - 1, -1, -1):
        segment = next(videos.segments(id, number), None)
        if segment is not None and segment.number == number and segment.samples:
            return number
    return 0


def _token(kind: str, place: Place, last: int | str) -> str:
    text = f"{kind} {place[0]} {place[1]} {last}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parsed(kind: str, token: str | None) -> tuple[Place, str]:
    """Return the place in a token, and what else it says; that of another kind is none."""
    if token is None:
        return (0, 0), ""
    try:
        text = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        found, row, index, last = text.split(" ", 3)
    except ValueError:
        raise _invalid() from None
    if found != kind or not last or not all(map(NUMBER.fullmatch, (row, index))):
        raise _invalid()
    return (int(row), int(index)), last


def _invalid() -> InvalidCursor:
    return InvalidCursor("This token is not valid. Take it from “next” of the page before.")
