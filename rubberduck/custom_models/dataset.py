"""The data set model: pictures with boxes and labels, as every format is read into it.

Boxes are pixels of the upright picture, with the origin at its top left corner; fractions of a
pixel are kept. A picture that was labelled and has neither boxes nor labels shows nothing; one
that was not labelled yet is another thing, and both survive wherever a format can tell them apart.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

# Bounds that no picture reaches, so that arithmetic never overflows.
Coordinate = Annotated[float, Field(ge=-1e9, le=1e9)]
Side = Annotated[int, Field(gt=0, le=10**9)]
SPLITS = ("train", "validation", "test")
Item = TypeVar("Item")


class InvalidDataset(Exception):
    """A file of a data set cannot be used: which, where in it, what is wrong, and what to do.

    The text also has the advice that only helps at the terminal, such as an option to give.

    >>> str(InvalidDataset("a.manifest", "line 3", "it is not JSON", "Correct it", "or leave it"))
    'a.manifest, line 3: it is not JSON. Correct it, or leave it.'
    """

    def __init__(
        self, file: object, place: str, problem: str, advice: str, at_terminal: str = ""
    ) -> None:
        self.file, self.place, self.problem, self.advice = str(file), place, problem, advice
        where = ", ".join(filter(None, (self.file, place)))
        super().__init__(f"{where}: {problem}. {', '.join(filter(None, (advice, at_terminal)))}.")


class Strict(BaseModel):
    """Base of the formats' parts: no number from a text, no NaN; unknown fields are ignored."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


def parse(adapter: TypeAdapter[Item], value: Any, file: object, place: str, advice: str) -> Item:
    """Return `value` as the adapter's type. Raises InvalidDataset that names the wrong field."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(step) for step in first["loc"])
        problem = f"{path}: {first['msg']}" if path else first["msg"]
        raise InvalidDataset(file, place, problem, advice) from None


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled rectangle in pixels; `crowd` is COCO's iscrowd: many things in one box."""

    label: str
    left: float
    top: float
    width: float
    height: float
    crowd: bool = False

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def clipped(self, width: float, height: float) -> "Box | None":
        """Return the part inside a picture of that size, or None if there is none.

        >>> Box("duck", -5, 2, 10, 10).clipped(100, 8)
        Box(label='duck', left=0, top=2, width=5, height=6, crowd=False)
        """
        left, top = max(self.left, 0), max(self.top, 0)
        wide, high = min(self.right, width) - left, min(self.bottom, height) - top
        if wide <= 0 or high <= 0:
            return None
        return Box(self.label, left, top, wide, high, self.crowd)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a data set.

    `name` is its path or s3:// address; `width` and `height` are those of the upright picture,
    None if unknown; `turn` is its Exif orientation, 1 to 8. Pictures of one `group` (a video, a
    burst) never go to two sides of a split. `labels` are of the whole picture. `place` says where
    it was read, for error messages; `file` is its picture file, if that was found, and
    `other_names` are what the file may be called instead.
    """

    name: str
    width: int | None = None
    height: int | None = None
    boxes: tuple[Box, ...] = ()
    labels: tuple[str, ...] = ()
    labelled: bool = True
    turn: int = 1
    group: str | None = None
    split: str | None = None
    place: str = field(default="", compare=False)
    file: Path | None = field(default=None, compare=False)
    other_names: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether somebody labelled it and found nothing."""
        return self.labelled and not self.boxes and not self.labels


class Report:
    """Count what a format could not carry, or what was changed, with the first place of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.places: dict[str, str] = {}

    def note(self, what: str, place: str, times: int = 1) -> None:
        if times:
            self.counts[what] += times
            self.places.setdefault(what, place)

    def lines(self) -> list[str]:
        """Return one sentence for each kind.

        >>> report = Report()
        >>> report.note("iscrowd is not kept", "a.jpg")
        >>> report.note("iscrowd is not kept", "b.jpg", 2)
        >>> report.lines()
        ['iscrowd is not kept (3 times, first: a.jpg)']
        """
        return [
            f"{what} ({'once' if count == 1 else f'{count} times'}, first: {self.places[what]})"
            for what, count in self.counts.items()
        ]


@dataclass
class Dataset:
    """A stream of pictures, read once; `labels` and `report` are complete when it has ended.

    `labels` are the declared ones in the format's order, used or not.
    """

    pictures: Iterable[Picture] = ()
    labels: list[str] = field(default_factory=list)
    report: Report = field(default_factory=Report)


class LabelNumbers:
    """Number labels from `first` on: declared ones in their order, then others as they come.

    >>> numbers = LabelNumbers(["duck"], first=1)
    >>> numbers["goose"], numbers["duck"], list(numbers)
    (2, 1, ['duck', 'goose'])
    """

    def __init__(self, labels: Iterable[str] = (), first: int = 0) -> None:
        self.first = first
        self._numbers = {label: number for number, label in enumerate(dict.fromkeys(labels), first)}

    def __getitem__(self, label: str) -> int:
        return self._numbers.setdefault(label, len(self._numbers) + self.first)

    def __iter__(self) -> Any:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, labels: Iterable[str]) -> None:
        for label in labels:
            self[label]
