"""The decorator of the classes of request and response bodies."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Body = TypeVar("Body")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def body_class(kind: type[Body]) -> type[Body]:
    """Make a dataclass, frozen for the type checker.

    Making a frozen dataclass with comparison takes eight times as long, and the API has over a
    hundred: they were a sixth of the site's imports. Bodies are neither compared nor hashed.
    """
    return dataclass(eq=False, repr=False)(kind)
