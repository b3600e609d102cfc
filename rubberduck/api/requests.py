"""The JSON and the parameters of the API's requests, checked."""

import re
from typing import TypeVar

from flask import request
from pydantic import TypeAdapter, ValidationError

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.uploads import json_body

LIMIT_RE = r"[1-9][0-9]{0,5}"
Body = TypeVar("Body")


def parsed_body(kind: type[Body], data: bytes | None = None) -> Body:
    """Return the request's JSON, or that in `data`, as a `kind`. Raises InvalidParameter."""
    try:
        return TypeAdapter(kind).validate_json(json_body() if data is None else data, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise InvalidParameter(
                "The body of the request is not what is expected: {problem}.", problem=first["msg"]
            ) from None
        raise InvalidParameter(
            "The request is not valid at “{place}”: {problem}.",
            place="/".join(map(str, first["loc"])),
            problem=first["msg"],
        ) from None


def flag(name: str) -> bool:
    """Return a parameter that is true or false; false by default. Raises InvalidParameter."""
    given = request.args.get(name, "false")
    if given not in ("true", "false"):
        raise InvalidParameter("“{name}” must be true or false.", name=name)
    return given == "true"


def choice(name: str, choices: tuple[str, ...]) -> str | None:
    """Return a parameter that is one of `choices`, None if absent. Raises InvalidParameter."""
    given = request.args.get(name)
    if given is not None and given not in choices:
        named = ", ".join(choices)
        raise InvalidParameter("“{name}” must be one of {choices}.", name=name, choices=named)
    return given


def page_limit(default: int, most: int) -> int:
    """Return the parameter `limit`, from 1 to `most`. Raises InvalidParameter."""
    given = request.args.get("limit", str(default))
    if not re.fullmatch(LIMIT_RE, given) or int(given) > most:
        raise InvalidParameter("“limit” must be a whole number from 1 to {limit}.", limit=most)
    return int(given)
