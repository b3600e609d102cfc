"""The figures of a version of a model, as they are kept, shown and compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from rubberduck.scoring.curves import Bin, CurvePoint
from rubberduck.scoring.intervals import Interval
from rubberduck.scoring.matching import Mistake

ENOUGH = 10  # pictures; figures of fewer mean nothing
BOXES, PICTURES = "boxes", "pictures"
# Where the thresholds come from. The service picks them on the test pictures, so its F1 flatters.
ThresholdSource = Literal["validation", "cross-validation", "test"]


@dataclass(frozen=True)
class Figures:
    """Figures of one label, or of all together; None if undefined. Counts are boxes or pictures.

    `pictures` counts the test pictures that have the label. `intervals` are of 95 %, by figure.
    """

    pictures: int
    right: int | None
    false: int | None
    missed: int | None
    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None = None
    auc: float | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def is_enough(self) -> bool:
        """Whether there are enough pictures for the figures to mean anything."""
        return self.pictures >= ENOUGH


@dataclass(frozen=True)
class LabelFigures:
    """A label at its threshold (0 to 1); `by_picture` asks only whether it is in the picture."""

    label: str
    threshold: float
    figures: Figures
    by_picture: Figures | None = None
    curve: tuple[CurvePoint, ...] = ()


@dataclass(frozen=True)
class Cell:
    """Of the confusion matrix: `truth` was taken for `said`; "" is the background."""

    truth: str
    said: str
    value: float


@dataclass(frozen=True)
class Matrix:
    """`values` are counts, or shares of the truth's pictures where only the service knows."""

    labels: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    are_shares: bool = False

    def value(self, truth: str, said: str) -> float:
        return next((c.value for c in self.cells if (c.truth, c.said) == (truth, said)), 0)


@dataclass(frozen=True)
class Tested:
    """What was counted in one picture, to compare versions: right, false, missed of all labels."""

    picture: str
    group: str
    revision: int
    right: int
    false: int
    missed: int


@dataclass(frozen=True)
class Evaluation:
    """The figures of a version.

    `overall` adds up all labels; `mean` is the mean of the labels, as the service reports it.
    """

    kind: str
    thresholds_from: ThresholdSource
    pictures: int  # of the test
    groups: int
    trained: int
    validated: int
    overall: Figures
    mean: Figures
    labels: tuple[LabelFigures, ...]
    matrix: Matrix = field(default_factory=Matrix)
    calibration: tuple[Bin, ...] = ()
    mistake_counts: Mapping[str, int] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    tested: tuple[Tested, ...] = ()
    seed: int = 0

    @property
    def is_enough(self) -> bool:
        return self.pictures >= ENOUGH

    @property
    def has_small_labels(self) -> bool:
        """Whether some label has too few pictures, so that the mean is not what it seems."""
        return not all(one.figures.is_enough for one in self.labels)

    def to_json(self) -> Any:
        """Return what JSON can hold, to be stored with the version."""
        return ADAPTER.dump_python(self, mode="json")

    @classmethod
    def from_json(cls, value: Any) -> "Evaluation":
        """Return the stored evaluation. Raises pydantic.ValidationError for anything else."""
        return ADAPTER.validate_python(value)


ADAPTER = TypeAdapter(Evaluation)
