"""Uploads that can be resumed: their rows, and the parts of their objects in the storage.

A row has the offset up to which everything is stored. The storage takes parts of PART_BYTES; fewer
bytes than it takes as a part wait in an object of their own, the tail. Before each part a request
claims the row by a conditional update, and afterwards it moves the offset only if nobody else has
claimed it: of two requests that send the same bytes, because the connection of the first one broke
and the server did not notice, the later one wins, and the offset never moves twice.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Protocol

from sqlalchemy import ColumnElement, and_, exists, func, select

from rubberduck.core.errors import DuckError, UploadIncomplete
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.storage.base import Part, Storage
from rubberduck.videos.keys import original_key, tail_key
from rubberduck.videos.tables import video_uploads, videos
from rubberduck.videos.upload_errors import NoSuchUpload, UploadIsVideo, WrongOffset
from rubberduck.videos.upload_rows import Upload, parts_row, row_of, upload_of

log = logging.getLogger(__name__)
PART_BYTES = 8 * 1024 * 1024  # more than the 5 MiB that S3 takes as a part
# Of an object in S3. Each attempt takes a number, since a late one must not replace another's part.
MAX_PARTS = 10_000
# From the creation: the bucket's lifecycle aborts multipart uploads after a day, too.
LIFETIME = timedelta(days=1)
TYPE = "application/octet-stream"  # what is inside is found out later
READ_BYTES = 256 * 1024
BATCH_SIZE = 100  # expired uploads in one sweep
row = video_uploads.c


class Body(Protocol):
    """The body of a request; see rubberduck/web/video_uploads.py."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes. Raises UploadIncomplete when the connection broke."""


class Uploads:
    """Uploads of videos. Every method raises ResultsUnavailable and StorageFailed."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage

    def create(self, id: str, owner: str, bytes: int, metadata: str = "") -> Upload:
        """Begin an upload of so many bytes; the row is there before anything is stored."""
        now = datetime.now(UTC)
        made = Upload(
            id=id,
            owner=owner,
            created_at=now,
            expires_at=now + LIFETIME,
            bytes=bytes,
            received=0,
            revision=0,
            key=original_key(id),
            parts_id=None,
            parts=(),
            tail=None,
            metadata=metadata,
            video_id=None,
        )
        with self.database.transaction(writing=True) as connection:
            connection.execute(video_uploads.insert().values(row_of(made)))
        try:
            parts_id = self.storage.begin_multipart(made.key, TYPE).id
            self._update(row.id == id, {"parts_id": parts_id})
        except DuckError:
            self._try(self._forget, made)
            raise
        return replace(made, parts_id=parts_id)

    def get(self, id: str, owner: str) -> Upload:
        """Return an upload of the owner that has not expired. Raises NoSuchUpload."""
        if not is_storable(id):
            raise NoSuchUpload
        mine = and_(row.id == id, row.owner == owner, row.expires_at > _now())
        with self.database.transaction() as connection:
            found = connection.execute(video_uploads.select().where(mine)).mappings().first()
        if found is None:
            raise NoSuchUpload
        return upload_of(found)

    def pending(self, owner: str) -> list[Upload]:
        """Return the owner's uploads that are not a video yet, the newest first."""
        mine = and_(row.owner == owner, row.video_id.is_(None), row.expires_at > _now())
        statement = video_uploads.select().where(mine).order_by(row.created_at.desc(), row.id)
        with self.database.transaction() as connection:
            return [upload_of(found) for found in connection.execute(statement).mappings()]

    def outstanding_bytes(self) -> int:
        """Return how many bytes all uploads have announced and not sent yet."""
        waiting = and_(row.expires_at > _now(), row.video_id.is_(None))
        left = select(func.sum(row.bytes - row.received)).where(waiting)
        with self.database.transaction() as connection:
            return int(connection.scalar(left) or 0)

    def append(self, id: str, owner: str, offset: int, body: Body) -> Upload:
        """Store what the body holds from `offset` on, a part at a time; return the upload.

        When the connection breaks, what has come is stored, and the error is raised again. What
        the body holds beyond the announced size is not read. Raises NoSuchUpload, WrongOffset.
        """
        upload = self.get(id, owner)
        if offset != upload.received:
            raise WrongOffset(offset, upload.received)
        while not upload.is_whole:
            with tempfile.NamedTemporaryFile(suffix=".part") as piece:
                kept = self._fetch_tail(upload, piece)
                most = min(PART_BYTES - kept, upload.bytes - upload.received)
                count, broken = _copy(body, piece, most)
                if count:
                    upload = self._store(upload, piece, count)
            if broken is not None:
                raise broken
            if count < most:
                break
        return self.finish(upload) if upload.is_whole else upload

    def finish(self, upload: Upload) -> Upload:
        """Make one object of an upload whose bytes are all there; again, it changes nothing."""
        if upload.is_stored or not upload.is_whole:
            return upload
        try:
            self.storage.finish_multipart(upload.multipart, upload.parts)
        except FileNotFoundError:
            if self.get(upload.id, upload.owner).is_stored:  # by another request
                return replace(upload, parts_id=None)
            raise self._lost(upload) from None
        self._update(row.id == upload.id, {"parts_id": None})
        return replace(upload, parts_id=None)

    def set_video(self, upload: Upload) -> None:
        """Note that the upload is a video now, which has the object; its metadata is forgotten."""
        self._update(row.id == upload.id, {"video_id": upload.id, "details": {}})

    def delete(self, id: str, owner: str) -> None:
        """Delete an upload and all that was sent. Raises NoSuchUpload, UploadIsVideo."""
        upload = self.get(id, owner)
        if upload.video_id:
            raise UploadIsVideo("It is a video by now.")
        self._remove(upload)

    def delete_owned(self, owner: str) -> int:
        """Delete all uploads of an owner that are no video; return their number."""
        return self._remove_all(self.pending(owner))

    def sweep(self) -> int:
        """Delete expired uploads; return their number. Those that became a video leave its object.

        Raises the last failure at the end.
        """
        is_video = exists().where(videos.c.id == row.id)  # killed before it was noted
        expired = row.expires_at <= _now()
        swept = video_uploads.select().where(expired, ~is_video, row.video_id.is_(None))
        with self.database.transaction(writing=True) as connection:
            noted = is_video | row.video_id.is_not(None)
            done = connection.execute(video_uploads.delete().where(expired, noted)).rowcount
            found = connection.execute(swept.limit(BATCH_SIZE)).mappings()
            due = [upload_of(each) for each in found]
        return done + self._remove_all(due)

    def _remove_all(self, uploads: list[Upload]) -> int:
        failure: DuckError | None = None
        for upload in uploads:
            failure = self._try(self._remove, upload) or failure
        if failure is not None:
            raise failure
        return len(uploads)

    def _store(self, upload: Upload, piece: IO[bytes], count: int) -> Upload:
        """Store the piece, which is the tail and `count` new bytes, and move the offset."""
        number = self._claim(upload)
        piece.seek(0)
        kept = upload.tail.bytes if upload.tail else 0
        received = upload.received + count
        try:
            if kept + count >= self.storage.min_part_bytes or received == upload.bytes:
                start = upload.received - kept
                part = self.storage.put_part(upload.multipart, number, start, piece)
                parts, tail = (*upload.parts, part), None
            else:
                self.storage.put_file(tail_key(upload.id, number), Path(piece.name), TYPE)
                parts, tail = upload.parts, Part(number, "", kept + count)
        except FileNotFoundError:
            raise self._lost(replace(upload, revision=number)) from None
        moved = replace(upload, received=received, revision=number, parts=parts, tail=tail)
        self._commit(moved)
        if upload.tail:
            self._try(self._delete_tail, upload)
        return moved

    def _claim(self, upload: Upload) -> int:
        """Take the right to move the offset from any earlier request; return the part's number."""
        if (number := upload.revision + 1) > MAX_PARTS:
            raise self._lost(upload)
        same = and_(row.id == upload.id, row.revision == upload.revision)
        if not self._update(same, {"revision": number}):
            raise self._overtaken(upload)
        return number

    def _commit(self, moved: Upload) -> None:
        mine = and_(row.id == moved.id, row.revision == moved.revision)
        if not self._update(mine, {"received": moved.received, "parts": parts_row(moved)}):
            if moved.tail:
                self._try(self._delete_tail, moved)
            raise self._overtaken(moved)

    def _overtaken(self, upload: Upload) -> DuckError:
        """Return the error of a request whose upload another one has gone on with, or deleted."""
        try:
            return WrongOffset(upload.received, self.get(upload.id, upload.owner).received)
        except NoSuchUpload as error:
            return error

    def _lost(self, upload: Upload) -> DuckError:
        """Delete an upload whose parts are gone from the storage; return the error.

        They are also gone if another request has finished it meanwhile: then nothing is deleted.
        """
        if self.get(upload.id, upload.owner).revision != upload.revision:
            return self._overtaken(upload)
        log.warning("upload lost id=%s received=%d", upload.id, upload.received)
        self._try(self._remove, upload)
        return NoSuchUpload()

    def _fetch_tail(self, upload: Upload, piece: IO[bytes]) -> int:
        """Write the tail into the piece; return its size."""
        if upload.tail is None:
            return 0
        try:
            self.storage.fetch(tail_key(upload.id, upload.tail.number), Path(piece.name))
        except FileNotFoundError:
            raise self._lost(upload) from None
        return piece.seek(upload.tail.bytes)

    def _delete_tail(self, upload: Upload) -> None:
        if upload.tail:
            self.storage.delete(tail_key(upload.id, upload.tail.number))

    def _remove(self, upload: Upload) -> None:
        """Delete what was sent, then the row."""
        if upload.parts_id is not None:
            self.storage.abort_multipart(upload.multipart)
        self._delete_tail(upload)
        self.storage.delete(upload.key)
        self._forget(upload)

    def _forget(self, upload: Upload) -> None:
        with self.database.transaction(writing=True) as connection:
            connection.execute(video_uploads.delete().where(row.id == upload.id))

    def _update(self, which: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
        with self.database.transaction(writing=True) as connection:
            update = video_uploads.update().where(which).values(values)
            return bool(connection.execute(update).rowcount)

    def _try(self, delete: Callable[[Upload], None], upload: Upload) -> DuckError | None:
        """Delete something that the sweep deletes if this fails; return the failure."""
        try:
            delete(upload)
        except DuckError as error:
            log.warning("upload not deleted id=%s cause=%s", upload.id, error.operator_message)
            return error
        return None


def _copy(body: Body, piece: IO[bytes], most: int) -> tuple[int, UploadIncomplete | None]:
    """Copy at most so many bytes; return their number, and the error of a broken connection."""
    count = 0
    while count < most:
        try:
            data = body.read(min(READ_BYTES, most - count))
        except UploadIncomplete as error:
            return count, error
        if not data:
            break
        count += piece.write(data)
    return count, None


def _now() -> datetime:
    return to_naive_utc(datetime.now(UTC))
