"""Deletion of results and pictures: on demand, when expired, or when orphaned."""

import logging
import math
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from rubberduck.core.errors import DuckError, ResultsUnavailable
from rubberduck.db.pending_deletion import PENDING_UPLOAD_TTL, PendingDeletion
from rubberduck.services.observation import LogObserver, Observer, SweepFinished, Swept
from rubberduck.storage.base import Storage

if TYPE_CHECKING:
    from rubberduck.db.leases import Lease
    from rubberduck.db.results import Results
    from rubberduck.services.face_collections import CollectionService

Counted = TypeVar("Counted")
log = logging.getLogger(__name__)
BATCH_SIZE = 500  # results of two pictures each
KEY_BATCH_SIZE = 1000  # as many as S3 lists or deletes with one request
# Only our own keys: a bucket may hold other objects. The first is a picture of a result, the second
# what an interrupted write or check leaves behind.
PICTURE_KEY_RE = re.compile(r"(?:uploads|marked)/([\w-]{22})\.jpg", re.ASCII)
LEFTOVER_KEY_RE = re.compile(r"(?:(?:uploads|marked)/)?tmp\w+\.part|check-[\w-]{11}", re.ASCII)
FIRST_SWEEP_DELAY, SWEEP_INTERVAL = 600.0, 3600.0  # seconds
# Of all processes, one deletes what is due each hour, and one lists the storage once a day: the
# requests for a large bucket cost money.
HOURLY, DAILY = timedelta(hours=1), timedelta(days=1)
SLACK = timedelta(minutes=10)  # a schedule once an hour must not come seconds too early
LEASE = timedelta(minutes=15)  # much longer than a batch; a killed sweep blocks others so long


def delete(deletion: PendingDeletion, storage: Storage, results: "Results") -> None:
    """Delete the pictures, then the row, so that a failure can be retried."""
    for key in deletion.keys:
        storage.delete(key)
    results.delete_rows(deletion.id)


@dataclass(frozen=True)
class Forgotten:
    """The number of results deleted for a visitor, and how many of them still have pictures."""

    results: int
    pending: int


class Sweeper:
    """Deletes expired results, abandoned uploads and orphaned pictures. Idempotent."""

    def __init__(
        self,
        open_results: Callable[[], "Results"],
        storage: Storage,
        observers: tuple[Observer, ...] = (LogObserver(),),
        open_collections: "Callable[[], CollectionService] | None" = None,
    ) -> None:
        self.open_results = open_results
        self.storage = storage
        self.open_collections = open_collections
        self.observers = observers
        self._due: float | None = None
        self._lock = threading.Lock()

    @property
    def results(self) -> "Results":
        return self.open_results()

    def forget(self, id: str, owner: str | None) -> None:
        """Hide the result at once, then delete its pictures and row; without `owner`, anybody's.

        It leaves the projects that it was taken into. Raises StorageFailed if a picture could not
        be deleted; `sweep` retries that.
        """
        deletion = self.results.mark_deleting(id, owner)
        self._withdraw(result_ids=[id])
        delete(deletion, self.storage, self.results)

    def _withdraw(self, **chosen: Any) -> None:
        """Delete a visitor's pictures from all projects."""
        # Imported late: most sites have no projects.
        from rubberduck.custom_models.withdrawal import withdraw

        withdraw(self.results.database, self.storage, **chosen)

    def withdraw_correction(self, id: str, owner: str) -> None:
        """Delete the owner's correction of a result, and the picture from all projects.

        Raises NoSuchResult.
        """
        from rubberduck.db.corrections import withdraw_correction

        withdraw_correction(self.results, id, owner)
        self.withdraw_consent(id, owner)

    def withdraw_consent(self, id: str, owner: str) -> None:
        """Delete the owner's picture of a result from all projects."""
        self._withdraw(owner=owner, result_ids=[id])

    def forget_owned(self, owner: str, ids: Collection[str] | None = None) -> Forgotten:
        """Hide all results of a visitor, or those with these ids, then delete pictures and rows.

        Without `ids`, also all videos. Deletes the pictures of at most BATCH_SIZE results; `sweep`
        deletes the rest, and what failed.
        """
        self._withdraw(owner=owner, **({} if ids is None else {"result_ids": ids}))
        if ids is None:
            self._forget_videos(owner)
        hidden = self.results.mark_owned_deleting(owner, ids)
        batch = hidden[:BATCH_SIZE]
        failed = self.storage.delete_all(key for item in batch for key in item.keys)
        done = [item.id for item in batch if failed.keys().isdisjoint(item.keys)]
        self.results.delete_rows(*done)
        return Forgotten(len(hidden), len(hidden) - len(done))

    def _forget_videos(self, owner: str) -> None:
        # Imported late: most sites have no videos.
        from rubberduck.services.video_retention import delete_owned_videos

        delete_owned_videos(self.results.database, self.storage, owner)

    def sweep(self, *, only_due: bool = False) -> Swept:
        """Delete what should be gone, except what another process is deleting at the moment.

        With `only_due`, only what no process has done within the hour or day. Continue after a
        failure, and raise the first one at the end.
        """
        faults: list[DuckError] = []
        start = time.perf_counter()
        due = self._leased("results", HOURLY, self._delete_due_results, faults, only_due)
        orphans = self._leased("orphans", DAILY, self._delete_orphans, faults, only_due)
        is_partial = due is None or orphans is None
        swept = replace(due or Swept(), orphans=orphans or 0, is_partial=is_partial)
        if due is not None or orphans is not None:
            seconds = time.perf_counter() - start
            for observer in self.observers:
                observer.sweep_finished(SweepFinished(swept, len(faults), seconds))
        if faults:
            raise faults[0]
        return swept

    def _leased(
        self,
        name: str,
        interval: timedelta,
        run: "Callable[[list[DuckError], Lease], Counted]",
        faults: list[DuckError],
        only_due: bool,
    ) -> Counted | None:
        """Run it with its lease, and return what it returns; None without the lease."""
        from rubberduck.db.leases import Lease

        lease, before = Lease(self.results.database, name, LEASE, interval), len(faults)
        if not lease.acquire(early=not only_due):
            return None
        is_done = False
        try:
            deleted = run(faults, lease)
            is_done = len(faults) == before
            return deleted
        finally:
            with suppress(ResultsUnavailable):  # then it runs out
                lease.release(after=(interval if is_done else HOURLY) - SLACK)

    def _delete_expired_secrets(self) -> None:
        # Imported late: requests without an API key need no accounts.
        from rubberduck.accounts.links import Links
        from rubberduck.accounts.sessions import Sessions
        from rubberduck.accounts.tokens import Tokens

        for secrets in (Tokens, Sessions, Links):
            secrets(self.results.database).delete_expired(datetime.now(UTC))

    def _delete_old_events(self) -> None:
        """Delete what is known of pictures that arrived longer ago than results are kept."""
        from rubberduck.db.bucket_runs import BucketRuns
        from rubberduck.db.emulator_records import EmulatorRecords
        from rubberduck.db.event_claims import DatabaseClaims

        before = datetime.now(UTC) - self.results.keep
        DatabaseClaims(self.results.database).delete_older_than(before)
        BucketRuns(self.results.database).delete_older_than(before)
        EmulatorRecords(self.results.database).delete_expired(datetime.now(UTC))

    def _delete_due_project_pictures(self) -> int:
        """Delete what is past its project's retention, withdrawn, or was interrupted."""
        from rubberduck.custom_models.picture_deletion import delete_hidden, hide_due

        hide_due(self.results.database, datetime.now(UTC))
        return delete_hidden(self.results.database, self.storage)

    def _delete_due_named_photos(self) -> None:
        """End deletions of named objects, and delete interrupted uploads of their photos."""
        from rubberduck.named_objects.store import NamedObjects

        objects = NamedObjects(self.results.database)
        objects.hide_interrupted(datetime.now(UTC))
        objects.delete_hidden(self.storage)

    def _delete_old_files_of_projects(self) -> None:
        """Delete what was sent for an import and never imported, and exports."""
        from rubberduck.custom_models.project_keys import EXPORTS, IMPORTS, KEPT

        files = self.storage.keys_older_than(datetime.now(UTC) - KEPT, (IMPORTS, EXPORTS))
        while batch := list(islice(files, KEY_BATCH_SIZE)):
            if failed := self.storage.delete_all(batch):
                raise next(iter(failed.values()))

    def _delete_leftovers_of_projects(self) -> None:
        """Delete what was stored for projects after they were deleted.

        Only of those whose deletion ended here in the last days: a database that was set back, or
        that is the wrong one, must never make training pictures look like orphans.
        """
        from rubberduck.custom_models.project_deletion import delete_leftovers
        from rubberduck.jobs.store import JobStore

        done = JobStore(self.results.database).done("delete-project")
        ids = [str(job.arguments["project_id"]) for job in done]
        if ids and delete_leftovers(self.results.database, self.storage, ids):
            log.warning("objects of deleted projects were left, and are deleted")

    def _resume_deletions_of_projects(self) -> None:
        """Queue the deletion of hidden projects whose job was cancelled, has failed or is gone."""
        from rubberduck.services.project_deletions import resume_deletions

        if queued := resume_deletions(self.results.database):
            log.warning("deletions of projects had stopped, and are queued again: %d", queued)

    def _delete_due_faces(self) -> int:
        """Delete the faces at Amazon whose time is over; return of how many people."""
        return 0 if self.open_collections is None else self.open_collections().sweep()

    def _delete_due_videos(self) -> int:
        from rubberduck.services.video_retention import delete_due_videos

        return delete_due_videos(self.results.database, self.storage, self.results.keep)

    def _delete_expired_uploads(self) -> None:
        from rubberduck.services.video_retention import delete_expired_uploads

        delete_expired_uploads(self.results.database, self.storage)

    def _delete_orphaned_videos(self) -> None:
        if not self.results.was_restored_recently():
            from rubberduck.services.video_retention import delete_orphaned_videos

            delete_orphaned_videos(self.results.database, self.storage)

    def _delete_due_results(self, faults: list[DuckError], lease: "Lease") -> Swept:
        """Return the numbers of what was deleted, without orphans."""
        _attempt(self._delete_expired_secrets, faults)
        pictures = _attempt(self._delete_due_project_pictures, faults)
        _attempt(self._resume_deletions_of_projects, faults)
        _attempt(self._delete_due_named_photos, faults)
        videos = _attempt(self._delete_due_videos, faults)
        people = _attempt(self._delete_due_faces, faults)
        _attempt(self._delete_expired_uploads, faults)
        _attempt(self._delete_old_events, faults)
        deleted, last = 0, ""
        while batch := self.results.mark_expired_deleting(datetime.now(UTC), BATCH_SIZE, last):
            last = batch[-1].id
            failed = self.storage.delete_all(key for item in batch for key in item.keys)
            faults += failed.values()
            for item in batch:
                if failed.keys().isdisjoint(item.keys):  # rows last, so that a failure is retried
                    deleted += _attempt(partial(self._delete_row, item.id), faults) or 0
            if not lease.extend():
                break
        return Swept(deleted, 0, pictures or 0, videos or 0, people or 0)

    def _delete_row(self, id: str) -> int:
        self.results.delete_rows(id)
        return 1

    def _delete_orphans(self, faults: list[DuckError], lease: "Lease") -> int:
        _attempt(self._delete_old_files_of_projects, faults)
        _attempt(self._delete_leftovers_of_projects, faults)
        _attempt(self._delete_orphaned_videos, faults)
        deleted, orphans = 0, self._orphans(lease)
        while batch := list(islice(orphans, KEY_BATCH_SIZE)):
            failed = self.storage.delete_all(batch)
            faults += failed.values()
            deleted += len(batch) - len(failed)
        return deleted

    def _orphans(self, lease: "Lease") -> Iterator[str]:
        """Yield keys without a row. Pending uploads have one: it is written first."""
        if self.results.was_restored_recently():
            return  # the restored database lacks the pictures stored after its backup
        stored = known_ids = 0
        for keys, known in self._pictures(PENDING_UPLOAD_TTL, lease):
            # The ids are random, so that the first keys are a sample of all.
            stored += len(set(map(_id, keys)) - {None})
            known_ids += len(known)
            if 2 * known_ids < stored:
                break
            yield from _unknown(keys, known)
        else:
            return
        # A database that knows few of the pictures may be the wrong one, or a new one: then only
        # pictures past their retention are deleted.
        for keys, known in self._pictures(self.results.keep, lease):
            yield from _unknown(keys, known)

    def _pictures(self, age: timedelta, lease: "Lease") -> Iterator[tuple[list[str], set[str]]]:
        """Yield batches of our keys older than `age`, each with the ids that have a row."""
        stored = self.storage.keys_older_than(datetime.now(UTC) - age)
        own_keys = filter(lambda key: _id(key) or LEFTOVER_KEY_RE.fullmatch(key), stored)
        while (keys := list(islice(own_keys, KEY_BATCH_SIZE))) and lease.extend():
            yield keys, self.results.existing_ids({id for key in keys if (id := _id(key))})

    def maybe_sweep(self) -> None:
        """Start a background sweep of what is due, if the last one of this process was an hour ago.

        Called for every request.
        """
        now = time.monotonic()
        with self._lock:
            if self._due is None:  # workers start at different times
                self._due = now + FIRST_SWEEP_DELAY * random.uniform(1, 2)
            if now < self._due:
                return
            self._due = math.inf  # none while one runs: a large bucket takes longer than an hour
        threading.Thread(target=self._sweep_in_background, name="sweep", daemon=True).start()

    def _sweep_in_background(self) -> None:
        try:
            self.sweep(only_due=True)
        except DuckError as error:
            log.warning("sweep failed cause=%s", error.operator_message)
        finally:
            self._due = time.monotonic() + SWEEP_INTERVAL


def _attempt(action: Callable[[], Counted], faults: list[DuckError]) -> Counted | None:
    """Run `action` and return what it returns; collect its DuckError."""
    try:
        return action()
    except DuckError as error:
        faults.append(error)
        return None


def _id(key: str) -> str | None:
    """Return the id of the result that the picture belongs to."""
    match = PICTURE_KEY_RE.fullmatch(key)
    return match and match[1]


def _unknown(keys: Iterable[str], known: set[str]) -> Iterator[str]:
    return (key for key in keys if LEFTOVER_KEY_RE.fullmatch(key) or _id(key) not in known)
