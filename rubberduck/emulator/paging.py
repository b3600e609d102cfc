"""Pages of lists: a token names the list and the last item of a page."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rubberduck.emulator.errors import ServiceError

Item = TypeVar("Item")
MAX_RESULTS = 100


def page_of(
    items: Sequence[Item],
    given: dict[str, Any],
    list_id: str,
    id_of: Callable[[Item], str],
    most: int = MAX_RESULTS,
) -> tuple[Sequence[Item], str | None]:
    """Return the page that NextToken and MaxResults ask for, and the token of the next one.

    A token is of one list only. Raises ServiceError for one of another list, or whose item is gone.
    """
    start = 0
    if (last := read_token(given, list_id)) is not None:
        ids = [id_of(item) for item in items]
        if last not in ids:
            raise invalid_token()
        start = ids.index(last) + 1
    page = items[start : start + given.get("MaxResults", most)]
    if not page or start + len(page) >= len(items):
        return page, None
    return page, write_token(list_id, id_of(page[-1]))


def invalid_token() -> ServiceError:
    return ServiceError("InvalidPaginationTokenException", "The pagination token is not valid")


def write_token(list_id: str, last: str) -> str:
    return urlsafe_b64encode(json.dumps([list_id, last]).encode()).decode()


def read_token(given: dict[str, Any], list_id: str) -> str | None:
    """Return the last item of the page before, None for the first page. Raises ServiceError."""
    if not (token := given.get("NextToken")):
        return None
    try:
        kind, last = json.loads(urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError):
        raise invalid_token() from None
    if kind != list_id:
        raise invalid_token()
    return str(last)
