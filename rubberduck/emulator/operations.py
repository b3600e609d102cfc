"""The operations that are answered, and what stands behind each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rubberduck.emulator.errors import access_denied
from rubberduck.emulator.labels import detect_labels
from rubberduck.emulator.site import Site

Answer = Callable[[Site, dict[str, Any]], dict[str, Any]]
Kind = Literal["real", "canned", "refused"]


@dataclass(frozen=True)
class Operation:
    """An operation; `by` says what answers it, for the documentation."""

    answer: Answer
    kind: Kind
    by: str


def _without_vectors(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    raise access_denied(
        "The embedded engine has no face vectors, so it has no collections: faces are found, and "
        "nobody is recognised."
    )


COLLECTIONS = (
    "AssociateFaces",
    "CompareFaces",
    "CreateCollection",
    "CreateUser",
    "DeleteCollection",
    "DeleteFaces",
    "DeleteUser",
    "DescribeCollection",
    "DisassociateFaces",
    "IndexFaces",
    "ListCollections",
    "ListFaces",
    "ListUsers",
    "SearchFaces",
    "SearchFacesByImage",
    "SearchUsers",
    "SearchUsersByImage",
)
OPERATIONS: dict[str, Operation] = {
    "DetectLabels": Operation(
        detect_labels,
        "real",
        "the embedded detector: Duck, Bird, Toy and Animal; image properties are computed",
    ),
    **{
        name: Operation(_without_vectors, "refused", "AccessDeniedException: no face vectors")
        for name in COLLECTIONS
    },
}


def answered_names() -> list[str]:
    return sorted(name for name, each in OPERATIONS.items() if each.kind != "refused")
