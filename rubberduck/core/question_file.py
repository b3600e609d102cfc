"""Read a question from a TOML file and report its errors by line."""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from rubberduck.core.errors import InvalidQuestion

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
from rubberduck.core.rules import RUBBER_DUCK, Question

BUILT_IN = "rubber-duck"
MAX_ERRORS = 5  # reported at once
# Replacements for Pydantic's messages that use Python's terms.
PLAIN_WORDS = {
    "missing": "it is missing",
    "too_short": "it must not be empty",
    "string_pattern_mismatch": "it must be visible text",
    "unexpected_keyword_argument": "there is no such key",
    "tuple_type": "it must be a list",
}


def load_questions(paths: Sequence[Path]) -> dict[str, Question]:
    """Return the questions by key, which is the file's name without .toml, the default first.

    Raises InvalidQuestion.
    """
    questions: dict[str, Question] = {}
    for path in paths:
        question = load_question(path)
        if path.stem in questions or question.title in {q.title for q in questions.values()}:
            raise InvalidQuestion(
                "{path} has the name or the title of another question: they must differ.", path=path
            )
        questions[path.stem] = question
    return questions


def load_question(path: Path | None) -> Question:
    """Return the question in a TOML file, or the built-in one (None, or a path named BUILT_IN).

    Raises InvalidQuestion by line.
    """
    if path is None or path.name == BUILT_IN:
        return RUBBER_DUCK
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidQuestion("{path} cannot be read: {error}.", path=path, error=error) from None
    try:
        return TypeAdapter(Question).validate_python(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidQuestion("{path} is not TOML: {error}.", path=path, error=error) from None
    except ValidationError as error:
        errors = error.errors()[:MAX_ERRORS]
        lines = [_format_error(text, item) for item in errors if _is_innermost(item, errors)]
        raise InvalidQuestion(
            "{path} is wrong: {what}.", path=path, what="; ".join(lines)
        ) from None


def translated(question: Question, translate: Callable[[str], str]) -> Question:
    """Return the question with its texts for people translated, and its labels as they are."""

    def optional(text: str | None) -> str | None:
        return text and translate(text)

    return replace(
        question,
        title=translate(question.title),
        yes=translate(question.yes),
        no=translate(question.no),
        groups=tuple(replace(group, name=translate(group.name)) for group in question.groups),
        remarks=tuple(replace(remark, says=translate(remark.says)) for remark in question.remarks),
        samples=tuple(
            replace(sample, shows=translate(sample.shows)) for sample in question.samples
        ),
        thing=optional(question.thing),
        drawn_as=question.drawn_as or question.thing,
        live_yes=optional(question.live_yes),
        live_no=optional(question.live_no),
    )


def _is_innermost(error: "ErrorDetails", errors: "list[ErrorDetails]") -> bool:
    """Return False if another error lies deeper in the same place: that one is enough."""
    place = error["loc"]
    deeper = (other["loc"] for other in errors if len(other["loc"]) > len(place))
    return not any(location[: len(place)] == place for location in deeper)


def _format_error(text: str, error: "ErrorDetails") -> str:
    where = ".".join(str(step) for step in error["loc"])
    message = PLAIN_WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"line {_line_of(text, error['loc'])}, {where}: {message}"


def _line_of(text: str, place: Sequence[int | str]) -> int:
    """Return the line on which the value at `place`, or else its nearest parent, ends.

    tomllib keeps no positions, so parse ever more lines until the value exists.
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
