"""The nouns: a box, a label, a verdict, a result."""

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean


def percent(value: float) -> str:
    """Whole percent; what is not quite sure is never called 100%.

    >>> percent(99.7), percent(54.05)
    ('99%', '54%')
    """
    return f"{min(round(value), 99) if value < 100 else 100}%"


@dataclass(frozen=True)
class Box:
    """A place in a picture: fractions of its width and height, seen upright.

    A detector may answer with sides below 0 or past 1; `corners` cuts them off.
    """

    left: float
    top: float
    width: float
    height: float
    label: str
    confidence: float

    def corners(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels, inside a picture of `size` (width, height).

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
        """The share that two boxes have in common: intersection over union.

        >>> Box(0, 0, 1, 1, "", 0).overlap(Box(0.5, 0, 1, 1, "", 0))
        0.3333333333333333
        """
        left, right = max(self.left, other.left), min(self._right, other._right)
        if left >= right:
            return 0.0  # at once: of many boxes, most pairs lie apart
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
    """One thing a detector says is in the picture; confidence is percent."""

    name: str
    confidence: float
    boxes: tuple[Box, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Our answer: the label that spoke for each group of the question, and the groups without one.

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
    """What one detector said of one picture, and what we made of it.

    `instead_of` names the detector that should have answered, when another one stood in, and
    `instead_because` says why: "failed" or "budget-spent".
    """

    labels: tuple[Label, ...]
    verdict: Verdict
    engine: str
    fallback_for: str | None = None
    fallback_reason: str | None = None


@dataclass(frozen=True)
class Upload:
    """A picture on its way, as it is written down before anything of it is kept.

    `sha256` is of the visitor's own bytes. `owner` is a visitor's number, and `key` what a client
    calls its request, so that it can safely repeat it.
    """

    id: str
    created_at: datetime
    question: str
    picture_key: str
    sha256: str
    owner: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Result:
    """A picture that was looked at, as it is kept, with the words and the limit of its day.

    `judged_right` is what its owner says of the answer, if anything.
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

    @property
    def verdict(self) -> Verdict:
        return self.answer.verdict
