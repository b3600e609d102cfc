"""Claims of objects that arrived in a bucket, as rows changed by compare-and-swap."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, select

from rubberduck.db.engine import Database, to_naive_utc, upsert
from rubberduck.db.tables import event_claims

row = event_claims.c


@dataclass(frozen=True)
class DatabaseClaims:
    """What events.claims.ClaimStore asks for. Every method raises ResultsUnavailable."""

    database: Database

    def load(self, name: str) -> tuple[Mapping[str, Any], str] | None:
        """Return the record and its tag; None if there is none."""
        statement = select(row.record, row.revision).where(row.name == name)
        with self.database.transaction() as connection:
            found = connection.execute(statement).first()
        return None if found is None else (found.record, str(found.revision))

    def swap(self, name: str, record: Mapping[str, Any], tag: str | None) -> str | None:
        """Write the record if it still has the tag (None: if there is none); return the new tag.

        None if it was changed meanwhile.
        """
        revision = 1 if tag is None else int(tag) + 1
        values = {"record": dict(record), "revision": revision, "changed_at": _now()}
        with self.database.transaction(writing=True) as connection:
            if tag is None:
                insert = upsert(connection.dialect.name, event_claims).on_conflict_do_nothing()
                added = connection.execute(insert.returning(row.name), {"name": name, **values})
                return None if added.first() is None else str(revision)
            unchanged = and_(row.name == name, row.revision == int(tag))
            update = event_claims.update().where(unchanged).values(values)
            return str(revision) if connection.execute(update).rowcount else None

    def delete_older_than(self, moment: datetime) -> int:
        """Delete records that were not changed since; a later event of theirs is answered again."""
        old = event_claims.delete().where(row.changed_at < to_naive_utc(moment))
        with self.database.transaction(writing=True) as connection:
            return connection.execute(old).rowcount


def _now() -> datetime:
    return to_naive_utc(datetime.now(UTC))
