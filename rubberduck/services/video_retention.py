"""Deletion of videos: on demand, when expired, or when they were left behind."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from rubberduck.core.errors import DuckError, JobEnded, NoSuchJob
from rubberduck.jobs.store import JobStore
from rubberduck.videos.errors import NoSuchVideo
from rubberduck.videos.keys import PREFIX, is_address, prefix_of
from rubberduck.videos.paid import PaidAnalyses
from rubberduck.videos.store import Videos
from rubberduck.videos.uploads import Uploads

if TYPE_CHECKING:
    from rubberduck.db.engine import Database
    from rubberduck.storage.base import Storage

log = logging.getLogger(__name__)
BATCH_SIZE = 100  # videos
DELETED_AT_ONCE = 10  # videos, in a request
KEY_BATCH_SIZE = 1000  # keys in one request of S3
FUTURE = timedelta(days=365)  # objects "older than" this are all
ABANDONED_AFTER = timedelta(hours=1)  # what was received, and never queued
# An analysis that failed or was cancelled can be tried again so long: then the original goes.
ORIGINAL_TTL = timedelta(days=1)


def delete_video(
    database: "Database", storage: "Storage", id: str, owner: str | None = None
) -> None:
    """Hide a video, end its jobs, delete its objects, then its rows; again after a failure.

    Raises NoSuchVideo, StorageFailed.
    """
    videos = Videos(database)
    video = videos.mark_deleting(id, owner)
    store = JobStore(database)
    paid = PaidAnalyses(database).active_jobs(id)
    for job_id in filter(None, (video.job_id, video.render_job_id, *paid)):
        try:
            store.cancel(job_id)
        except (JobEnded, NoSuchJob):
            continue
    keys = storage.keys_older_than(datetime.now(UTC) + FUTURE, [prefix_of(id)])
    _delete(storage, keys)
    videos.forget(id)


def delete_owned_videos(database: "Database", storage: "Storage", owner: str) -> int:
    """Hide all videos of a visitor, then delete some of them and all uploads; return their number.

    The visitor waits: the sweep deletes the rest, and what failed.
    """
    ids = Videos(database).mark_owned_deleting(owner)
    _delete_each(database, storage, ids[:DELETED_AT_ONCE])
    with suppress(DuckError):  # logged
        Uploads(database, storage).delete_owned(owner)
    return len(ids)


def delete_due_videos(database: "Database", storage: "Storage", keep: timedelta) -> int:
    """Delete what is past its retention, was interrupted, or is being deleted; return the number.

    Raises the first failure at the end.
    """
    videos, now = Videos(database), datetime.now(UTC)
    failure: DuckError | None = None
    deleted, last = 0, ""
    while due := videos.due(now - keep, now - ABANDONED_AFTER, BATCH_SIZE, last):
        failure = _delete_each(database, storage, due) or failure
        deleted, last = deleted + len(due), due[-1]
    for video in videos.with_old_originals(now - ORIGINAL_TTL, BATCH_SIZE):
        key = video.original_key or ""
        if not is_address(key):
            storage.delete(key)
        videos.drop_original(video.id)
    if failure is not None:
        raise failure
    return deleted


def delete_expired_uploads(database: "Database", storage: "Storage") -> int:
    """Delete what was sent of videos that never arrived whole, or that nobody had checked."""
    return Uploads(database, storage).sweep()


def delete_orphaned_videos(database: "Database", storage: "Storage") -> int:
    """Delete objects of videos that have no row: a job that was killed late may leave one.

    Nothing is deleted where most of them are unknown: it may be the wrong database, or a new one.
    """
    videos, orphans, known = Videos(database), list[str](), 0
    keys = storage.keys_older_than(datetime.now(UTC) - ABANDONED_AFTER, [PREFIX])
    while batch := list(islice(keys, KEY_BATCH_SIZE)):
        ids = {key.split("/")[1] for key in batch}
        existing = videos.existing(ids)
        known += len(existing)
        orphans += [key for key in batch if key.split("/")[1] not in existing]
    if len({key.split("/")[1] for key in orphans}) > known:
        log.warning("objects of unknown videos are kept number=%d", len(orphans))
        return 0
    return _delete(storage, iter(orphans))


def _delete_each(database: "Database", storage: "Storage", ids: list[str]) -> DuckError | None:
    """Delete videos; return the first failure."""
    failure: DuckError | None = None
    for id in ids:
        try:
            delete_video(database, storage, id)
        except NoSuchVideo:  # somebody else was faster
            continue
        except DuckError as error:
            log.warning("video not deleted id=%s cause=%s", id, error.operator_message)
            failure = failure or error
    return failure


def _delete(storage: "Storage", keys: Iterator[str]) -> int:
    """Delete objects in batches; return their number. Raises StorageFailed."""
    deleted = 0
    while batch := list(islice(keys, KEY_BATCH_SIZE)):
        if failed := storage.delete_all(batch):
            raise next(iter(failed.values()))
        deleted += len(batch)
    return deleted
