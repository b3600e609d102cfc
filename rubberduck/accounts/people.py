"""Everybody who may sign in, or might once: what is open to each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Table, func, select

from rubberduck.accounts.operators import Operator, from_row
from rubberduck.accounts.tables import operator_sessions, operators
from rubberduck.db.engine import Database, to_naive_utc
from rubberduck.db.tables import access_tokens


@dataclass(frozen=True)
class Person:
    """A person with the number of open sessions and valid API keys.

    `last_seen_at` is the last use of one of these, so None for whoever has none, or used none.
    """

    operator: Operator
    removed_at: datetime | None
    sessions: int
    keys: int
    last_seen_at: datetime | None


def list_people(database: Database) -> tuple[Person, ...]:
    """Return everybody by name; those who were removed come last. Raises ResultsUnavailable."""
    sessions, tokens = operator_sessions.c, access_tokens.c
    now = to_naive_utc(datetime.now(UTC))
    open_sessions = _uses(operator_sessions, sessions.operator_id, sessions.last_seen_at, now)
    valid_keys = _uses(access_tokens, tokens.owner, tokens.last_used_at, now)
    people = (
        select(operators, open_sessions.c.number, open_sessions.c.used)
        .add_columns(valid_keys.c.number.label("keys"), valid_keys.c.used.label("key_used"))
        .outerjoin(open_sessions, open_sessions.c.owner == operators.c.id)
        .outerjoin(valid_keys, valid_keys.c.owner == operators.c.id)
        .order_by(operators.c.removed_at.is_not(None), operators.c.name)
    )
    with database.transaction() as connection:
        return tuple(map(_person, connection.execute(people).mappings().all()))


def _uses(table: Table, owner: Column[str], used: Column[datetime], now: datetime) -> Any:
    """Return the query of each owner's unexpired rows: their number, and the last use of one."""
    query = select(owner.label("owner"), func.count().label("number"), func.max(used).label("used"))
    return query.where(table.c.expires_at > now).group_by(owner).subquery()


def _person(found: Mapping[Any, Any]) -> Person:
    removed = found["removed_at"]
    seen = [time for time in (found["used"], found["key_used"]) if time]
    return Person(
        from_row(found),
        removed and removed.replace(tzinfo=UTC),
        found["number"] or 0,
        found["keys"] or 0,
        max(seen).replace(tzinfo=UTC) if seen else None,
    )
