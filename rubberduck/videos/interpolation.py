"""Where tracks are between their samples: on straight lines.

static/js/video_tracks.js does the same for the player of the page.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rubberduck.core.models import Box
from rubberduck.videos.models import Sighting, Track

# Times are rounded to milliseconds, by us and by WebM: a frame may lie a bit before its sample.
TOLERANCE = 0.002  # seconds


@dataclass(frozen=True)
class Shown:
    """A track's box at one moment. `is_seen` is False in a gap, where no sample shows it."""

    track: Track
    box: Box
    is_seen: bool


class TrackBoxes:
    """The boxes of tracks at any moment; tracks without boxes have none.

    >>> def sighting(seconds, left):
    ...     return Sighting(0, seconds, 90.0, Box(left, 0, 0.1, 0.1, "Duck", 90.0), 0.2)
    >>> seen = (sighting(1.0, 0.1), sighting(1.2, 0.3), sighting(2.2, 0.4))
    >>> boxes = TrackBoxes([Track(1, "Duck", 90.0, 1.0, 2.4, 0.6, seen[0], seen)])
    >>> [(round(each.box.left, 3), each.is_seen) for t in (1.1, 1.7, 2.3) for each in boxes.at(t)]
    [(0.2, True), (0.35, False), (0.4, True)]
    >>> boxes.at(0.9), boxes.at(2.5)
    ([], [])
    """

    def __init__(self, tracks: Iterable[Track]) -> None:
        self._by_second: dict[int, list[_Boxed]] = defaultdict(list)
        for track in tracks:
            if boxed := _boxed(track):
                for second in range(int(boxed.first), int(boxed.last) + 1):
                    self._by_second[second].append(boxed)

    def at(self, seconds: float) -> list[Shown]:
        """Return what to draw on the frame at `seconds` after the first one."""
        found = (boxed.at(seconds + TOLERANCE) for boxed in self._near(seconds))
        return [shown for shown in found if shown]

    def _near(self, seconds: float) -> "list[_Boxed]":
        return self._by_second.get(int(seconds + TOLERANCE), [])


@dataclass(frozen=True)
class _Boxed:
    """A track's sightings that have boxes, in the order of their times."""

    track: Track
    times: tuple[float, ...]
    sightings: tuple[tuple[Sighting, Box], ...]

    @property
    def first(self) -> float:
        return self.times[0]

    @property
    def last(self) -> float:
        return self.times[-1] + self.sightings[-1][0].lasts + TOLERANCE

    def at(self, seconds: float) -> Shown | None:
        index = bisect_right(self.times, seconds) - 1
        if index < 0:
            return None
        sighting, box = self.sightings[index]
        is_seen = seconds < sighting.seconds + sighting.lasts + TOLERANCE
        if index + 1 == len(self.times):
            return Shown(self.track, box, is_seen) if is_seen else None
        following, other = self.sightings[index + 1]
        passed = seconds - TOLERANCE - sighting.seconds
        share = min(max(passed / (following.seconds - sighting.seconds), 0.0), 1.0)
        return Shown(self.track, _between(box, other, share), is_seen)


def _boxed(track: Track) -> _Boxed | None:
    sightings = tuple((each, each.box) for each in track.sightings if each.box)
    times = tuple(each.seconds for each, _ in sightings)
    return _Boxed(track, times, sightings) if sightings else None


def _between(one: Box, other: Box, share: float) -> Box:
    def mix(first: float, second: float) -> float:
        return first + share * (second - first)

    return replace(
        one,
        left=mix(one.left, other.left),
        top=mix(one.top, other.top),
        width=mix(one.width, other.width),
        height=mix(one.height, other.height),
    )
