"""Cursors of lists that begin with the newest row: opaque to clients, a time and an id to us."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from rubberduck.core.errors import InvalidCursor
from rubberduck.db.engine import is_storable, to_naive_utc


def cursor_of(created_at: datetime, id: str) -> str:
    """Return the cursor of the page after this row."""
    position = f"{to_naive_utc(created_at).isoformat()} {id}"
    return urlsafe_b64encode(position.encode()).decode().rstrip("=")


def position_of(cursor: str) -> tuple[datetime, str]:
    """Return the time (UTC, naive) and the id in a cursor. Raises InvalidCursor."""
    try:
        position = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, id = position.split(" ")
        if not is_storable(id):
            raise ValueError
        return to_naive_utc(datetime.fromisoformat(moment + "+00:00")), id
    except ValueError:
        raise InvalidCursor("This cursor is not valid.") from None
