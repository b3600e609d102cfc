"""The constraints of the service model, all of them: botocore's client checks only some.

Messages have the form of the service's own.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from rubberduck.emulator.errors import ServiceError

MAX_SHOWN = 200  # characters of a wrong value


def check(value: dict[str, Any], shape: StructureShape) -> None:
    """Raise ServiceError (ValidationException) that names all wrong members."""
    problems = list(_structure(value, shape, ""))
    if not problems:
        return
    count = len(problems)
    plural = "s" if count > 1 else ""
    raise ServiceError(
        "ValidationException",
        f"{count} validation error{plural} detected: {'; '.join(problems)}",
    )


def _structure(value: dict[str, Any], shape: StructureShape, place: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield _problem("null", _inside(place, name), "Member must not be null")
    for name, item in value.items():
        yield from _any(item, shape.members[name], _inside(place, name))


def _any(value: Any, shape: Shape, place: str) -> Iterator[str]:
    for rule in _broken_rules(value, shape):
        yield _problem(_shown(value, shape), place, rule)
    match shape.type_name:
        case "structure":
            yield from _structure(value, cast(StructureShape, shape), place)
        case "list":
            items = cast(ListShape, shape).member
            for number, item in enumerate(value, 1):
                yield from _any(item, items, f"{place}.{number}.member")
        case "map":
            map_shape = cast(MapShape, shape)
            for key, item in value.items():
                yield from _any(key, map_shape.key, f"{place}.key")
                yield from _any(item, map_shape.value, f"{place}.{key}.value")


def _broken_rules(value: Any, shape: Shape) -> Iterator[str]:
    if shape.type_name in ("string", "list", "map", "blob"):
        yield from _range(len(value), shape, "length")
    if shape.type_name in ("integer", "long", "float", "double"):
        yield from _range(value, shape, "value")
    if shape.type_name == "string":
        choices = cast(StringShape, shape).enum
        if choices and value not in choices:
            yield f"Member must satisfy enum value set: [{', '.join(choices)}]"
        pattern = shape.metadata.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


def _range(number: float, shape: Shape, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and number < least:
        yield f"Member must have {what} greater than or equal to {least}"
    if most is not None and number > most:
        yield f"Member must have {what} less than or equal to {most}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Java's classes of letters, separators and numbers; the patterns of tags have them.
    return re.compile(pattern.replace(r"\p{L}\p{Z}\p{N}_", r"\w\s"))


def _shown(value: Any, shape: Shape) -> str:
    if shape.type_name == "blob":
        # What the service shows of a picture that is too large.
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if shape.type_name in ("list", "map", "structure"):
        return f"[{', '.join(map(str, value))}]"[:MAX_SHOWN]
    return str(value)[:MAX_SHOWN]


def _inside(place: str, name: str) -> str:
    """
    >>> _inside("", "MaxLabels"), _inside("image", "S3Object")
    ('maxLabels', 'image.s3Object')
    """
    own = name[:1].lower() + name[1:]
    return f"{place}.{own}" if place else own


def _problem(shown: str, place: str, rule: str) -> str:
    value = shown if shown == "null" else f"'{shown}'"
    return f"Value {value} at '{place}' failed to satisfy constraint: {rule}"
