"""Requests generated from the shapes of the service model, good ones and such with faults."""

import re
from collections.abc import Mapping
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import strategies as st

Known = Mapping[str, st.SearchStrategy[Any]]
MAX_ITEMS = 3


def requests(shape: StructureShape, known: Known) -> st.SearchStrategy[dict[str, Any]]:
    """Yield values of a structure as JSON; `known` replaces shapes by their names.

    Every constraint of the model is held.
    """
    return cast(st.SearchStrategy[dict[str, Any]], values(shape, known))


def values(shape: Shape, known: Known) -> st.SearchStrategy[Any]:
    if shape.name in known:
        return known[shape.name]
    match shape.type_name:
        case "structure":
            members = cast(StructureShape, shape).members
            required = {name: values(members[name], known) for name in shape.required_members}
            optional = {
                name: values(member, known)
                for name, member in members.items()
                if name not in required
            }
            return st.fixed_dictionaries(required, optional=optional)
        case "list":
            least, most = shape.metadata.get("min", 0), shape.metadata.get("max", MAX_ITEMS)
            items = values(cast(ListShape, shape).member, known)
            return st.lists(items, min_size=least, max_size=max(least, min(most, MAX_ITEMS)))
        case "map":
            pairs = cast(MapShape, shape)
            return st.dictionaries(values(pairs.key, known), values(pairs.value, known), max_size=2)
    return _scalars(shape)


def _scalars(shape: Shape) -> st.SearchStrategy[Any]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    match shape.type_name:
        case "string":
            return _strings(cast(StringShape, shape))
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.integers(least, 1000 if most is None else most)
        case "float" | "double":
            return st.floats(least, 1e6 if most is None else most, width=32)
        case "blob":
            return st.binary(min_size=max(least, 1), max_size=40).map(lambda b: b.hex())
    raise AssertionError(shape.type_name)


def _strings(shape: StringShape) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 100)
    pattern = shape.metadata.get("pattern")
    if pattern is None or r"\p{" in pattern:
        return st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=least,
                       max_size=min(most, 100))  # fmt: skip
    compiled = re.compile(pattern, re.ASCII)
    return st.from_regex(compiled, fullmatch=True).filter(lambda s: least <= len(s) <= most)


def spoilt(request: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Yield the request with one member of another type or out of its range, or without one."""
    if not request:
        return st.just(request)
    wrong = st.sampled_from([-1, 101, 10**12, True, "", "\ud800", "x" * 3000, [], {}, 1e300])
    return st.sampled_from(sorted(request)).flatmap(
        lambda name: st.one_of(
            wrong.map(lambda value: {**request, name: value}),
            st.just({key: value for key, value in request.items() if key != name}),
        )
    )
