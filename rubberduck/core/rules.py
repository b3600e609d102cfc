"""The rule: which labels make a yes. A question is data; the rubber duck is the default one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, Strict

from rubberduck.core.models import Label, Verdict

Percent = Annotated[float, Strict(), Field(ge=0, le=100)]
# Something to read: PostgreSQL takes no NUL, and a title of blanks is none.
Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$")]
Names = tuple[Words, ...]
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Group:
    """Labels of which one (`any_of`) or every one (`all_of`) must be seen."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Words
    any_of: Names = ()
    all_of: Names = ()

    def __post_init__(self) -> None:
        if bool(self.any_of) == bool(self.all_of):
            raise ValueError("give either any_of or all_of, with at least one label")

    def speaker(self, seen: Mapping[str, Label]) -> Label | None:
        """The label that speaks for the group: the surest of any, or the least sure of all."""
        found = [seen[name] for name in self.any_of or self.all_of if name in seen]
        if self.any_of:
            return max(found, key=_confidence, default=None)
        return min(found, key=_confidence) if len(found) == len(self.all_of) else None


@dataclass(frozen=True)
class BoxRule:
    """Which labels' boxes are shown: these, when the label is surer than `above` percent."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    labels: Names = ()
    above: Percent = 50.0


@dataclass(frozen=True)
class Remark:
    """What to say besides a no, when all these labels were seen."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    says: Words
    all_of: Annotated[Names, Field(min_length=1)]


@dataclass(frozen=True)
class Sample:
    """A picture to try: static/samples/<file>.jpg, with a smaller <file>-small.jpg."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    file: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    shows: Words


@dataclass(frozen=True)
class Question:
    """What is asked. A label below `min_confidence` percent does not count at all.

    `live_yes` and `live_no` are for the moving picture of a camera, else `yes` and `no`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    title: Words
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    yes: Words = "Yes!"
    no: Words = "No."
    boxes: BoxRule = BoxRule()
    min_confidence: Percent = 35.0
    remarks: tuple[Remark, ...] = ()
    live_yes: Words | None = None
    live_no: Words | None = None
    logo: Literal["duck", "lens"] = "lens"
    samples: tuple[Sample, ...] = ()

    def remark(self, labels: Iterable[Label], min_confidence: float) -> str | None:
        """The first remark that fits the labels of a no, judged with that day's threshold."""
        seen = {label.name for label in labels if label.confidence >= min_confidence}
        fitting = (remark.says for remark in self.remarks if seen.issuperset(remark.all_of))
        return next(fitting, None)

    def is_answerable_with(self, words: Iterable[str]) -> bool:
        """Could a detector that knows only these labels ever make this a yes?"""
        known = frozenset(words)
        return all(
            known.issuperset(group.all_of) if group.all_of else not known.isdisjoint(group.any_of)
            for group in self.groups
        )


RUBBER_DUCK = Question(
    title="Is there a rubber duck in this image?",
    yes="Rubber duck detected! :))",
    no="No rubber duck detected :(",
    groups=(
        Group("a bird", any_of=("Duck", "Bird")),
        Group("a toy", any_of=("Toy", "Inflatable")),
    ),
    boxes=BoxRule(("Toy", "Bird", "Duck", "Inflatable", "Helmet"), above=50.0),
    remarks=(
        Remark("That is a real duck.", all_of=("Duck", "Bird")),
        Remark("That is a toy, but no bird.", all_of=("Toy",)),
    ),
    live_yes="Rubber duck detected! :)",
    live_no="No rubber duck detected.",
    logo="duck",
    samples=(
        Sample("easy", "An easy one"),
        Sample("many", "A whole flock"),
        Sample("costume", "Dressed up"),
        Sample("road", "On the road"),
        Sample("hard", "A hard one"),
        Sample("real", "A real duck"),
        Sample("none", "No duck at all"),
    ),
)


def judge(question: Question, labels: Iterable[Label]) -> Verdict:
    """A yes needs a label for every group; the score is the mean of those that spoke."""
    counted = sorted(
        (label for label in labels if label.confidence >= question.min_confidence),
        key=_confidence,
        reverse=True,
    )
    seen = {label.name: label for label in reversed(counted)}
    speakers = [(group.name, group.speaker(seen)) for group in question.groups]
    because = tuple(label for _, label in speakers if label is not None)
    missing = tuple(name for name, label in speakers if label is None)
    if missing:
        return Verdict(because, missing)
    boxes = tuple(
        box
        for label in counted
        if label.name in question.boxes.labels and label.confidence > question.boxes.above
        for box in label.boxes
    )
    return Verdict(because, missing, boxes)


def _confidence(label: Label) -> float:
    return label.confidence
