"""Follow objects through the samples of a video: their boxes, with speed, over gaps.

At five samples a second the boxes of a moving object may not overlap, so what is compared is the
place where its speed leads. A cut ends all tracks.

Libraries looked at: supervision no longer has ByteTrack; norfair needs numpy below 2; motpy is of
2021; trackers brings OpenCV and supervision (400 MB) and returns its rows in another order. All
count frames, not seconds, while the samples of a video lie at irregular times.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from rubberduck.core.models import Box
from rubberduck.videos.camera import camera_shift
from rubberduck.videos.hypotheses import MAX_GAP, Hypotheses, Node
from rubberduck.videos.models import Sighting, Track
from rubberduck.videos.motion import Spot
from rubberduck.videos.track_ends import without_false_ends

__all__ = ["MAX_GAP", "Detection", "Observation", "follow", "track_score"]
MIN_SIGHTINGS = 3  # of a track's scores, missing ones are 0: a single one is not believed


@dataclass(frozen=True)
class Detection:
    """One object in one sample; `score` in percent. A weak one only continues a track."""

    box: Box
    score: float
    is_strong: bool = True


@dataclass(frozen=True)
class Observation:
    """What was found in one sample, which lasts until the next one; times in seconds."""

    pts: int
    seconds: float
    lasts: float
    detections: tuple[Detection, ...]
    is_cut: bool = False


def track_score(scores: Iterable[float]) -> float:
    """Return the median of a track's scores, padded with zeros to three.

    >>> track_score([90.0]), track_score([90.0, 80.0]), track_score([90.0, 10.0, 80.0])
    (0.0, 80.0, 80.0)
    """
    found = list(scores)
    return median(found + [0.0] * (MIN_SIGHTINGS - len(found)))


def follow(observations: Iterable[Observation]) -> tuple[Track, ...]:
    """Return the tracks of all objects, by the time at which each was first seen."""
    tracks: list[list[_Seen]] = []
    scene = _Scene()
    for now in observations:
        if now.is_cut:
            tracks += scene.tracks()
            scene = _Scene()
        scene.add(now)
    tracks += scene.tracks()
    tracks.sort(key=lambda seen: seen[0][0].seconds)
    return tuple(_track(number, seen) for number, seen in enumerate(tracks, 1))


_Seen = tuple[Observation, Detection]


@dataclass
class _Scene:
    """From one cut to the next. `camera`: how far it has moved, in widths and heights."""

    hypotheses: Hypotheses = field(default_factory=Hypotheses)
    samples: list[Observation] = field(default_factory=list)
    camera: tuple[float, float] = (0.0, 0.0)

    def add(self, now: Observation) -> None:
        boxes = list(enumerate(now.detections))
        spots = [Spot.of(each.box, self.camera) for _, each in boxes if each.is_strong]
        shift = camera_shift(self.hypotheses.expected(now.seconds), spots)
        self.camera = self.camera[0] + shift[0], self.camera[1] + shift[1]
        strong = {n: Spot.of(each.box, self.camera) for n, each in boxes if each.is_strong}
        weak = {n: Spot.of(each.box, self.camera) for n, each in boxes if not each.is_strong}
        self.hypotheses.add(len(self.samples), now.seconds, strong, weak)
        self.samples.append(now)

    def tracks(self) -> list[list[_Seen]]:
        """Return what was seen of each object, by the best hypothesis."""
        paths = [newest.path() for newest in self.hypotheses.known[0].tracks()]
        return [[self._seen(node) for node in path] for path in without_false_ends(paths)]

    def _seen(self, node: Node) -> _Seen:
        sample = self.samples[node.sample]
        return sample, sample.detections[node.box]


def _track(number: int, seen: list[_Seen]) -> Track:
    last = max(now.seconds for now, each in seen if each.is_strong)
    whole = [(now, each) for now, each in seen if now.seconds <= last]
    sightings = [
        Sighting(now.pts, now.seconds, each.score, each.box, now.lasts) for now, each in whole
    ]
    strong = [
        sighting for sighting, (_, each) in zip(sightings, whole, strict=True) if each.is_strong
    ]
    labels = [each.box.label for _, each in whole if each.is_strong]
    return Track(
        id=number,
        label=max(dict.fromkeys(labels), key=labels.count),
        score=track_score(sighting.score for sighting in strong),
        first_seconds=sightings[0].seconds,
        last_seconds=last,
        seen_seconds=sum(sighting.lasts for sighting in sightings),
        best=max(strong, key=_quality),
        sightings=tuple(sightings),
    )


def _quality(sighting: Sighting) -> float:
    """Return how good a picture of the object it is: sure, large, and not cut by the edge."""
    box = sighting.box
    if box is None:
        return sighting.score
    edge = min(box.left, box.top, 1 - box.left - box.width, 1 - box.top - box.height)
    size = math.sqrt(box.width * box.height)
    return sighting.score + 10 * size - (20 if edge < 0.005 else 0)
