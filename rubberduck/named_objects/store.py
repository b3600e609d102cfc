"""The rows of named objects and of their photos. Every method raises ResultsUnavailable.

A photo's row is written before its object in the storage and finished after it, so that a crash
leaves nothing that cannot be found. Deletion hides rows, deletes objects, then the rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select
from sqlalchemy.exc import IntegrityError

from rubberduck.core.errors import StorageFailed
from rubberduck.core.ids import random_id
from rubberduck.core.models import Box
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.db.tables import DELETING, PENDING, READY
from rubberduck.named_objects.errors import (
    DuplicatePhoto,
    InvalidObject,
    NoSuchObject,
    ObjectNameTaken,
    TooManyObjects,
)
from rubberduck.named_objects.tables import named_object_photos, named_objects
from rubberduck.storage.base import Storage

ID_BYTES = 12
MAX_NAME = 100  # characters
MAX_OBJECTS, MAX_PHOTOS = 200, 50  # objects, and photos of one
PENDING_TTL = timedelta(minutes=10)  # an upload takes seconds; a longer one was interrupted
BATCH = 500
PREFIX = "objects"
VECTOR_TYPE = "<f4"  # numpy's name for little-endian float32
thing, photo = named_objects.c, named_object_photos.c


@dataclass(frozen=True)
class Photo:
    """A stored photo. Without a box the whole of it counts. `created_at` is UTC."""

    id: str
    object_id: str
    created_at: datetime
    created_by: str
    key: str
    sha256: str
    difference_hash: str | None
    width: int
    height: int
    box: Box | None
    embedding: str
    vector: bytes  # VECTOR_TYPE


@dataclass(frozen=True)
class NamedObject:
    """An object with its photos, oldest first."""

    id: str
    name: str
    created_at: datetime
    created_by: str
    photos: tuple[Photo, ...] = ()


def new_id() -> str:
    return random_id(ID_BYTES)


def photo_key(object_id: str, photo_id: str) -> str:
    return f"{PREFIX}/{object_id}/{photo_id}.jpg"


class NamedObjects:
    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, name: str, created_by: str) -> NamedObject:
        """Raises InvalidObject, ObjectNameTaken, TooManyObjects."""
        made = NamedObject(new_id(), clean_name(name), datetime.now(UTC), created_by)
        values = {
            "id": made.id,
            "status": READY,
            "name": made.name,
            "created_at": to_naive_utc(made.created_at),
            "created_by": created_by,
        }
        with self.database.transaction(writing=True) as connection:
            number = connection.scalar(select(func.count()).select_from(named_objects)) or 0
            if number >= MAX_OBJECTS:
                raise TooManyObjects("This site keeps {most} at most.", most=MAX_OBJECTS)
            _require_free(connection, made.name)
            try:
                connection.execute(named_objects.insert(), values)
            except IntegrityError:  # of another process that took the name at the same moment
                raise _taken(made.name) from None
        return made

    def rename(self, id: str, name: str) -> NamedObject:
        """Raises InvalidObject, ObjectNameTaken, NoSuchObject."""
        name = clean_name(name)
        renamed = named_objects.update().where(thing.id == id).values(name=name)
        with self.database.transaction(writing=True) as connection:
            _get(connection, id, locked=True)
            _require_free(connection, name, besides=id)
            try:
                connection.execute(renamed)
            except IntegrityError:  # as in `create`
                raise _taken(name) from None
        return self.get(id)

    def get(self, id: str) -> NamedObject:
        """Return an object with its photos. Raises NoSuchObject."""
        with self.database.transaction() as connection:
            return _with_photos(connection, [_get(connection, id)])[0]

    def named(self, name: str) -> NamedObject | None:
        """Return the object of this name, None if there is none."""
        query = select(thing.id).where(thing.name == clean_name(name), thing.status == READY)
        with self.database.transaction() as connection:
            id = connection.scalar(query)
        return None if id is None else self.get(id)

    def all(self) -> tuple[NamedObject, ...]:
        """Return all objects with their photos, by name."""
        query = named_objects.select().where(thing.status == READY).order_by(thing.name, thing.id)
        with self.database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
            return tuple(_with_photos(connection, rows))

    def photo(self, id: str) -> Photo:
        """Return a photo of an object that exists. Raises NoSuchObject."""
        if not is_storable(id):
            raise NoSuchObject
        query = named_object_photos.select().where(photo.id == id, photo.status == READY)
        with self.database.transaction() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NoSuchObject
        return _photo(row)

    def name_of_photo(self, sha256: str) -> str | None:
        """Return the name of the object that has a photo of these bytes, None if none has."""
        query = select(thing.name).join(named_object_photos, photo.object_id == thing.id)
        query = query.where(photo.sha256 == sha256, photo.status == READY, thing.status == READY)
        with self.database.transaction() as connection:
            return connection.scalar(query)

    def begin_photo(self, new: Photo) -> None:
        """Write the row of a photo that is about to be stored.

        Raises NoSuchObject, TooManyObjects, DuplicatePhoto.
        """
        values = asdict(new) | {
            "status": PENDING,
            "created_at": to_naive_utc(new.created_at),
            "box": new.box and asdict(new.box),
        }
        count = select(func.count()).where(photo.object_id == new.object_id)
        with self.database.transaction(writing=True) as connection:
            _get(connection, new.object_id, locked=True)
            if (connection.scalar(count) or 0) >= MAX_PHOTOS:
                raise TooManyObjects("One object has {most} photos at most.", most=MAX_PHOTOS)
            try:
                connection.execute(named_object_photos.insert(), values)
            except IntegrityError:
                raise DuplicatePhoto("This site has this very photo already.") from None

    def finish_photo(self, id: str) -> bool:
        """Show a stored photo. Return False if it was deleted meanwhile."""
        mine = and_(photo.id == id, photo.status == PENDING)
        with self.database.transaction(writing=True) as connection:
            show = named_object_photos.update().where(mine).values(status=READY)
            return bool(connection.execute(show).rowcount)

    def cancel_photo(self, id: str) -> None:
        """Hide a photo that could not be stored; the sweep deletes what there may be of it."""
        self._hide(and_(photo.id == id, photo.status == PENDING))

    def set_vector(self, id: str, embedding: str, vector: bytes, box: Box | None) -> None:
        """Store what another version of the embedding makes of a photo."""
        values = {"embedding": embedding, "vector": vector, "box": box and asdict(box)}
        with self.database.transaction(writing=True) as connection:
            connection.execute(named_object_photos.update().where(photo.id == id).values(values))

    def stale(self, embedding: str, limit: int) -> tuple[Photo, ...]:
        """Return some photos whose vectors are of another version of the embedding."""
        query = named_object_photos.select().where(
            photo.status == READY, photo.embedding != embedding
        )
        with self.database.transaction() as connection:
            rows = connection.execute(query.order_by(photo.id).limit(limit)).mappings().all()
        return tuple(map(_photo, rows))

    def delete_photo(self, id: str, storage: Storage) -> None:
        """Raises NoSuchObject, StorageFailed; the sweep tries again."""
        found = self.photo(id)
        self._hide(photo.id == found.id)
        self.delete_hidden(storage, photo.id == found.id)

    def delete(self, id: str, storage: Storage) -> None:
        """Delete an object with its photos. Raises NoSuchObject, StorageFailed."""
        with self.database.transaction(writing=True) as connection:
            _get(connection, id, locked=True)
            hide = named_objects.update().where(thing.id == id)
            connection.execute(hide.values(status=DELETING, name=_hidden_name(id)))
        self._hide(photo.object_id == id)
        self.delete_hidden(storage, photo.object_id == id)

    def delete_all(self, storage: Storage) -> int:
        """Delete everything that has a name; return the number of objects."""
        ids = [each.id for each in self.all()]
        for id in ids:
            self.delete(id, storage)
        return len(ids)

    def hide_interrupted(self, now: datetime) -> None:
        """Hide photos whose upload was interrupted."""
        before = to_naive_utc(now - PENDING_TTL)
        self._hide(and_(photo.status == PENDING, photo.created_at < before))

    def delete_hidden(self, storage: Storage, chosen: ColumnElement[bool] | None = None) -> None:
        """Delete hidden photos, all or the chosen, and hidden objects without photos.

        Raises the first StorageFailed after all others were tried.
        """
        hidden = photo.status == DELETING
        query = select(photo.id, photo.key).order_by(photo.id).limit(BATCH)
        query = query.where(hidden if chosen is None else and_(hidden, chosen))
        last = ""
        failures: list[StorageFailed] = []
        while True:
            with self.database.transaction() as connection:
                batch = connection.execute(query.where(photo.id > last)).all()
            if not batch:
                break
            last = batch[-1].id
            failed = storage.delete_all(each.key for each in batch)
            failures += failed.values()
            gone = [each.id for each in batch if each.key not in failed]
            with self.database.transaction(writing=True) as connection:
                connection.execute(named_object_photos.delete().where(photo.id.in_(gone)))
        self._delete_hidden_objects()
        if failures:
            raise failures[0]

    def _delete_hidden_objects(self) -> None:
        has_photos = select(photo.id).where(photo.object_id == thing.id).exists()
        with self.database.transaction(writing=True) as connection:
            empty = and_(thing.status == DELETING, ~has_photos)
            connection.execute(named_objects.delete().where(empty))

    def _hide(self, chosen: ColumnElement[bool]) -> None:
        with self.database.transaction(writing=True) as connection:
            hide = named_object_photos.update().where(chosen, photo.status != DELETING)
            # Its id in place of the checksum: the same photo may be sent again at once.
            connection.execute(hide.values(status=DELETING, sha256=photo.id))


def clean_name(name: str) -> str:
    """Return the name in one line. Raises InvalidObject."""
    cleaned = " ".join(name.split())
    if not 0 < len(cleaned) <= MAX_NAME or not cleaned.isprintable():
        raise InvalidObject("A name has 1 to {most} characters in one line.", most=MAX_NAME)
    return cleaned


def _hidden_name(id: str) -> str:
    """Return what frees the name of an object that is being deleted: no name has a line break."""
    return f"\n{id}"


def _require_free(connection: Connection, name: str, besides: str = "") -> None:
    query = select(thing.id).where(thing.name == name, thing.id != besides)
    if connection.scalar(query) is not None:
        raise _taken(name)


def _taken(name: str) -> ObjectNameTaken:
    return ObjectNameTaken("There is a “{name}” already.", name=name)


def _get(connection: Connection, id: str, *, locked: bool = False) -> Mapping[Any, Any]:
    if not is_storable(id):
        raise NoSuchObject
    query = named_objects.select().where(thing.id == id, thing.status == READY)
    row = connection.execute(query.with_for_update() if locked else query).mappings().first()
    if row is None:
        raise NoSuchObject
    return row


def _with_photos(connection: Connection, rows: Iterable[Mapping[Any, Any]]) -> list[NamedObject]:
    rows = list(rows)
    ids = [row["id"] for row in rows]
    query = named_object_photos.select().where(photo.status == READY)
    of_these = photo.object_id.in_(ids)
    photos: dict[str, list[Photo]] = {id: [] for id in ids}
    for row in connection.execute(
        query.where(of_these).order_by(photo.created_at, photo.id)
    ).mappings():
        photos.setdefault(row["object_id"], []).append(_photo(row))
    return [
        NamedObject(
            row["id"],
            row["name"],
            row["created_at"].replace(tzinfo=UTC),
            row["created_by"],
            tuple(photos[row["id"]]),
        )
        for row in rows
    ]


def _photo(row: Mapping[Any, Any]) -> Photo:
    fields = {name: row[name] for name in Photo.__dataclass_fields__}
    fields["created_at"] = row["created_at"].replace(tzinfo=UTC)
    fields["box"] = Box(**row["box"]) if row["box"] else None
    return Photo(**fields)
