"""The rows of videos and their segments: every change of state is one conditional update.

Segments hold what was seen in each sample; verdicts and tracks are made from them again at any
threshold, so they are not stored.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_

from rubberduck.db.cursors import cursor_of, position_of
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.videos.errors import NoSuchVideo
from rubberduck.videos.keys import original_key
from rubberduck.videos.models import (
    ACTIVE,
    ANALYSING,
    CANCELLED,
    DELETING,
    FAILED,
    QUEUED,
    READY,
    Sample,
    Segment,
    Video,
    VideoInfo,
    VideoVerdict,
)
from rubberduck.videos.rows import info_row, segment_row, to_segment, to_video, video_row
from rubberduck.videos.tables import (
    video_paid_analyses,
    video_segments,
    video_uploads,
    videos,
)

MAX_MESSAGE = 500
MAX_SEGMENTS_AT_ONCE = 50
row = videos.c
CHOSEN = list(videos.columns)


@dataclass(frozen=True)
class VideoPage:
    """A page of a list, and the cursor of the next one, if there is one."""

    videos: tuple[Video, ...]
    next: str | None


class Videos:
    """Videos by id. Every method raises ResultsUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, video: Video) -> None:
        """Add a row, before its objects are stored."""
        with self.database.transaction(writing=True) as connection:
            connection.execute(videos.insert().values(video_row(video)))

    def get(self, id: str, owner: str | None = None) -> Video:
        """Return a video that is not being deleted; with `owner`, only theirs.

        Raises NoSuchVideo.
        """
        found = and_(row.id == id, row.status != DELETING)
        if owner is not None:
            found = and_(found, row.owner == owner)
        with self.database.transaction() as connection:
            if not is_storable(id):
                raise NoSuchVideo
            known = connection.execute(select(*CHOSEN).where(found)).mappings().first()
        if known is None:
            raise NoSuchVideo
        return to_video(known)

    def page(self, owner: str, limit: int, cursor: str | None = None) -> VideoPage:
        """Return at most `limit` videos of an owner, the newest first. Raises InvalidCursor."""
        mine = and_(row.owner == owner, row.status != DELETING)
        if cursor is not None:
            mine = and_(mine, tuple_(row.created_at, row.id) < tuple_(*position_of(cursor)))
        newest = (row.created_at.desc(), row.id.desc())
        statement = select(*CHOSEN).where(mine).order_by(*newest).limit(limit + 1)
        with self.database.transaction() as connection:
            found = [to_video(each) for each in connection.execute(statement).mappings()]
        shown = tuple(found[:limit])
        next = cursor_of(shown[-1].created_at, shown[-1].id) if len(found) > limit else None
        return VideoPage(shown, next)

    def count(self, owner: str) -> int:
        """Return the number of the owner's videos."""
        mine = and_(row.owner == owner, row.status != DELETING)
        with self.database.transaction() as connection:
            return connection.scalar(select(func.count()).where(mine)) or 0

    def update(self, id: str, **values: Any) -> bool:
        """Set columns of a video that is not being deleted; return whether there is one."""
        return self._update(and_(row.id == id, row.status != DELETING), values)

    def begin(self, id: str, job_id: str) -> bool:
        """Let a job analyse a video; again after a crash or a failure. Return whether it may."""
        is_free = and_(row.status == QUEUED, row.job_id.is_(None))
        mine = and_(row.status.in_((*ACTIVE, FAILED, CANCELLED)), row.job_id == job_id)
        values = {"status": ANALYSING, "job_id": job_id, "error": None, "ended_at": None}
        return self._update(and_(row.id == id, is_free | mine), values)

    def set_job(self, id: str, job_id: str) -> bool:
        """Note the queued job of an analysis, unless the job has done so."""
        return self._update(and_(row.id == id, row.job_id.is_(None)), {"job_id": job_id})

    def requeue(self, id: str, job_id: str) -> bool:
        """Let a failed or cancelled video wait for its job again."""
        ended = and_(row.id == id, row.job_id == job_id, row.status.in_((FAILED, CANCELLED)))
        return self._update(ended, {"status": QUEUED, "error": None, "ended_at": None})

    def set_engine(self, id: str, version: str | None) -> None:
        """Note which version of the model analyses a video.

        Another one than before starts anew: what two models saw is not mixed.
        """
        mine = and_(row.id == id, row.status != DELETING)
        segments = video_segments.delete().where(video_segments.c.video_id == id)
        with self.database.transaction(writing=True) as connection:
            known = connection.scalar(select(row.engine_version).where(mine))
            if known != version:
                connection.execute(segments)
                connection.execute(videos.update().where(mine).values(engine_version=version))

    def add_stored(self, id: str, bytes: int) -> bool:
        """Count bytes that are stored now for a video, or with a negative number, no longer."""
        return self.update(id, stored_bytes=row.stored_bytes + bytes)

    def set_render_job(self, video: Video, job_id: str) -> bool:
        """Note the job that draws the boxes in; return False if there is another one by now."""
        before = row.render_job_id
        same = before.is_(None) if video.render_job_id is None else before == video.render_job_id
        ready = and_(row.id == video.id, row.status == READY, row.rendered_key.is_(None))
        return self._update(and_(ready, same), {"render_job_id": job_id})

    def set_rendered(
        self, video: Video, job_id: str, key: str, content_type: str, bytes: int
    ) -> bool:
        """Note the video with boxes, if this job was to draw them and the answer is the same."""
        mine = and_(row.id == video.id, row.status == READY, row.render_job_id == job_id)
        same = and_(row.engine == video.engine, row.min_confidence == video.min_confidence)
        values = {
            "rendered_key": key,
            "rendered_type": content_type,
            "stored_bytes": row.stored_bytes + bytes,
        }
        return self._update(and_(mine, same, row.rendered_key.is_(None)), values)

    def drop_original(self, id: str) -> bool:
        """Note that the original is gone; its bytes are counted no longer, once."""
        held = and_(row.id == id, row.original_key.is_not(None))
        is_own = row.original_key.not_like("s3://%")
        left = case((is_own, row.stored_bytes - row.bytes), else_=row.stored_bytes)
        return self._update(held, {"original_key": None, "stored_bytes": left})

    def stored_bytes(self, owner: str) -> int:
        """Return how much an owner has stored: of videos, and of uploads that are not one yet."""
        uploads = video_uploads.c
        waiting = and_(uploads.owner == owner, uploads.video_id.is_(None))
        with self.database.transaction() as connection:
            own = connection.scalar(select(func.sum(row.stored_bytes)).where(row.owner == owner))
            more = connection.scalar(select(func.sum(uploads.bytes)).where(waiting))
        return int(own or 0) + int(more or 0)

    def count_active(self, owner: str) -> int:
        """Return how many of an owner's videos wait or are being analysed."""
        mine = and_(row.owner == owner, row.status.in_(ACTIVE))
        with self.database.transaction() as connection:
            return int(connection.scalar(select(func.count()).where(mine)) or 0)

    def finish(self, id: str, job_id: str, verdict: VideoVerdict, said: str, samples: int) -> bool:
        """Save the answer, if this job still analyses the video. Return whether it did."""
        values = {
            "status": READY,
            "found": verdict.found,
            "score": verdict.score,
            "said": said,
            "distinct": len(verdict.tracks),
            "samples": samples,
            "ended_at": _now(),
        }
        mine = and_(row.id == id, row.job_id == job_id, row.status == ANALYSING)
        return self._update(mine, values)

    def fail(self, id: str, job_id: str, message: str, *, cancelled: bool = False) -> bool:
        """Save why a video has no answer, if this job was to give it."""
        status = CANCELLED if cancelled else FAILED
        values = {"status": status, "error": message[:MAX_MESSAGE], "ended_at": _now()}
        mine = and_(row.id == id, row.job_id == job_id, row.status.in_(ACTIVE))
        return self._update(mine, values)

    def set_info(self, id: str, info: VideoInfo) -> bool:
        return self.update(id, info=info_row(info))

    def add_segment(self, id: str, job_id: str, segment: Segment) -> bool:
        """Save the next segment. Return False if this job may not, or another run was faster.

        A worker that was taken for dead may wake up, so that two runs read one video.
        """
        mine = and_(row.id == id, row.job_id == job_id, row.status == ANALYSING)
        of = video_segments.c.video_id == id
        with self.database.transaction(writing=True) as connection:
            if connection.scalar(select(row.id).where(mine).with_for_update()) is None:
                return False
            last = connection.scalar(select(func.max(video_segments.c.number)).where(of))
            if segment.number != (0 if last is None else last + 1):
                return False
            connection.execute(video_segments.insert().values(segment_row(id, segment)))
        return True

    def last_segment(self, id: str) -> Segment | None:
        """Return the newest saved segment, after which an analysis goes on."""
        newest = select(func.max(video_segments.c.number)).where(video_segments.c.video_id == id)
        with self.database.transaction() as connection:
            number = connection.scalar(newest)
        return None if number is None else next(self.segments(id, number))

    def segments(self, id: str, first: int = 0) -> Iterator[Segment]:
        """Yield the segments from number `first` on; more are read at once as it goes on."""
        number, at_once = first, 1
        while True:
            statement = (
                video_segments.select()
                .where(video_segments.c.video_id == id, video_segments.c.number >= number)
                .order_by(video_segments.c.number)
                .limit(at_once)
            )
            with self.database.transaction() as connection:
                found = [to_segment(each) for each in connection.execute(statement).mappings()]
            yield from found
            if len(found) < at_once:
                return
            number, at_once = found[-1].number + 1, min(2 * at_once, MAX_SEGMENTS_AT_ONCE)

    def samples(self, id: str) -> Iterator[Sample]:
        """Yield all saved samples in the order of their times."""
        for segment in self.segments(id):
            yield from segment.samples

    def due(
        self, before: datetime, abandoned_before: datetime, limit: int, after: str = ""
    ) -> list[str]:
        """Return ids of what is to be deleted: older than `before`, or being deleted already, or
        received before `abandoned_before` and never queued, since its sender was killed.

        By id; `after` continues a list.
        """
        is_abandoned = and_(
            row.status == QUEUED,
            row.job_id.is_(None),
            row.created_at < to_naive_utc(abandoned_before),
        )
        is_due = or_(row.created_at < to_naive_utc(before), row.status == DELETING, is_abandoned)
        statement = select(row.id).where(is_due, row.id > after).order_by(row.id).limit(limit)
        with self.database.transaction() as connection:
            return list(connection.scalars(statement))

    def with_old_originals(self, before: datetime, limit: int) -> list[Video]:
        """Return failed and cancelled videos that ended before, and still have their original."""
        old = and_(
            row.status.in_((FAILED, CANCELLED)),
            row.ended_at < to_naive_utc(before),
            row.original_key.is_not(None),
        )
        with self.database.transaction() as connection:
            found = connection.execute(select(*CHOSEN).where(old).limit(limit)).mappings()
            return [to_video(each) for each in found]

    def existing(self, ids: Collection[str]) -> set[str]:
        """Return which of these ids are of videos, or of uploads that will be one."""
        with self.database.transaction() as connection:
            known = set(connection.scalars(select(row.id).where(row.id.in_(ids))))
            key = video_uploads.c.key
            wanted = {original_key(id): id for id in ids}
            uploads = connection.scalars(select(key).where(key.in_(list(wanted))))
            return known | {wanted[each] for each in uploads}

    def mark_owned_deleting(self, owner: str) -> list[str]:
        """Hide all videos of an owner; return their ids."""
        mine = row.owner == owner
        with self.database.transaction(writing=True) as connection:
            connection.execute(videos.update().where(mine).values(status=DELETING))
            return list(connection.scalars(select(row.id).where(mine)))

    def mark_deleting(self, id: str, owner: str | None = None) -> Video:
        """Hide a video from everybody, and return it; again after a crash. Raises NoSuchVideo."""
        mine = row.id == id if owner is None else and_(row.id == id, row.owner == owner)
        if not is_storable(id):
            raise NoSuchVideo
        with self.database.transaction(writing=True) as connection:
            connection.execute(videos.update().where(mine).values(status=DELETING))
            known = connection.execute(select(*CHOSEN).where(mine)).mappings().first()
        if known is None:
            raise NoSuchVideo
        return to_video(known)

    def forget(self, id: str) -> None:
        """Delete the row and all that belongs to it; its objects must be gone."""
        paid = video_paid_analyses.c
        with self.database.transaction(writing=True) as connection:
            staged = select(paid.id).where(paid.video_id == id)
            segments = video_segments.c.video_id
            connection.execute(
                video_segments.delete().where((segments == id) | segments.in_(staged))
            )
            connection.execute(video_paid_analyses.delete().where(paid.video_id == id))
            connection.execute(videos.delete().where(row.id == id))

    def _update(self, which: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
        with self.database.transaction(writing=True) as connection:
            return bool(connection.execute(videos.update().where(which).values(values)).rowcount)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
