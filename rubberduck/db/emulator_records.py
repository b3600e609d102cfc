"""What only the emulator knows, as JSON by kind and name: jobs, data sets, tokens, faults."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from rubberduck.db.engine import Database, is_storable, to_naive_utc, upsert
from rubberduck.db.tables import emulator_records

row = emulator_records.c
BATCH = 500  # names in a statement
Record = Mapping[str, Any]


@dataclass(frozen=True)
class EmulatorRecords:
    """Records by kind and name. Every method raises ResultsUnavailable when the database fails."""

    database: Database

    def get(self, kind: str, name: str) -> Record | None:
        """Return the record; None if there is none, or it has expired."""
        query = emulator_records.select().where(_named(kind, name), _is_alive())
        with self.database.transaction() as connection:
            found = connection.execute(query).first()
        return None if found is None else found.record

    def of_project(self, kind: str, project_id: str) -> dict[str, Record]:
        """Return the records of a project, by their names."""
        own = and_(row.kind == kind, row.project_id == project_id, _is_alive())
        with self.database.transaction() as connection:
            found = connection.execute(emulator_records.select().where(own)).all()
        return {each.name: each.record for each in found}

    def named(self, kind: str, names: Sequence[str]) -> dict[str, Record]:
        """Return the records with these names, by their names."""
        known = [name for name in names if is_storable(name)]
        query = emulator_records.select().where(row.kind == kind, _is_alive())
        found: dict[str, Record] = {}
        with self.database.transaction() as connection:
            for start in range(0, len(known), BATCH):
                some = query.where(row.name.in_(known[start : start + BATCH]))
                found |= {each.name: each.record for each in connection.execute(some)}
        return found

    def put(
        self,
        kind: str,
        name: str,
        record: Record,
        *,
        project_id: str | None = None,
        lasts: timedelta | None = None,
    ) -> None:
        """Write the record, over an earlier one."""
        values = _values(kind, name, record, project_id, lasts)
        with self.database.transaction(writing=True) as connection:
            insert = upsert(connection.dialect.name, emulator_records)
            connection.execute(
                insert.on_conflict_do_update(index_elements=["kind", "name"], set_=values), values
            )

    def put_new(
        self, kind: str, name: str, record: Record, *, lasts: timedelta | None = None
    ) -> bool:
        """Write the record unless there is one. Return whether it was written."""
        values = _values(kind, name, record, None, lasts)
        expired = and_(_named(kind, name), ~_is_alive())
        with self.database.transaction(writing=True) as connection:
            connection.execute(emulator_records.delete().where(expired))
            insert = upsert(connection.dialect.name, emulator_records).on_conflict_do_nothing()
            return connection.execute(insert.returning(row.name), values).first() is not None

    def change(
        self, kind: str, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        """Replace a record, {} if there is none, by what `change` makes of it; one at a time."""
        empty = _values(kind, name, {}, None, None)
        query = emulator_records.select().where(_named(kind, name)).with_for_update()
        with self.database.transaction(writing=True) as connection:
            insert = upsert(connection.dialect.name, emulator_records).on_conflict_do_nothing()
            connection.execute(insert, empty)
            before = connection.execute(query).one().record
            changed = {"record": change(dict(before)), "changed_at": empty["changed_at"]}
            connection.execute(emulator_records.update().where(_named(kind, name)).values(changed))

    def delete(self, kind: str, name: str) -> None:
        with self.database.transaction(writing=True) as connection:
            connection.execute(emulator_records.delete().where(_named(kind, name)))

    def delete_expired(self, now: datetime) -> int:
        """Delete records that have expired; return their number."""
        old = emulator_records.delete().where(row.expires_at < to_naive_utc(now))
        with self.database.transaction(writing=True) as connection:
            return connection.execute(old).rowcount


def _named(kind: str, name: str) -> ColumnElement[bool]:
    return and_(row.kind == kind, row.name == name)


def _is_alive() -> ColumnElement[bool]:
    return or_(row.expires_at.is_(None), row.expires_at >= to_naive_utc(datetime.now(UTC)))


def _values(
    kind: str, name: str, record: Record, project_id: str | None, lasts: timedelta | None
) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "kind": kind,
        "name": name,
        "project_id": project_id,
        "record": dict(record),
        "changed_at": to_naive_utc(now),
        "expires_at": None if lasts is None else to_naive_utc(now + lasts),
    }
