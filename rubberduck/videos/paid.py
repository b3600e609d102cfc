"""The rows of analyses that cost money: each beside a video's answer, until it takes its place.

A video keeps its free answer while it is analysed again for money. What is seen meanwhile is stored
under the id of the paid analysis, and takes the place of the old segments in one transaction. So a
paid analysis that fails or is cancelled changes nothing, and goes on after its last segment when it
is tried again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select

from rubberduck.core.ids import random_id
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.videos.errors import NoSuchPaidAnalysis, PaidAnalysisRuns
from rubberduck.videos.models import READY, Segment
from rubberduck.videos.rows import segment_row
from rubberduck.videos.store import MAX_MESSAGE
from rubberduck.videos.tables import video_paid_analyses, video_segments, videos

# What may be asked: pictures of frames, by DetectLabels or by a model of Custom Labels; the whole
# video, for labels or for celebrities.
IMAGES, MODEL, WHOLE, CELEBRITIES = (
    "rekognition-images",
    "custom-labels",
    "rekognition-video",
    "rekognition-celebrities",
)
WAYS = (IMAGES, MODEL, WHOLE, CELEBRITIES)
QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
ACTIVE = (QUEUED, RUNNING)
SEGMENT_SAMPLES = 200  # of a segment of a whole answer
SEGMENTS_AT_ONCE = 50  # read at once
row = video_paid_analyses.c


@dataclass(frozen=True)
class PaidAnalysis:
    """One row. `microdollars` is the price that was shown before it was started.

    `rate` is in frames a second and `max_calls` their greatest number, for calls with pictures.
    `token` makes a start of the service's happen once, `remote_id` is what it returned. `answer`
    is what Rekognition Video said beside labels at moments.
    """

    id: str
    video_id: str
    way: str
    question: str
    model: str | None
    rate: float | None
    state: str
    created_at: datetime
    created_by: str
    max_calls: int
    microdollars: int
    job_id: str | None
    token: str
    remote_id: str | None = None
    engine_version: str | None = None
    answer: Mapping[str, Any] | None = None
    error: str | None = None
    ended_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def uses_frames(self) -> bool:
        """Return whether it is made of calls with one picture each."""
        return self.way in (IMAGES, MODEL)


class PaidAnalyses:
    """Paid analyses by id. Every method raises ResultsUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, analysis: PaidAnalysis) -> None:
        """Add a row. Raises PaidAnalysisRuns while the video has an active one."""
        others = and_(row.video_id == analysis.video_id, row.state.in_(ACTIVE))
        lock = select(videos.c.id).where(videos.c.id == analysis.video_id).with_for_update()
        values = {**vars(analysis), "created_at": to_naive_utc(analysis.created_at)}
        with self.database.transaction(writing=True) as connection:
            connection.execute(lock)
            if connection.scalar(select(row.id).where(others)) is not None:
                raise PaidAnalysisRuns("This video is being analysed for money already.")
            connection.execute(video_paid_analyses.insert().values(values))

    def get(self, id: str, video_id: str | None = None) -> PaidAnalysis:
        """Return one; with `video_id`, only of that video. Raises NoSuchPaidAnalysis."""
        wanted = row.id == id
        if video_id is not None:
            wanted = and_(wanted, row.video_id == video_id)
        if not is_storable(id):
            raise NoSuchPaidAnalysis
        with self.database.transaction() as connection:
            query = video_paid_analyses.select().where(wanted)
            found = connection.execute(query).mappings().first()
        if found is None:
            raise NoSuchPaidAnalysis
        return _analysis(found)

    def of_video(self, video_id: str) -> list[PaidAnalysis]:
        """Return all of a video, the newest first."""
        query = video_paid_analyses.select().where(row.video_id == video_id)
        query = query.order_by(row.created_at.desc(), row.id)
        with self.database.transaction() as connection:
            return [_analysis(found) for found in connection.execute(query).mappings()]

    def active_jobs(self, video_id: str) -> list[str]:
        """Return the ids of the jobs of active ones of a video."""
        active = and_(row.video_id == video_id, row.state.in_(ACTIVE), row.job_id.is_not(None))
        with self.database.transaction() as connection:
            return [id for id in connection.scalars(select(row.job_id).where(active)) if id]

    def delete(self, id: str) -> None:
        """Delete one that was not queued."""
        with self.database.transaction(writing=True) as connection:
            connection.execute(video_paid_analyses.delete().where(row.id == id))

    def set_job(self, id: str, job_id: str) -> None:
        """Note the queued job, unless the job has done so."""
        self._update(and_(row.id == id, row.job_id.is_(None)), {"job_id": job_id})

    def begin(self, id: str, job_id: str) -> PaidAnalysis | None:
        """Let a job do it; again after a crash or a failure. Return None if it may not."""
        unstarted = and_(row.state == QUEUED, row.job_id.is_(None))
        mine = and_(row.state != DONE, row.job_id == job_id)
        values = {"state": RUNNING, "job_id": job_id, "error": None, "ended_at": None}
        if not self._update(and_(row.id == id, unstarted | mine), values):
            return None
        return self.get(id)

    def set_remote(self, id: str, token: str, remote_id: str) -> bool:
        """Note the job at Amazon that this token started."""
        return self._update(and_(row.id == id, row.token == token), {"remote_id": remote_id})

    def renew_token(self, id: str, token: str) -> bool:
        """Forget the start of this token, which came to nothing: the next one is a new one."""
        mine = and_(row.id == id, row.token == token)
        return self._update(mine, {"token": new_token(), "remote_id": None})

    def hint(self, remote_id: str) -> list[str]:
        """Return the ids of those whose job at Amazon this is."""
        if not is_storable(remote_id):
            return []
        with self.database.transaction() as connection:
            return list(connection.scalars(select(row.id).where(row.remote_id == remote_id)))

    def add_segment(self, id: str, job_id: str, segment: Segment) -> bool:
        """Save the next segment. Return False if this job may not, or another run was faster."""
        of = video_segments.c.video_id == id
        with self.database.transaction(writing=True) as connection:
            if not _lock(connection, _running(id, job_id)):
                return False
            last = connection.scalar(select(func.max(video_segments.c.number)).where(of))
            if segment.number != (0 if last is None else last + 1):
                return False
            connection.execute(video_segments.insert().values(segment_row(id, segment)))
        return True

    def clear_segments(self, id: str, job_id: str) -> bool:
        """Delete what was saved so far, if this job may."""
        with self.database.transaction(writing=True) as connection:
            if not _lock(connection, _running(id, job_id)):
                return False
            own = video_segments.c.video_id == id
            connection.execute(video_segments.delete().where(own))
        return True

    def finish(
        self,
        analysis: PaidAnalysis,
        job_id: str,
        version: str | None,
        video_values: Mapping[str, Any] | None,
    ) -> bool:
        """End it, if this job still makes it. Return whether it did.

        With `video_values`, columns of the video's row, what was seen replaces the video's own
        segments in the same transaction.
        """
        values = {"state": DONE, "engine_version": version, "ended_at": _now()}
        segments, video = video_segments.c, videos.c
        ready = and_(video.id == analysis.video_id, video.status == READY)
        with self.database.transaction(writing=True) as connection:
            if not _lock(connection, _running(analysis.id, job_id)):
                return False
            if video_values is not None:
                changed = videos.update().where(ready).values(**video_values)
                if not connection.execute(changed).rowcount:
                    return False
                old = video_segments.delete().where(segments.video_id == analysis.video_id)
                connection.execute(old)
                _move_segments(connection, analysis.id, analysis.video_id)
            done = video_paid_analyses.update().where(row.id == analysis.id)
            connection.execute(done.values(values))
        return True

    def set_answer(self, id: str, job_id: str, answer: Mapping[str, Any]) -> bool:
        """Save what Amazon said beside labels at moments, if this job may."""
        return self._update(_running(id, job_id), {"answer": dict(answer)})

    def fail(self, id: str, job_id: str, message: str, *, cancelled: bool = False) -> bool:
        """Save why there is no answer, if this job was to give it."""
        mine = and_(row.id == id, row.job_id == job_id, row.state.in_(ACTIVE))
        state = CANCELLED if cancelled else FAILED
        values = {"state": state, "error": message[:MAX_MESSAGE], "ended_at": _now()}
        return self._update(mine, values)

    def requeue(self, id: str, job_id: str) -> bool:
        """Let a failed or cancelled one wait for its job again."""
        ended = and_(row.id == id, row.job_id == job_id, row.state.in_((FAILED, CANCELLED)))
        return self._update(ended, {"state": QUEUED, "error": None, "ended_at": None})

    def _update(self, which: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
        changed = video_paid_analyses.update().where(which).values(values)
        with self.database.transaction(writing=True) as connection:
            return bool(connection.execute(changed).rowcount)


def new_token() -> str:
    """Return a ClientRequestToken."""
    return random_id(24)


def _running(id: str, job_id: str) -> ColumnElement[bool]:
    return and_(row.id == id, row.job_id == job_id, row.state == RUNNING)


def _lock(connection: Connection, which: ColumnElement[bool]) -> bool:
    return connection.scalar(select(row.id).where(which).with_for_update()) is not None


def _move_segments(connection: Connection, id: str, video_id: str) -> None:
    """Move segments to a video, joined to longer ones: each paid call may have made its own."""
    of, number = video_segments.c, 0
    samples: list[Any] = []

    def write(end_pts: int) -> None:
        nonlocal number, samples
        row = {"number": number, "end_pts": end_pts, "first_seconds": samples[0][1]}
        insert = video_segments.insert().values(video_id=video_id, samples=samples, **row)
        connection.execute(insert)
        number, samples = number + 1, []

    first, end_pts = 0, 0
    while True:
        query = video_segments.select().where(of.video_id == id, of.number >= first)
        found = connection.execute(query.order_by(of.number).limit(SEGMENTS_AT_ONCE)).mappings()
        some = list(found)
        for segment in some:
            samples += segment["samples"]
            end_pts, first = segment["end_pts"], segment["number"] + 1
            if len(samples) >= SEGMENT_SAMPLES:
                write(end_pts)
        if len(some) < SEGMENTS_AT_ONCE:
            break
    if samples:
        write(end_pts)
    connection.execute(video_segments.delete().where(of.video_id == id))


def _now() -> datetime:
    return to_naive_utc(datetime.now(UTC))


def _analysis(found: RowMapping) -> PaidAnalysis:
    times = {
        name: found[name] and found[name].replace(tzinfo=UTC) for name in ("created_at", "ended_at")
    }
    return replace(PaidAnalysis(**found), **times)
