"""The data classes: box, label, verdict, answer, upload, result."""

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean


def percent(value: float) -> str:
    """Format a percentage as a whole number; only exactly 100 becomes "100%".

    >>> percent(99.7), percent(54.05)
    ('99%', '54%')
    """
    return f"{min(round(value), 99) if value < 100 else 100}%"


@dataclass(frozen=True)
class Box:
    """A rectangle in the upright picture, as fractions of its width and height.

    Detectors may return sides below 0 or above 1; `corners` clips them.
    """

    left: float
    top: float
    width: float
    height: float
    label: str
    confidence: float

    def corners(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom in pixels, clipped to `size` (width, height).

        >>> Box(-0.1, 0.25, 0.6, 0.5, "Duck", 99.0).corners((200, 100))
        (0, 25, 100, 75)
        """
        width, height = size
        return (
            _inside(self.left * width, width),
            _inside(self.top * height, height),
            _inside(self._right * width, width),
            _inside(self._bottom * height, height),
        )

    def overlap(self, other: "Box") -> float:
        """Return the intersection over union (IoU) with another box, 0 to 1.

        >>> Box(0, 0, 1, 1, "", 0).overlap(Box(0.5, 0, 1, 1, "", 0))
        0.3333333333333333
        """
        left, right = max(self.left, other.left), min(self._right, other._right)
        if left >= right:
            return 0.0  # early: most pairs of boxes do not overlap
        top, bottom = max(self.top, other.top), min(self._bottom, other._bottom)
        shared = (right - left) * max(bottom - top, 0.0)
        whole = self.width * self.height + other.width * other.height - shared
        return shared / whole if whole else 0.0

    @property
    def _right(self) -> float:
        return self.left + self.width

    @property
    def _bottom(self) -> float:
        return self.top + self.height


def _inside(place: float, length: int) -> int:
    return min(max(round(place), 0), length)


@dataclass(frozen=True)
class Label:
    """One thing that a detector found in the picture; `confidence` is in percent."""

    name: str
    confidence: float
    boxes: tuple[Box, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The outcome of the rule: the best label of each matched group, and the unmatched groups.

    >>> Verdict(matched_labels=(Label("Duck", 90.0), Label("Toy", 70.0))).score
    80.0
    """

    matched_labels: tuple[Label, ...] = ()
    unmatched_groups: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()

    @property
    def found(self) -> bool:
        return bool(self.matched_labels) and not self.unmatched_groups

    @property
    def score(self) -> float | None:
        """Percent; None when the answer is no."""
        return fmean(label.confidence for label in self.matched_labels) if self.found else None


@dataclass(frozen=True)
class Answer:
    """The labels of one detector for one picture, and the verdict on them.

    `fallback_for` names the detector that was unavailable, when a fallback answered, and
    `fallback_reason` is "failed" or "budget-spent".
    """

    labels: tuple[Label, ...]
    verdict: Verdict
    engine: str
    fallback_for: str | None = None
    fallback_reason: str | None = None
    engine_version: str | None = None


@dataclass(frozen=True)
class DrawnBox:
    """A rectangle that a visitor drew, as fractions of the upright picture's width and height."""

    left: float
    top: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Correction:
    """What a picture really shows, as the owner of its result drew it; without boxes, nothing.

    `consent`: the owner allows to use picture and boxes for training.
    """

    boxes: tuple[DrawnBox, ...]
    consent: bool
    created_at: datetime


@dataclass(frozen=True)
class Upload:
    """A picture that is being processed, as recorded before its files are stored.

    `sha256` is of the bytes as sent. `owner` is the visitor's random id, and `keys` are the hashes
    under which the client may repeat its request.
    """

    id: str
    created_at: datetime
    question: str
    picture_key: str
    sha256: str
    owner: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class PendingUpload:
    """An upload that is still being processed; its result will have the same id."""

    id: str


@dataclass(frozen=True)
class StorageLimits:
    """The bytes that may be stored: of one visitor's pictures, and of the site; None: no limit."""

    visitor: int | None = None
    site: int | None = None


NO_LIMITS = StorageLimits()


@dataclass(frozen=True)
class Result:
    """An analysed picture as stored, with the wording and threshold in force at that time.

    `is_truncated`: the end of the file was missing, but none of its pixels.
    `judged_right` is its owner's feedback on the answer, if any. `retained_from` is when it was
    last answered again: its retention counts from there. `stored_bytes` are those of its pictures;
    None of a result of code before they were counted.
    """

    id: str
    created_at: datetime
    question: str
    said: str
    min_confidence: float
    width: int
    height: int
    several_frames: bool
    picture_key: str
    marked_key: str | None
    answer: Answer
    owner: str | None = None
    judged_right: bool | None = None
    retained_from: datetime | None = None
    is_truncated: bool = False
    stored_bytes: int | None = None

    @property
    def verdict(self) -> Verdict:
        return self.answer.verdict
