"""The people whose faces are stored at Amazon: who consented to it, and until when.

Every method raises ResultsUnavailable if the database fails.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from rubberduck.core.ids import random_id
from rubberduck.db.engine import Database, is_storable, to_naive_utc, upsert
from rubberduck.db.tables import indexed_faces, indexed_people

# A face is on its way to Amazon; is there; is being deleted.
INDEXING, INDEXED, DELETING = "indexing", "indexed", "deleting"
BATCH = 200  # people
row, face_row = indexed_people.c, indexed_faces.c


@dataclass(frozen=True)
class Consent:
    """Who agreed that a face is stored, when, and how that can be shown."""

    given_by: str
    given_on: date
    how: str
    note: str = ""


@dataclass(frozen=True)
class IndexedPerson:
    """Somebody in a collection. `faces` are the ids of the stored vectors. Times are in UTC."""

    id: str
    collection: str
    label: str
    consent: Consent
    created_by: str
    created_at: datetime
    expires_at: datetime
    status: str = INDEXING
    has_user: bool = False
    faces: tuple[str, ...] = ()

    @property
    def is_unclear(self) -> bool:
        """Return whether a face is on its way, or its fate is unknown."""
        return self.status == INDEXING


def new_id() -> str:
    return random_id()


@dataclass(frozen=True)
class IndexedPeople:
    database: Database

    def add(self, person: IndexedPerson) -> None:
        """Write somebody down, before the face is sent."""
        consent = person.consent
        values = {
            "id": person.id,
            "collection": person.collection,
            "label": person.label,
            "status": INDEXING,
            "changed_at": _now(),
            "has_user": False,
            "created_at": to_naive_utc(person.created_at),
            "created_by": person.created_by,
            "expires_at": to_naive_utc(person.expires_at),
            "consent_from": consent.given_by,
            "consent_on": consent.given_on,
            "consent_how": consent.how,
            "consent_note": consent.note,
        }
        with self.database.transaction(writing=True) as connection:
            connection.execute(indexed_people.insert(), values)

    def begin(self, id: str) -> bool:
        """Note that another face is on its way; return False for somebody who is not indexed."""
        return self._become(INDEXING, id, row.status == INDEXED)

    def finish(self, id: str, face_ids: Iterable[str]) -> bool:
        """Add the faces that are stored; return False if the person is being deleted."""
        values = [{"face_id": each, "person_id": id, "created_at": _now()} for each in face_ids]
        changed = {"status": INDEXED, "changed_at": _now()}
        alive = and_(row.id == id, row.status != DELETING)
        with self.database.transaction(writing=True) as connection:
            updated = connection.execute(indexed_people.update().where(alive).values(changed))
            if not updated.rowcount:
                return False
            if values:
                insert = upsert(connection.dialect.name, indexed_faces).on_conflict_do_nothing()
                connection.execute(insert, values)
            return True

    def set_user(self, id: str, has_user: bool) -> bool:
        """Note whether there is a user; return False for somebody who is being deleted."""
        alive = and_(row.id == id, row.status != DELETING)
        statement = indexed_people.update().where(alive).values(has_user=has_user)
        with self.database.transaction(writing=True) as connection:
            return bool(connection.execute(statement).rowcount)

    def mark_deleting(self, id: str) -> IndexedPerson | None:
        """Hide somebody; return who that was until now, None if there is nobody of this id."""
        changed = {"status": DELETING, "changed_at": _now()}
        with self.database.transaction(writing=True) as connection:
            found = _people(connection, indexed_people.select().where(row.id == id), locked=True)
            connection.execute(indexed_people.update().where(row.id == id).values(changed))
        return next(iter(found), None)

    def mark_all_deleting(self, collection: str) -> None:
        changed = {"status": DELETING, "changed_at": _now()}
        statement = indexed_people.update().where(row.collection == collection).values(changed)
        with self.database.transaction(writing=True) as connection:
            connection.execute(statement)

    def forget(self, id: str) -> None:
        """Delete all that is known of somebody, consent included."""
        with self.database.transaction(writing=True) as connection:
            connection.execute(indexed_faces.delete().where(face_row.person_id == id))
            connection.execute(indexed_people.delete().where(row.id == id))

    def forget_collection(self, collection: str) -> None:
        own = select(row.id).where(row.collection == collection)
        with self.database.transaction(writing=True) as connection:
            connection.execute(indexed_faces.delete().where(face_row.person_id.in_(own)))
            connection.execute(indexed_people.delete().where(row.collection == collection))

    def get(self, collection: str, id: str) -> IndexedPerson | None:
        """Return somebody whose time is not over and who is not being deleted."""
        if not is_storable(id) or not is_storable(collection):
            return None
        here = and_(row.collection == collection, row.id == id)
        return next(iter(self._read(and_(here, _is_shown()))), None)

    def of_collection(self, collection: str) -> list[IndexedPerson]:
        """Return all whose time is not over and who are not being deleted, the newest first."""
        return self._read(and_(row.collection == collection, _is_shown()))

    def all_in(self, collection: str) -> list[IndexedPerson]:
        """Return all, also those who are hidden."""
        return self._read(row.collection == collection)

    def due(self, now: datetime) -> list[IndexedPerson]:
        """Return those whose time is over, or whose deletion was interrupted, longest ago first."""
        return self._read(
            or_(row.expires_at <= to_naive_utc(now), row.status == DELETING), row.changed_at
        )

    def unclear(self, before: datetime) -> list[IndexedPerson]:
        """Return those whose face was sent before then, without knowing what became of it."""
        old = row.changed_at <= to_naive_utc(before)
        return self._read(and_(row.status == INDEXING, old), row.changed_at)

    def counts(self) -> Mapping[str, int]:
        """Return the number of people by collection."""
        query = select(row.collection, func.count().label("number")).group_by(row.collection)
        with self.database.transaction() as connection:
            return {each.collection: each.number for each in connection.execute(query)}

    def _become(self, status: str, id: str, *conditions: Any) -> bool:
        changed = {"status": status, "changed_at": _now()}
        statement = indexed_people.update().where(row.id == id, *conditions).values(changed)
        with self.database.transaction(writing=True) as connection:
            return bool(connection.execute(statement).rowcount)

    def _read(self, condition: Any, batch_by: Any = None) -> list[IndexedPerson]:
        """Return the newest first, or one batch by what `batch_by` orders."""
        query = indexed_people.select().where(condition)
        if batch_by is None:
            query = query.order_by(row.created_at.desc(), row.id)
        else:
            query = query.order_by(batch_by, row.id).limit(BATCH)
        with self.database.transaction() as connection:
            return _people(connection, query)


def _people(
    connection: Connection, query: Select[Any], *, locked: bool = False
) -> list[IndexedPerson]:
    """Return the people of a query, with their faces."""
    query = query.with_for_update() if locked else query
    found = connection.execute(query).mappings().all()
    ids = [each["id"] for each in found]
    faces: dict[str, list[str]] = defaultdict(list)
    for start in range(0, len(ids), BATCH):
        own = face_row.person_id.in_(ids[start : start + BATCH])
        ordered = indexed_faces.select().where(own).order_by(face_row.created_at)
        for face in connection.execute(ordered.order_by(face_row.face_id)):
            faces[face.person_id].append(face.face_id)
    return [_person(each, faces[each["id"]]) for each in found]


def _person(found: Mapping[Any, Any], faces: Sequence[str]) -> IndexedPerson:
    consent = Consent(
        found["consent_from"], found["consent_on"], found["consent_how"], found["consent_note"]
    )
    return IndexedPerson(
        id=found["id"],
        collection=found["collection"],
        label=found["label"],
        consent=consent,
        created_by=found["created_by"],
        created_at=found["created_at"].replace(tzinfo=UTC),
        expires_at=found["expires_at"].replace(tzinfo=UTC),
        status=found["status"],
        has_user=found["has_user"],
        faces=tuple(faces),
    )


def _is_shown() -> ColumnElement[bool]:
    return and_(row.status != DELETING, row.expires_at > _now())


def _now() -> datetime:
    return to_naive_utc(datetime.now(UTC))
