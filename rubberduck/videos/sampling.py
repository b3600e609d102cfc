"""Choose the frames of a video that are analysed: at a rate, more where the picture changes.

What is chosen depends only on the frames of the last `warm_up` seconds, so that a reading that
begins in the middle chooses the same frames as one from the start.

Libraries looked at: PySceneDetect opens files itself (through OpenCV, which applies no limits and
turns frame numbers into times), and its detectors decide after the fact. FFmpeg's `scdet` filter
reports a photographer's flash as two cuts.
"""

from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor
from operator import mul
from typing import Generic, NamedTuple, TypeVar

from PIL import Image, ImageChops

T = TypeVar("T")
# Differences between two small pictures: the mean over pixels and colours, of 0 to 255.
CUT = 16.0  # at least this much from one frame to the next
CUT_RATIO = 3.0  # and this many times what was usual just before
USUAL_SECONDS = Fraction(1, 2)
CHANGED = 10.0  # since the regular sample: an additional one is taken half-way to the next
# A photographer's flash is over after a few frames: what returns to the picture before is no cut.
FLASH_FRAMES, FLASH_SECONDS = 3, Fraction(1, 4)
EXTRA_PER_SECOND = 3  # additional samples
VALUES = 3 * tuple(range(256))


@dataclass(frozen=True)
class Chosen(Generic[T]):
    """A frame to analyse. `is_cut`: a scene began between the one chosen before and this one."""

    seconds: Fraction
    frame: T
    is_cut: bool = False


class _Seen(NamedTuple):
    seconds: Fraction
    difference: float  # from the frame before


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean absolute difference of two RGB pictures of the same size, 0 to 255."""
    counts = ImageChops.difference(one, other).histogram()  # of each value, for each colour
    total: int = sum(map(mul, VALUES, counts))
    return total / (3 * one.width * one.height)


def warm_up(rate: Fraction) -> Fraction:
    """Return how many seconds before a moment reading must begin, to choose the same frames."""
    return 2 + 2 / rate


class Sampler(Generic[T]):
    """Chooses among frames that are added in the order of their times.

    A frame is chosen at each 1/`rate` of a second (the first one at or after that moment); at the
    start of a scene; and half-way between two regular ones if the picture has changed.
    """

    def __init__(self, rate: Fraction) -> None:
        self.rate = rate
        self._next = Fraction(0)  # seconds of the next regular sample
        self._half = Fraction(0)  # when to look for a change
        self._regular: Image.Image | None = None  # the picture of the last regular sample
        self._regular_at = Fraction(0)
        self._before: Image.Image | None = None  # of the frame before
        self._recent: deque[_Seen] = deque()
        self._candidate: _Candidate | None = None
        self._held: list[Chosen[T]] = []  # since the candidate, until it is a cut or a flash
        self._is_cut = False  # not yet told with a sample
        self._last: Chosen[T] | None = None  # if it was not chosen
        self._second, self._extra = -1, 0

    def add(self, seconds: Fraction, picture: Image.Image, frame: T) -> list[Chosen[T]]:
        """Add a frame by its small RGB picture; return the frames that are chosen by now."""
        if floor(seconds) != self._second:
            self._second, self._extra = floor(seconds), 0
        was_candidate = self._candidate is not None
        chosen = self._decided(seconds, picture)
        starts_scene = self._starts_scene(seconds, picture) and not was_candidate
        is_regular = seconds >= self._next
        if is_regular:
            self._next = (floor(seconds * self.rate) + 1) / self.rate
            self._half = self._next - 1 / (2 * self.rate)
            self._regular, self._regular_at = picture, seconds
        if is_regular or self._takes_extra(seconds, picture, starts_scene):
            self._held.append(Chosen(seconds, frame))
            self._last = None
        else:
            self._last = Chosen(seconds, frame)
        if starts_scene:
            assert self._before is not None
            self._candidate = _Candidate(seconds, self._before, difference(self._before, picture))
        self._before = picture
        return chosen + self._released()

    def end(self) -> list[Chosen[T]]:
        """Return the frames that were still held, and the last one in any case."""
        if self._candidate:
            self._candidate, self._is_cut = None, True
        if self._last:
            self._held.append(self._last)
        return self._released()

    def _decided(self, seconds: Fraction, picture: Image.Image) -> list[Chosen[T]]:
        """Decide whether the candidate is a cut; return what was held for it."""
        candidate = self._candidate
        if candidate is None:
            return []
        if difference(candidate.before, picture) < candidate.difference / 2:
            self._candidate = None  # a flash
        else:
            candidate.frames += 1
            if candidate.frames < FLASH_FRAMES and seconds - candidate.seconds < FLASH_SECONDS:
                return []
            self._candidate, self._is_cut = None, True
        return self._released()

    def _released(self) -> list[Chosen[T]]:
        if self._candidate or not self._held:
            return []
        released, self._held = self._held, []
        if self._is_cut:
            released[0], self._is_cut = replace(released[0], is_cut=True), False
        return released

    def _starts_scene(self, seconds: Fraction, picture: Image.Image) -> bool:
        """Return whether a scene may begin here, and remember the difference."""
        if self._before is None:
            return False
        while self._recent and self._recent[0].seconds < seconds - USUAL_SECONDS:
            self._recent.popleft()
        now = difference(self._before, picture)
        usual = sum(seen.difference for seen in self._recent) / max(1, len(self._recent))
        self._recent.append(_Seen(seconds, now))
        return now >= CUT and now >= CUT_RATIO * usual

    def _takes_extra(self, seconds: Fraction, picture: Image.Image, starts_scene: bool) -> bool:
        if self._extra >= EXTRA_PER_SECOND:
            return False
        takes = starts_scene
        if starts_scene:
            self._half = self._next  # the picture before is no measure any more
        if seconds >= self._half and not takes:
            assert self._regular is not None
            self._half = self._next  # one try
            # The frame of that moment may be missing: what changes evenly has changed more by now.
            halves = float(max(Fraction(1), (seconds - self._regular_at) * 2 * self.rate))
            takes = difference(self._regular, picture) >= CHANGED * halves
        self._extra += takes
        return takes


@dataclass
class _Candidate:
    """A moment at which a scene may have begun, and the picture before it."""

    seconds: Fraction
    before: Image.Image
    difference: float
    frames: int = 0
