"""Which frames are asked for money, and what Rekognition Video says as samples and people."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice, pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from rubberduck.videos.models import Sample, VideoInfo

if TYPE_CHECKING:
    from rubberduck.aws.video import TimedCelebrity, TimedLabel
    from rubberduck.core.models import Label
    from rubberduck.videos.reading import Frame

    Moment = tuple[float, tuple[Label, ...]]  # seconds, what was seen

USUAL_STEP = 0.5  # seconds between the moments that Rekognition Video looks at
FIRST_MOMENTS = 200  # by which the step is found out
SAME_SIGHTING = 2.0  # seconds between two moments of one sighting
LONGEST_STEP = 2.0  # seconds; with hardly any label, moments are far apart


def chosen_frames(
    frames: "Iterable[Frame]", rate: float, last_seconds: float | None = None
) -> "Iterator[Frame]":
    """Yield the first frame of each 1/`rate` of a second, and those at cuts: no others are paid.

    `last_seconds` is the time of the last one that was asked, when the reading goes on there.
    """
    last = -1 if last_seconds is None else _cell(last_seconds, rate)
    for frame in frames:
        cell = _cell(frame.seconds, rate)
        if cell > last or frame.is_cut:
            last = cell
            yield frame


def _cell(seconds: float, rate: float) -> int:
    return math.floor(round(seconds * rate, 6))


def samples_of(
    labels: "Iterable[TimedLabel]", info: VideoInfo, cuts: Sequence[float] = ()
) -> Iterator[Sample]:
    """Yield a sample for each moment that Rekognition Video looked at, to the video's end.

    The service lists moments with a label only. How often it looks it does not say, so that the
    usual distance of the first moments is taken to find those at which nothing was seen. `cuts`
    are the seconds at which scenes begin, which it does not say either.
    """
    before = -math.inf
    for seconds, found in _filled(labels, info.seconds):
        is_cut = bisect_right(cuts, before) < bisect_right(cuts, seconds)
        pts = info.start_pts + round(seconds / info.time_base)
        yield Sample(pts, seconds, found, is_cut)
        before = seconds


def _filled(labels: "Iterable[TimedLabel]", end: float) -> "Iterator[Moment]":
    """Yield all moments with their labels, also those without one."""
    listed = (
        (seconds, tuple(each.label for each in found))
        for seconds, found in groupby(labels, key=lambda each: each.seconds)
    )
    first = list(islice(listed, FIRST_MOMENTS))
    step = _usual_step([seconds for seconds, _ in first])
    before = -step
    for seconds, found in chain(first, listed):
        yield from _missing(before, seconds, step)
        yield seconds, found
        before = seconds
    yield from _missing(before, end, step)


def _usual_step(times: Sequence[float]) -> float:
    distances = [after - before for before, after in pairwise(times)]
    step = median(distances) if distances else USUAL_STEP
    return step if 0 < step <= LONGEST_STEP else USUAL_STEP


def _missing(after: float, until: float, step: float) -> "Iterator[Moment]":
    """Yield the moments between two others, if they are more than one and a half steps apart."""
    number = 1
    while until - (after + number * step) > step / 2:
        yield after + number * step, ()
        number += 1


def people_of(celebrities: "Iterable[TimedCelebrity]") -> list[dict[str, Any]]:
    """Return each celebrity once, in the order of their first moments, as JSON can hold them.

    `times` are starts and ends in seconds of sightings; `confidence` is the highest, in percent.
    """
    people: dict[str, dict[str, Any]] = {}
    for each in celebrities:
        new = {"id": each.id, "name": each.name, "urls": list(each.urls)}
        person = people.setdefault(each.id, {**new, "confidence": 0.0, "times": []})
        person["confidence"] = max(person["confidence"], each.confidence)
        times = person["times"]
        if times and each.seconds - times[-1][1] <= SAME_SIGHTING:
            times[-1][1] = each.seconds
        else:
            times.append([each.seconds, each.seconds])
    return list(people.values())
