"""The rule that turns labels into a verdict. A question is data; the rubber duck is the default."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, Strict

from rubberduck.core.models import Label, Verdict

Percent = Annotated[float, Strict(), Field(ge=0, le=100)]
# Visible text without control characters: PostgreSQL rejects NUL, and a blank title is useless.
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$")]
Names = tuple[Text, ...]
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Group:
    """A set of labels; one (`any_of`), all (`all_of`) or none (`none_of`) must be present."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Text
    any_of: Names = ()
    all_of: Names = ()
    none_of: Names = ()

    def __post_init__(self) -> None:
        if sum(map(bool, (self.any_of, self.all_of, self.none_of))) != 1:
            raise ValueError("give one of any_of, all_of or none_of, with at least one label")

    def is_matched(self, seen: Mapping[str, Label]) -> bool:
        if self.none_of:
            return seen.keys().isdisjoint(self.none_of)
        return self.best_label(seen) is not None

    def best_label(self, seen: Mapping[str, Label]) -> Label | None:
        """Return the label that counts for the group: the highest of `any_of`, or the lowest of
        `all_of`; None if the group is not matched, or is one of `none_of`."""
        found = [seen[name] for name in self.any_of or self.all_of if name in seen]
        if self.any_of:
            return max(found, key=_confidence, default=None)
        is_whole = self.all_of and len(found) == len(self.all_of)
        return min(found, key=_confidence) if is_whole else None


@dataclass(frozen=True)
class BoxRule:
    """Show the boxes of these labels when the label's confidence is above `above` percent."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    labels: Names = ()
    above: Percent = 50.0


@dataclass(frozen=True)
class Remark:
    """A comment on a negative answer, shown when all these labels were present."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    says: Text
    all_of: Annotated[Names, Field(min_length=1)]


@dataclass(frozen=True)
class Sample:
    """A picture to try: static/samples/<file>.jpg, with a smaller <file>-small.jpg."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    file: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    shows: Text


@dataclass(frozen=True)
class Question:
    """A question and its rule. Labels below `min_confidence` percent are ignored.

    `live_yes` and `live_no` are the texts for the live camera; default `yes` and `no`. `thing`
    names an object that several labels box together, such as a rubber duck. `drawn_as` is the label
    of the boxes that visitors draw, the same in every language; default `thing`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    title: Text
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    yes: Text = "Yes!"
    no: Text = "No."
    boxes: BoxRule = BoxRule()
    min_confidence: Percent = 35.0
    remarks: tuple[Remark, ...] = ()
    thing: Text | None = None
    drawn_as: Text | None = None
    live_yes: Text | None = None
    live_no: Text | None = None
    logo: Literal["duck", "lens"] = "lens"
    samples: tuple[Sample, ...] = ()

    def __post_init__(self) -> None:
        if all(group.none_of for group in self.groups):
            raise ValueError("a group with any_of or all_of is missing: what is to be seen?")

    def remark(self, labels: Iterable[Label], min_confidence: float) -> str | None:
        """Return the first remark whose labels all reach `min_confidence` percent, if any."""
        seen = {label.name for label in labels if label.confidence >= min_confidence}
        fitting = (remark.says for remark in self.remarks if seen.issuperset(remark.all_of))
        return next(fitting, None)

    def is_answerable_with(self, labels: Iterable[str]) -> bool:
        """Return whether a detector limited to these labels could ever produce a yes."""
        known = frozenset(labels)
        return all(
            known.issuperset(group.all_of)
            if group.all_of
            else not known.isdisjoint(group.any_of or group.none_of)
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
    thing="Rubber duck",
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
    """Apply the rule: a yes needs every group; the score is the mean of their best labels."""
    counted = sorted(
        (label for label in labels if label.confidence >= question.min_confidence),
        key=_confidence,
        reverse=True,
    )
    seen = {label.name: label for label in reversed(counted)}
    best = [group.best_label(seen) for group in question.groups]
    matched = tuple(label for label in best if label is not None)
    unmatched = tuple(group.name for group in question.groups if not group.is_matched(seen))
    if unmatched:
        return Verdict(matched, unmatched)
    boxes = tuple(
        box
        for label in counted
        if label.name in question.boxes.labels and label.confidence > question.boxes.above
        for box in label.boxes
    )
    return Verdict(matched, unmatched, boxes)


def _confidence(label: Label) -> float:
    return label.confidence
