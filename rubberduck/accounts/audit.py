"""The audit list: what operators did. Rows are only ever added."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rubberduck.accounts.tables import audit_log
from rubberduck.db.engine import Database, to_naive_utc

log = logging.getLogger(__name__)
TERMINAL = "terminal"  # the name of whoever uses the command line
MAX_ACT, MAX_OBJECT = 64, 200  # characters
row = audit_log.c


@dataclass(frozen=True)
class Entry:
    """One act. `operator_name` is the name of that time; `details` is what JSON can hold."""

    id: int
    at: datetime
    operator_id: str
    operator_name: str
    act: str
    object: str
    details: Mapping[str, Any]


class AuditLog:
    """Raises ResultsUnavailable when the database fails.

    What costs more than one picture's answer, deletes or ends somebody's access is noted before it
    is done, so it is not done when it cannot be noted; a refusal is noted after it. Everything else
    is noted when it is done, with what came of it: there, an error means that the act stands and
    its entry is missing.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self, operator_id: str, operator_name: str, act: str, object: str, **details: Any
    ) -> None:
        """Note that the operator did `act`, such as model.start, to `object`, such as a name."""
        values = {
            "at": to_naive_utc(datetime.now(UTC)),
            "operator_id": operator_id,
            "operator_name": operator_name,
            "act": act[:MAX_ACT],
            "object": _storable(object)[:MAX_OBJECT],
            "details": details,
        }
        with self.database.transaction(writing=True) as connection:
            connection.execute(audit_log.insert(), values)
        log.info("operator acted operator=%r act=%s object=%r", operator_name, act, object)

    def page(self, limit: int = 50, before: int | None = None) -> tuple[Entry, ...]:
        """Return the newest entries; with `before`, those older than the entry of this id."""
        query = audit_log.select().order_by(row.id.desc()).limit(limit)
        if before is not None:
            query = query.where(row.id < before)
        with self.database.transaction() as connection:
            return tuple(map(_entry, connection.execute(query).mappings().all()))


def _storable(text: str) -> str:
    """Replace what a database refuses: NUL (PostgreSQL), and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _entry(found: Mapping[Any, Any]) -> Entry:
    return Entry(**{**found, "at": found["at"].replace(tzinfo=UTC)})
