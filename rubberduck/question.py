"""The rule: which labels make a yes. A question is data; the rubber duck is the default one."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, Strict, TypeAdapter, ValidationError

from rubberduck.errors import WrongQuestion
from rubberduck.model import Label, Verdict

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Percent = Annotated[float, Strict(), Field(ge=0, le=100)]
# Something to read: PostgreSQL takes no NUL, and a title of blanks is none.
Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$")]
Names = tuple[Words, ...]
MOST_COMPLAINTS = 5  # at once
STRICT = ConfigDict(extra="forbid")
# Pydantic's words where they are Python's, not the file's.
PLAIN_WORDS = {
    "missing": "it is missing",
    "too_short": "it must not be empty",
    "string_pattern_mismatch": "it must be words that can be read",
    "unexpected_keyword_argument": "there is no such key",
    "tuple_type": "it must be a list",
}


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

    def can_be_answered_with(self, words: Iterable[str]) -> bool:
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


def load_question(path: Path | None) -> Question:
    """The question in a TOML file, or the rubber duck; WrongQuestion names the wrong line."""
    if path is None:
        return RUBBER_DUCK
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongQuestion("{path} cannot be read: {error}.", path=path, error=error) from None
    try:
        return TypeAdapter(Question).validate_python(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WrongQuestion("{path} is not TOML: {error}.", path=path, error=error) from None
    except ValidationError as error:
        errors = error.errors()[:MOST_COMPLAINTS]
        lines = [_complaint(text, each) for each in errors if _is_inmost(each, errors)]
        raise WrongQuestion("{path} is wrong: {what}.", path=path, what="; ".join(lines)) from None


def _is_inmost(complaint: "ErrorDetails", errors: "list[ErrorDetails]") -> bool:
    """What is wrong inside a thing makes the thing wrong too; once is enough."""
    place = complaint["loc"]
    deeper = (each["loc"] for each in errors if len(each["loc"]) > len(place))
    return not any(other[: len(place)] == place for other in deeper)


def _complaint(text: str, error: "ErrorDetails") -> str:
    where = ".".join(str(step) for step in error["loc"])
    message = PLAIN_WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"line {_line_of(text, error['loc'])}, {where}: {message}"


def _line_of(text: str, place: Sequence[int | str]) -> int:
    """The line where the thing at `place` (or, if it is missing, what should hold it) ends.

    tomllib keeps no positions, so read the file line by line until the thing is there.
    """
    lines = text.splitlines()
    for steps in range(len(place), 0, -1):
        for count in range(1, len(lines) + 1):
            try:
                _at(tomllib.loads("\n".join(lines[:count])), place[:steps])
            except (tomllib.TOMLDecodeError, LookupError, TypeError):
                continue
            return count
    return 1


def _at(tree: Any, place: Sequence[int | str]) -> Any:
    for step in place:
        tree = tree[step]
    return tree
