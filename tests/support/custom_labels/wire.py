"""Hold JSON against botocore's model of Rekognition, on both sides of the wire.

botocore's own ParamValidator knows required members, types and minima; maxima, patterns, enums,
numbers that are not finite and booleans as numbers pass it.
"""

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

import botocore.session

MODEL = botocore.session.get_session().get_service_model("rekognition")
NUMBERS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}
Shape = Any  # botocore's, which have no types of their own


def operation_names() -> list[str]:
    return list(MODEL.operation_names)


def error_codes(operation: str) -> set[str]:
    return {shape.name for shape in MODEL.operation_model(operation).error_shapes}


def request_problems(operation: str, value: Any) -> list[str]:
    return list(problems(MODEL.operation_model(operation).input_shape, value, operation))


def response_problems(operation: str, value: Any) -> list[str]:
    return list(problems(MODEL.operation_model(operation).output_shape, value, operation))


def decoded(operation: str, value: Any) -> Any:
    """Return the request with its blobs as bytes."""
    return _decode(MODEL.operation_model(operation).input_shape, value)


def _decode(shape: Shape, value: Any) -> Any:
    if shape.type_name == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            return value
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {k: _decode(members[k], v) if k in members else v for k, v in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_decode(shape.member, item) for item in value]
    return value


def problems(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a value, and where."""
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, where)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        yield from _within(shape, len(value), where, "items")
        for number, item in enumerate(value):
            yield from problems(shape.member, item, f"{where}[{number}]")
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{where}: no map"
            return
        yield from _within(shape, len(value), where, "items")
        for key, item in value.items():
            yield from problems(shape.key, key, where)
            yield from problems(shape.value, item, f"{where}.{key}")
    else:
        yield from _scalar(shape, value, where)


def _structure(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: no structure"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{where}: {name} is missing"
    for name, item in value.items():
        if name in shape.members:
            yield from problems(shape.members[name], item, f"{where}.{name}")
        else:
            yield f"{where}: {name} is unknown"


def _scalar(shape: Shape, value: Any, where: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "boolean":
        if not isinstance(value, bool):
            yield f"{where}: no boolean"
    elif kind == "timestamp":
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{where}: not seconds"
    elif kind in NUMBERS:
        yield from _number(shape, value, where)
    elif kind == "blob":
        if not isinstance(value, bytes):
            yield f"{where}: no bytes"
            return
        yield from _within(shape, len(value), where, "bytes")
    else:
        yield from _text(shape, value, where)


def _number(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if isinstance(value, bool) or type(value) not in NUMBERS[shape.type_name]:
        yield f"{where}: no {shape.type_name}"
    elif not math.isfinite(value):
        yield f"{where}: not finite"
    else:
        yield from _within(shape, value, where, "")


def _text(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where}: no text"
        return
    yield from _within(shape, len(value), where, "characters")
    pattern = shape.metadata.get("pattern", "")
    # Python's re has no classes of Unicode, which only tags use.
    if pattern and r"\p{" not in pattern and not re.fullmatch(pattern, value):
        yield f"{where}: {value[:80]!r} does not match {pattern}"
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{where}: {value!r} is none of {', '.join(shape.enum)}"


def _within(shape: Shape, size: float, where: str, unit: str) -> Iterator[str]:
    if size < shape.metadata.get("min", -math.inf):
        yield f"{where}: {size} {unit} are less than {shape.metadata['min']}"
    if size > shape.metadata.get("max", math.inf):
        yield f"{where}: {size} {unit} are more than {shape.metadata['max']}"
