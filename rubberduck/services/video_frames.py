"""Let a detector see the frames of a video, several at once, and save what it saw in segments.

A killed analysis goes on after its last segment. What a free detector saw since then is seen again;
of one that is paid for each picture, at most the calls that were under way.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rubberduck.imaging.decode import Picture
from rubberduck.videos.errors import AnalysisOver
from rubberduck.videos.models import Sample, Segment

if TYPE_CHECKING:
    from rubberduck.core.models import Label
    from rubberduck.detectors.base import Detector
    from rubberduck.videos.reading import Frame

AT_ONCE = 2  # frames, as the worker's machine has processors
AHEAD = 2  # frames that wait for them
SEGMENT_SECONDS = 2.0  # of work between two segments
SEGMENT_SAMPLES = 250  # a row of some 50 kB


@dataclass(frozen=True)
class Pace:
    """How many frames are seen at once, how many more are held, how soon they are saved."""

    at_once: int = AT_ONCE
    ahead: int = AHEAD
    seconds: float = SEGMENT_SECONDS

    @classmethod
    def paid(cls, at_once: int) -> "Pace":
        """Return the pace of a detector that costs money: a call is begun only while fewer than
        `at_once` are not saved, so that a kill repeats no more."""
        return cls(at_once, ahead=0, seconds=0.0)


@dataclass
class _Seeing:
    frame: "Frame"
    labels: "Future[list[Label]]"


@dataclass
class FrameAnalysis:
    """Sees frames, from segment `number` on. `save` returns whether it saved a segment."""

    detector: "Detector"
    save: Callable[[Segment], bool]
    number: int = 0
    pace: Pace = Pace()
    samples: int = 0
    last_end: int | None = None  # pts at which the last frame ends
    _under_way: deque[_Seeing] = field(default_factory=deque)
    _seen: list[Sample] = field(default_factory=list)
    _saved_at: float = field(default_factory=time.monotonic)

    def run(self, frames: "Iterable[Frame]") -> "Iterator[Frame]":
        """Yield each frame when it has been seen. Raises what the detector does, and
        AnalysisOver if a segment may not be saved: another worker has the job, or it was cancelled.

        Whatever happens, what was seen without a gap is saved.
        """
        with ThreadPoolExecutor(self.pace.at_once, thread_name_prefix="detector") as pool:
            try:
                for frame in frames:
                    while len(self._under_way) >= self.pace.at_once + self.pace.ahead:
                        yield from self._take()
                    seeing = pool.submit(self.detector.labels, _picture(frame))
                    self._under_way.append(_Seeing(frame, seeing))
                while self._under_way:
                    yield from self._take()
            finally:
                for left in self._under_way:
                    left.labels.cancel()
                self._save()

    def _take(self) -> "Iterator[Frame]":
        """Wait for the oldest frame under way, and yield all that have been seen from it on."""
        self._under_way[0].labels.result()
        while self._under_way and self._under_way[0].labels.done():
            labels = self._under_way[0].labels.result()
            frame = self._under_way.popleft().frame
            self._seen.append(Sample(frame.pts, frame.seconds, tuple(labels), frame.is_cut))
            self.samples += 1
            self.last_end = frame.end_pts
            yield frame
        is_due = time.monotonic() - self._saved_at >= self.pace.seconds
        if is_due or len(self._seen) >= SEGMENT_SAMPLES:
            self._save()

    def _save(self) -> None:
        if not self._seen:
            return
        segment = Segment(self.number, self._seen[-1].pts + 1, tuple(self._seen))
        if not self.save(segment):
            raise AnalysisOver("It was cancelled, or another worker goes on with it.")
        self.number += 1
        self._seen = []
        self._saved_at = time.monotonic()


def _picture(frame: "Frame") -> Picture:
    return Picture(frame.image, frame.image.size)
