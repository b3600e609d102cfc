"""The pictures of projects: their rows, and their objects in the storage.

A row is written before its objects and finished after them, so that a crash leaves nothing that
cannot be found. Of two uploads of the same bytes to one project the second is a duplicate: the
database holds each SHA-256 once in a project. A row that is not finished may be of a process that
was killed or of one that is at work, which nobody can tell: the second upload writes the same
objects, and whoever finishes the row has added the picture.
"""

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, String, and_, cast, or_, select, tuple_
from sqlalchemy.exc import IntegrityError

from rubberduck.core.errors import InvalidCursor
from rubberduck.core.ids import random_id
from rubberduck.custom_models.errors import NoSuchProject, ProjectFull
from rubberduck.custom_models.near_duplicates import nearest
from rubberduck.custom_models.originals import CONTENT_TYPES, SUFFIXES, Original, read_original
from rubberduck.custom_models.picture_deletion import PENDING_TTL, delete_pictures, hide_pictures
from rubberduck.custom_models.project_counts import Counts, counts_of
from rubberduck.custom_models.projects import ID_BYTES, Project
from rubberduck.custom_models.tables import project_pictures, projects
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.db.storage_usage import require_site_room
from rubberduck.db.tables import DELETING, PENDING, READY
from rubberduck.storage.base import JPEG, Storage

Source = Literal["upload", "archive", "s3", "video", "result"]
MAX_FILE_NAME = 255  # characters
BATCH = 1000  # rows read at once
row = project_pictures.c
STATES: dict[str, ColumnElement[bool]] = {
    "unlabelled": row.revision == 0,
    "labelled": row.revision > 0,
    "nothing": and_(
        row.revision > 0, cast(row.boxes, String) == "[]", cast(row.labels, String) == "[]"
    ),
}


@dataclass(frozen=True, slots=True)
class PictureBox:
    """A rectangle in pixels of the upright picture; `label` is the id of a project's label."""

    label: str
    left: float
    top: float
    width: float
    height: float
    crowd: bool = False


@dataclass(frozen=True)
class ProjectPicture:
    """A picture of a project; `width` and `height` are upright, `turn` is of the stored file."""

    id: str
    project_id: str
    created_at: datetime
    created_by: str
    key: str
    preview_key: str
    file_name: str
    source: Source
    result_id: str | None
    owner: str | None  # the visitor whose picture it is
    sha256: str
    difference_hash: str | None
    format: str
    bytes: int
    width: int
    height: int
    turn: int
    taken_at: datetime | None
    group_name: str | None
    split: str | None
    split_is_fixed: bool
    boxes: tuple[PictureBox, ...]
    labels: tuple[str, ...]
    revision: int
    labelled_at: datetime | None
    labelled_by: str | None
    uncertainty: float | None

    @property
    def is_labelled(self) -> bool:
        return self.revision > 0

    @property
    def is_empty(self) -> bool:
        """Whether somebody labelled it and found nothing."""
        return self.is_labelled and not self.boxes and not self.labels

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.format]


@dataclass(frozen=True)
class Added:
    """A stored picture; `changes` says what was done to the upload, `near` what it resembles."""

    picture: ProjectPicture
    changes: tuple[str, ...] = ()
    near: ProjectPicture | None = None


@dataclass(frozen=True)
class Duplicate:
    """The project has this picture already, or, if not `is_exact`, one that looks the same."""

    picture: ProjectPicture
    is_exact: bool


@dataclass(frozen=True)
class Quota:
    """What one project may hold: pictures, and bytes of originals.

    `site_bytes`: what the whole site may hold; None: no limit.
    """

    pictures: int
    bytes: int
    site_bytes: int | None = None


@dataclass(frozen=True)
class Upload:
    """A file on its way into a project. `labels` and `boxes` come with an import."""

    data: bytes = field(repr=False)
    file_name: str = ""
    source: Source = "upload"
    created_by: str = ""
    result_id: str | None = None
    owner: str | None = None
    group_name: str | None = None
    split: str | None = None
    shrink: bool = False
    near_is_fine: bool = False


@dataclass(frozen=True)
class PicturePage:
    pictures: tuple[ProjectPicture, ...]
    next: str | None  # the cursor of the next page


class ProjectPictures:
    """The pictures of all projects. Raises ResultsUnavailable, StorageFailed."""

    def __init__(self, database: Database, storage: Storage, max_bytes: int, quota: Quota) -> None:
        """`max_bytes` is the limit of one upload."""
        self.database, self.storage = database, storage
        self.max_bytes, self.quota = max_bytes, quota

    def add(self, project: Project, upload: Upload) -> Added | Duplicate:
        """Store a picture, unless the project has it.

        A near duplicate is not stored either, unless `near_is_fine`. Raises ProjectFull,
        UnsuitablePicture, NoSuchProject and whatever decode_picture raises; then nothing is stored.
        """
        sha256 = hashlib.sha256(upload.data).hexdigest()
        known, is_ready = self._with_sha256(project.id, sha256)
        if known and is_ready:
            return Duplicate(known, is_exact=True)
        if not known:  # whose row counts already
            self.require_room(project.id, 1, len(upload.data))
        original = read_original(upload.data, self.max_bytes, shrink=upload.shrink)
        if known and (known.bytes, known.format) != (len(original.data), original.format):
            return Duplicate(known, is_exact=True)  # one of them is shrunk: not the same objects
        near = self._near(project.id, original.difference_hash)
        if near and not upload.near_is_fine:
            return Duplicate(near, is_exact=False)
        picture = known or _new_picture(project.id, sha256, upload, original)
        if not known and not self._insert_pending(picture):
            known, _ = self._with_sha256(project.id, sha256)
            if known is None:
                raise NoSuchProject  # deleted in the same second
            return Duplicate(known, is_exact=True)
        try:
            self.storage.put(picture.key, original.data, picture.content_type)
            self.storage.put(picture.preview_key, original.preview, JPEG)
            is_mine = self._finish(picture.id)
        except BaseException:
            if self._hide_unless_finished(picture.id):
                # First the objects: the row may be gone, with its project.
                self.storage.delete_all([picture.key, picture.preview_key])
                self.delete(project.id, [picture.id])
            raise
        if not is_mine:
            return Duplicate(picture, is_exact=True)
        return Added(picture, original.changes, near)

    def require_room(self, project_id: str, pictures: int = 0, bytes: int = 0) -> None:
        """Raise ProjectFull or SiteStorageFull if so much more would exceed a quota."""
        counts = self.counts(project_id)
        if counts.stored + pictures > self.quota.pictures:
            raise ProjectFull(
                "Pictures in it: {number}. It may hold {most}.",
                number=counts.stored,
                most=self.quota.pictures,
            )
        if counts.bytes + bytes > self.quota.bytes:
            raise ProjectFull(
                "Its pictures take {number} MB, what is sent takes {size} MB, and all may take "
                "{most} MB.",
                number=_megabytes(counts.bytes),
                size=_megabytes(bytes),
                most=f"{self.quota.bytes / 1e6:.0f}",
            )
        require_site_room(self.database, self.quota.site_bytes, bytes)

    def counts(self, project_id: str) -> Counts:
        return self.counts_of([project_id])[project_id]

    def counts_of(self, project_ids: Collection[str]) -> dict[str, Counts]:
        return counts_of(self.database, project_ids)

    def get(self, project_id: str, id: str, *, hides_truth: bool = False) -> ProjectPicture:
        """Return the picture; `hides_truth` as in `page`. Raises NoSuchProject."""
        found = self.find(project_id, [id], hides_truth=hides_truth)
        if not found:
            raise NoSuchProject
        return found[0]

    def find(
        self, project_id: str, ids: Collection[str], *, hides_truth: bool = False
    ) -> list[ProjectPicture]:
        """Return those pictures of the project that exist, by age."""
        known = [id for id in ids if is_storable(id)]
        query = project_pictures.select().where(_of(project_id), row.id.in_(known))
        with self.database.transaction() as connection:
            found = connection.execute(query.order_by(row.created_at, row.id)).mappings().all()
        return [picture_from_row(each, hides_truth=hides_truth) for each in found]

    def page(  # noqa: PLR0913 - what a list can be narrowed by
        self,
        project_id: str,
        limit: int,
        cursor: str | None = None,
        *,
        state: str | None = None,
        split: str | None = None,
        hides_truth: bool = False,
    ) -> PicturePage:
        """Return a page of pictures, newest first; `cursor` is the last one's id.

        `state` is one of STATES. With `hides_truth`, pictures that rate labellers are as if nobody
        had labelled them. Raises InvalidCursor, also where the cursor's picture was deleted.
        """
        query = project_pictures.select().where(_of(project_id))
        query = query.order_by(row.created_at.desc(), row.id.desc()).limit(limit + 1)
        if state is not None:
            query = query.where(_as_labellers_see(state) if hides_truth else STATES[state])
        if split is not None:
            query = query.where(row.split == split)
        if cursor is not None:
            try:
                last = self.get(project_id, cursor)
            except NoSuchProject:
                raise InvalidCursor("This cursor is not valid.") from None
            position = to_naive_utc(last.created_at), last.id
            query = query.where(tuple_(row.created_at, row.id) < tuple_(*position))
        with self.database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        pictures = tuple(picture_from_row(each, hides_truth=hides_truth) for each in rows[:limit])
        return PicturePage(pictures, pictures[-1].id if len(rows) > limit else None)

    def has_side(self, project_id: str, split: str, *, others: bool = False) -> bool:
        """Return whether a picture is on this side; with `others`, whether one is not."""
        side = row.split.is_distinct_from(split) if others else row.split == split
        with self.database.transaction() as connection:
            return (
                connection.scalar(select(row.id).where(_of(project_id), side).limit(1)) is not None
            )

    def each(
        self,
        project_id: str,
        *,
        labelled_only: bool = False,
        after: ProjectPicture | None = None,
        batch: int = BATCH,
    ) -> Iterator[ProjectPicture]:
        """Yield the pictures of a project that follow `after`, oldest first, `batch` at a time."""
        last = (to_naive_utc(after.created_at), after.id) if after else None
        query = project_pictures.select().where(_of(project_id))
        if labelled_only:
            query = query.where(STATES["labelled"])
        query = query.order_by(row.created_at, row.id).limit(batch)
        while True:
            beyond = tuple_(row.created_at, row.id) > tuple_(*last) if last else None
            with self.database.transaction() as connection:
                statement = query if beyond is None else query.where(beyond)
                rows = connection.execute(statement).mappings().all()
            yield from map(picture_from_row, rows)
            if len(rows) < batch:
                return
            last = rows[-1]["created_at"], rows[-1]["id"]

    def delete(self, project_id: str, ids: Collection[str]) -> int:
        """Delete pictures with their objects and annotations; return their number.

        Raises StorageFailed if an object could not be deleted; the sweep tries again.
        """
        known = [id for id in ids if is_storable(id)]
        chosen = and_(row.project_id == project_id, row.id.in_(known))
        return delete_pictures(self.database, self.storage, chosen)

    def _with_sha256(self, project_id: str, sha256: str) -> tuple[ProjectPicture | None, bool]:
        """Return the picture of these bytes, and whether it is finished.

        What a killed process left long ago is deleted.
        """
        same = and_(row.project_id == project_id, row.sha256 == sha256)
        with self.database.transaction() as connection:
            found = connection.execute(project_pictures.select().where(same)).mappings().first()
        if found is None:
            return None, False
        is_abandoned = found["created_at"] < to_naive_utc(datetime.now(UTC) - PENDING_TTL)
        if found["status"] == DELETING or (found["status"] == PENDING and is_abandoned):
            delete_pictures(self.database, self.storage, and_(same, row.status != READY))
            return None, False
        return picture_from_row(found), found["status"] == READY

    def _near(self, project_id: str, value: bytes | None) -> ProjectPicture | None:
        if value is None:
            return None
        query = select(row.id, row.difference_hash).where(
            _of(project_id), row.difference_hash.is_not(None)
        )
        with self.database.transaction() as connection:
            known = connection.execute(query).all()
        index = nearest(value, [bytes.fromhex(written) for _, written in known])
        if index is None:
            return None
        found = self.find(project_id, [known[index][0]])
        return found[0] if found else None

    def _insert_pending(self, picture: ProjectPicture) -> bool:
        """Insert the row. Return False if the same bytes came in meanwhile."""
        with self.database.transaction(writing=True) as connection:
            _require_project(connection, picture.project_id)
            try:
                connection.execute(project_pictures.insert(), _to_row(picture))
            except IntegrityError:
                connection.rollback()
                return False
        return True

    def _finish(self, id: str) -> bool:
        """Show the picture; return False if another upload of its bytes did.

        Raises NoSuchProject if it was deleted meanwhile, with its project.
        """
        mine = and_(row.id == id, row.status == PENDING)
        with self.database.transaction(writing=True) as connection:
            statement = project_pictures.update().where(mine).values(status=READY)
            if connection.execute(statement).rowcount:
                return True
            finished = select(row.id).where(row.id == id, row.status == READY)
            if connection.scalar(finished) is None:
                raise NoSuchProject
            return False

    def _hide_unless_finished(self, id: str) -> bool:
        """Hide the picture, unless another upload has finished it; return whether it is hidden."""
        with self.database.transaction(writing=True) as connection:
            hide_pictures(connection, and_(row.id == id, row.status == PENDING))
            finished = select(row.id).where(row.id == id, row.status == READY)
            return connection.scalar(finished) is None


def _require_project(connection: Connection, project_id: str) -> None:
    of = and_(projects.c.id == project_id, projects.c.status == READY)
    # Locked, so that a deletion that begins meanwhile finds the picture.
    query = select(projects.c.id).where(of).with_for_update(read=True)
    if connection.scalar(query) is None:
        raise NoSuchProject


def _megabytes(bytes: int) -> str:
    """Return the size rounded up: what is refused is never shown as nothing.

    >>> _megabytes(0), _megabytes(30_000), _megabytes(1_234_567), _megabytes(20_000_000_000)
    ('0', '0.1', '1.3', '20000')
    """
    return f"{math.ceil(bytes / 1e5) / 10:.15g}"


def _of(project_id: str) -> ColumnElement[bool]:
    return and_(row.project_id == project_id, row.status == READY)


def _as_labellers_see(state: str) -> ColumnElement[bool]:
    if state == "unlabelled":
        return or_(STATES[state], row.truth.is_not(None))
    return and_(STATES[state], row.truth.is_(None))


def clean_file_name(name: str) -> str:
    """Return the last part of a file's name, printable, for display and exports only."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable())[-MAX_FILE_NAME:]


def _new_picture(
    project_id: str, sha256: str, upload: Upload, original: Original
) -> ProjectPicture:
    id = random_id(ID_BYTES)
    key = f"projects/{project_id}/{id}"
    return ProjectPicture(
        id=id,
        project_id=project_id,
        created_at=datetime.now(UTC),
        created_by=upload.created_by,
        key=f"{key}.{SUFFIXES[original.format]}",
        preview_key=f"{key}-preview.jpg",
        file_name=clean_file_name(upload.file_name) or f"{id}.{SUFFIXES[original.format]}",
        source=upload.source,
        result_id=upload.result_id,
        owner=upload.owner,
        sha256=sha256,
        difference_hash=original.difference_hash.hex() if original.difference_hash else None,
        format=original.format,
        bytes=len(original.data),
        width=original.width,
        height=original.height,
        turn=original.turn,
        taken_at=original.taken_at,
        group_name=upload.group_name,
        split=upload.split,
        split_is_fixed=upload.split is not None,
        boxes=(),
        labels=(),
        revision=0,
        labelled_at=None,
        labelled_by=None,
        uncertainty=None,
    )


def _to_row(picture: ProjectPicture) -> dict[str, Any]:
    return {
        **asdict(picture),
        "status": PENDING,
        "created_at": to_naive_utc(picture.created_at),
        "boxes": [asdict(box) for box in picture.boxes],
        "labels": list(picture.labels),
    }


def picture_from_row(found: Mapping[Any, Any], *, hides_truth: bool = False) -> ProjectPicture:
    """Return the picture of a row of `project_pictures`; `hides_truth` as in `page`."""
    fields = {name: found[name] for name in ProjectPicture.__dataclass_fields__}
    labelled_at = found["labelled_at"]
    fields |= {
        "created_at": found["created_at"].replace(tzinfo=UTC),
        "labelled_at": labelled_at and labelled_at.replace(tzinfo=UTC),
        "boxes": tuple(PictureBox(**box) for box in found["boxes"]),
        "labels": tuple(found["labels"]),
    }
    if hides_truth and found["truth"] is not None:
        nothing = dict.fromkeys(("labelled_at", "labelled_by"))
        fields |= {"boxes": (), "labels": (), "revision": 0, **nothing}
    return ProjectPicture(**fields)
