"""JSON 1.1 by the shapes of the service model: requests to Python values, and answers to JSON.

Blobs are base64, times are seconds since 1970, floats are numbers. Unknown members of a request
are ignored, as the service ignores them.
"""

import binascii
import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rubberduck.emulator.errors import unreadable

MAX_INTEGER, MAX_LONG = 2**31 - 1, 2**63 - 1
TYPES = {
    "structure": "a structure",
    "list": "a list",
    "map": "a map",
    "string": "a String",
    "integer": "an Integer",
    "long": "a Long",
    "float": "a Float",
    "double": "a Double",
    "boolean": "a Boolean",
    "blob": "a Blob",
    "timestamp": "a Timestamp",
}


def parse(body: bytes, shape: Shape | None) -> dict[str, Any]:
    """Return the members of a request. Raises ServiceError (SerializationException)."""
    try:
        value = json.loads(body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise unreadable("The request body is not JSON.") from None
    if not isinstance(value, dict):
        raise unreadable("The request body is not a JSON object.")
    return cast(dict[str, Any], decode(value, shape)) if shape else {}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def decode(value: Any, shape: Shape) -> Any:
    """Return a JSON value as the shape's Python type. Raises ServiceError."""
    match shape.type_name, value:
        case "structure", dict():
            members = cast(StructureShape, shape).members
            return {
                name: decode(value[name], member)
                for name, member in members.items()
                if value.get(name) is not None
            }
        case "list", list():
            items = cast(ListShape, shape).member
            return [decode(item, items) for item in value if item is not None]
        case "map", dict():
            values = cast(MapShape, shape).value
            return {key: decode(item, values) for key, item in value.items()}
        case _:
            return _decode_scalar(value, shape.type_name)


def _decode_scalar(value: Any, type_name: str) -> Any:
    match type_name, value:
        case "boolean", bool():
            return value
        case (("integer" | "long" | "float" | "double" | "timestamp"), bool()):
            pass
        case (("integer" | "long"), int() | float()):
            most = MAX_INTEGER if type_name == "integer" else MAX_LONG
            if _as_float(value).is_integer() and abs(value) <= most:
                return int(value)
        case (("float" | "double" | "timestamp"), int() | float()):
            if math.isfinite(number := _as_float(value)):
                return number
        case "string", str():
            if _is_text(value):
                return value
        case "blob", str():
            try:
                return b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raise unreadable("A blob is not base64.") from None
    raise unreadable(f"{_kind(value)} can not be converted to {TYPES[type_name]}")


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_text(value: str) -> bool:
    """Return False for half of a surrogate pair, which JSON can hold and UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    """
    >>> _kind(True), _kind(7), _kind("7"), _kind([]), _kind({})
    ('TRUE_VALUE', 'NUMBER_VALUE', 'STRING_VALUE', 'START_ARRAY', 'START_OBJECT')
    """
    match value:
        case bool():
            return f"{value!s}_VALUE".upper()
        case int() | float():
            return "NUMBER_VALUE"
        case str():
            return "STRING_VALUE"
        case list():
            return "START_ARRAY"
    return "START_OBJECT"


def serialise(answer: dict[str, Any], shape: Shape | None) -> bytes:
    """Return the JSON of an answer. Members that are None are left out."""
    return to_json(encode(answer, shape) if shape else {})


def encode(value: Any, shape: Shape) -> Any:
    """Return a value of the shape as JSON takes it. Raises KeyError for an unknown member."""
    match shape.type_name:
        case "structure":
            members = cast(StructureShape, shape).members
            present = {name: item for name, item in value.items() if item is not None}
            return {name: encode(item, members[name]) for name, item in present.items()}
        case "list":
            items = cast(ListShape, shape).member
            return [encode(item, items) for item in value]
        case "map":
            values = cast(MapShape, shape).value
            return {key: encode(item, values) for key, item in value.items()}
    convert = SCALARS.get(shape.type_name)
    return convert(value) if convert else value


def _epoch_seconds(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp(), 3)


SCALARS: dict[str, Callable[[Any], Any]] = {
    "timestamp": _epoch_seconds,
    "blob": lambda value: b64encode(value).decode("ascii"),
    "float": float,
    "double": float,
}


def to_json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
