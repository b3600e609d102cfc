"""Who labels which picture, and what was said: leases, optimistic locking, history, truth.

A lease keeps a picture from being given to two people at once. It decides nothing else: a save
needs no lease but the revision that was seen, so nobody's boxes are lost or overwritten unseen
when a lease ends. Every saved annotation stays in the table `annotations`.

A truth picture is one whose annotation an operator trusts. Now and then labellers get one as if it
were unlabelled; their answer changes nothing and is kept with its agreement with the truth. To
them its revision is 0, as that of any unlabelled picture, and then the number of their answers.
Operators see which pictures these are, so they are not rated, and what they save is the new truth.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    or_,
    select,
)

from rubberduck.accounts.tables import operators
from rubberduck.custom_models.annotations import Annotation, AnnotationRules, agreement, from_row
from rubberduck.custom_models.errors import InvalidAnnotation, NoSuchProject, PictureChanged
from rubberduck.custom_models.project_counts import counts_of
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.tables import annotations, project_pictures
from rubberduck.db.clock import database_now
from rubberduck.db.engine import Database, is_storable
from rubberduck.db.tables import READY

LEASE = timedelta(minutes=5)  # the page renews it every minute
TRUTH_EVERY = 10  # pictures, on average
picture, saved = project_pictures.c, annotations.c


@dataclass(frozen=True)
class Lease:
    """Who has the picture at the moment. `holder` is another person's name, or None."""

    is_held: bool
    holder: str | None
    revision: int


@dataclass(frozen=True)
class Task:
    """A picture to label, and what it was said to show. Times are UTC."""

    picture_id: str
    file_name: str
    width: int  # of the upright picture, in pixels
    height: int
    preview_key: str
    annotation: Annotation
    labelled_by: str | None
    labelled_at: datetime | None
    is_truth: bool
    lease: Lease

    @property
    def revision(self) -> int:
        return self.lease.revision


@dataclass(frozen=True)
class SavedAnnotation:
    """An entry of a picture's history."""

    revision: int
    labelled_by: str
    labelled_at: datetime
    annotation: Annotation


@dataclass(frozen=True)
class Labeller:
    """A person's figures in a project; `agreement` is 0 to 1, None before the first truth."""

    name: str
    pictures: int
    truth_pictures: int
    agreement: float | None
    last_at: datetime


@dataclass(frozen=True)
class Progress:
    pictures: int
    labelled: int

    @property
    def left(self) -> int:
        return self.pictures - self.labelled


@dataclass(frozen=True)
class Labelling:
    """The labelling of one project by one person; `sees_truth`: an operator.

    Methods with a `picture_id` raise NoSuchProject where there is no such picture; all raise
    ResultsUnavailable when the database fails.
    """

    database: Database
    project: Project
    labeller_id: str
    sees_truth: bool
    randomness: random.Random = field(default_factory=random.SystemRandom)

    def next(self, skipped: Sequence[str] = ()) -> Task | None:
        """Lease the next picture: the one this person has, the most uncertain, the oldest.

        `skipped` pictures are given back. Returns None when no picture is left to label.
        """
        skipped = [id for id in skipped if is_storable(id)]
        with self.database.transaction(writing=True) as connection:
            if skipped:
                ours = and_(picture.id.in_(skipped), picture.leased_by == self.labeller_id)
                connection.execute(project_pictures.update().where(ours).values(_FREE))
            found = self._first(connection, skipped)
            if found is None:
                return None
            is_new = found.leased_by != self.labeller_id and not self.sees_truth
            if is_new and not self.randomness.randrange(TRUTH_EVERY):
                unseen = self._unseen_truth(database_now(connection), skipped)
                found = connection.execute(unseen).first() or found
            return self._task(connection, found, self._lease(connection, found))

    def open(self, picture_id: str) -> Task:
        """Return this picture, labelled or not, leased unless another person has it."""
        with self.database.transaction(writing=True) as connection:
            found = self._row(connection, picture_id)
            return self._task(connection, found, self._lease(connection, found))

    def get(self, picture_id: str) -> Task:
        """Return this picture without leasing it."""
        with self.database.transaction() as connection:
            found = self._row(connection, picture_id, locked=False)
            return self._task(connection, found, self._held(connection, found))

    def renew(self, picture_id: str) -> Lease:
        """Extend the lease, or take it again if nobody did meanwhile."""
        with self.database.transaction(writing=True) as connection:
            found = self._row(connection, picture_id)
            lease = self._lease(connection, found)
            return self._task(connection, found, lease).lease

    def save(self, picture_id: str, revision: int, annotation: Annotation) -> int:
        """Store what the picture shows and return its new revision.

        `revision` is the one that the person saw. Raises PictureChanged if somebody saved another
        one meanwhile, InvalidAnnotation if a box or label breaks a rule.
        """
        with self.database.transaction(writing=True) as connection:
            found = self._row(connection, picture_id)
            self._rules(found).check(annotation)
            # A labeller never changes the truth, whatever revision he heard of elsewhere.
            is_rated = self._is_disguised(found)
            if not is_rated and revision != found.revision:
                raise PictureChanged("Somebody saved this picture while you were labelling it.")
            said = annotation.to_row()
            entry = {
                "revision": self._next_revision(connection, found),
                "labelled_by": self.labeller_id,
                "labelled_at": database_now(connection),
                **said,
            }
            agrees = agreement(annotation, from_row(found.truth)) if is_rated else None
            of = {"picture_id": picture_id, "project_id": self.project.id, "agreement": agrees}
            connection.execute(annotations.insert(), of | entry)
            values = {} if is_rated else entry | {"truth": found.truth and said}
            if found.leased_by == self.labeller_id:
                values |= _FREE
            if values:
                where = picture.id == picture_id
                connection.execute(project_pictures.update().where(where).values(values))
            # To the person who was rated, nobody else has labelled the picture.
            return len(self._own(connection, picture_id)) if is_rated else entry["revision"]

    def hint(self, picture_id: str, labels: Sequence[str]) -> None:
        """Note which labels an unlabelled picture of a box project shows; its boxes are missing.

        Raises PictureChanged if it is labelled.
        """
        with self.database.transaction(writing=True) as connection:
            found = self._row(connection, picture_id)
            # To the person who is rated, a truth picture is an unlabelled one; nothing is noted.
            is_rated = self._is_disguised(found)
            if found.revision and not is_rated:
                raise PictureChanged("Somebody has drawn the boxes of this picture meanwhile.")
            if not set(labels) <= set(self.project.label_names):
                raise InvalidAnnotation("The project does not have one of the labels any more.")
            values: dict[str, Any] = {} if is_rated else {"labels": list(dict.fromkeys(labels))}
            if found.leased_by == self.labeller_id:
                values |= _FREE
            if values:
                where = picture.id == picture_id
                connection.execute(project_pictures.update().where(where).values(values))

    def history(self, picture_id: str) -> tuple[SavedAnnotation, ...]:
        """Return every saved annotation of the picture, the newest first."""
        names = _name_of(saved.labelled_by)
        query = select(annotations, names.label("name")).where(saved.picture_id == picture_id)
        with self.database.transaction() as connection:
            found = self._row(connection, picture_id, locked=False)
            is_rated = self._is_disguised(found)
            if is_rated:
                query = query.where(saved.labelled_by == self.labeller_id)
            rows = connection.execute(query.order_by(saved.revision.desc())).all()
        return tuple(
            SavedAnnotation(
                len(rows) - place if is_rated else row.revision,
                row.name or "",
                row.labelled_at.replace(tzinfo=UTC),
                from_row(row._mapping),
            )
            for place, row in enumerate(rows)
        )

    def mark_truth(self, picture_id: str, is_truth: bool) -> None:
        """Let labellers be rated by this picture, or no more. Raises InvalidAnnotation."""
        with self.database.transaction(writing=True) as connection:
            found = self._row(connection, picture_id)
            if is_truth and not found.revision:
                raise InvalidAnnotation("Label this picture first: nobody has said what it shows.")
            shown = from_row(found._mapping).to_row()
            values: dict[str, Any] = {"truth": shown if is_truth else None}
            number = self._next_revision(connection, found)
            if not is_truth and number > found.revision + 1:
                # Whoever was rated believes to know the last revision: this one is a new one.
                values["revision"] = number
                entry = {name: getattr(found, name) for name in ("labelled_by", "labelled_at")}
                of = {"picture_id": picture_id, "project_id": self.project.id, "revision": number}
                connection.execute(annotations.insert(), of | entry | shown)
            where = picture.id == picture_id
            connection.execute(project_pictures.update().where(where).values(values))

    def labellers(self) -> tuple[Labeller, ...]:
        """Return everybody who labelled in this project, by name.

        The first answer to a truth picture counts: a later one may be made with knowledge.
        """
        first = _first_ratings(self.project.id)
        is_first = and_(
            first.c.picture_id == saved.picture_id,
            first.c.labelled_by == saved.labelled_by,
            first.c.revision == saved.revision,
        )
        query = (
            select(
                func.coalesce(func.max(_name_of(saved.labelled_by)), "").label("name"),
                func.count(saved.picture_id.distinct()).label("pictures"),
                func.count(first.c.revision).label("truth_pictures"),
                func.avg(case((first.c.revision.is_not(None), saved.agreement))).label("agreement"),
                func.max(saved.labelled_at).label("last_at"),
            )
            .select_from(annotations.outerjoin(first, is_first))
            .where(saved.project_id == self.project.id)
            .group_by(saved.labelled_by)
            .order_by("name")
        )
        with self.database.transaction() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Labeller(r.name, r.pictures, r.truth_pictures, r.agreement, _utc(r.last_at))
            for r in rows
        )

    def progress(self) -> Progress:
        """Return what this person sees: a truth picture to be rated by seems unlabelled."""
        counts = counts_of(self.database, [self.project.id])[self.project.id]
        if self.sees_truth:
            return Progress(counts.pictures, counts.labelled)
        waits = picture.revision > 0, picture.truth.is_not(None), ~self._has_answered()
        query = select(func.count()).select_from(project_pictures).where(*self._ready(), *waits)
        with self.database.transaction() as connection:
            disguised = connection.scalar(query) or 0
        return Progress(counts.pictures, max(0, counts.labelled - disguised))

    # The rows

    def _ready(self) -> tuple[ColumnElement[bool], ...]:
        return picture.project_id == self.project.id, picture.status == READY

    def _free(self, now: datetime) -> ColumnElement[bool]:
        is_free = or_(picture.leased_until.is_(None), picture.leased_until <= now)
        return or_(is_free, picture.leased_by == self.labeller_id)

    def _first(self, connection: Connection, skipped: Sequence[str]) -> Row[Any] | None:
        """Return the picture this person has; of the others the most uncertain, then the oldest.

        One query for each kind: an index gives its first row, however many pictures wait.
        """
        now = database_now(connection)
        mine = and_(picture.leased_by == self.labeller_id, picture.leased_until > now)
        seems_unlabelled = picture.revision == 0
        if not self.sees_truth:
            disguised = and_(picture.truth.is_not(None), ~self._has_answered())
            seems_unlabelled = or_(seems_unlabelled, disguised)
        waits = and_(picture.revision == 0, self._free(now))
        by_age = picture.created_at, picture.id
        kinds: tuple[tuple[ColumnElement[bool], tuple[ColumnElement[Any], ...]], ...] = (
            (and_(mine, seems_unlabelled), (picture.leased_until.desc(),)),
            (
                and_(waits, picture.uncertainty.is_not(None)),
                (picture.uncertainty.desc(), *by_age),
            ),
            (and_(waits, picture.uncertainty.is_(None)), by_age),
        )
        for kind, order in kinds:
            query = (
                project_pictures.select()
                .where(*self._ready(), kind, picture.id.not_in(skipped))
                .order_by(*order)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if (found := connection.execute(query).first()) is not None:
                return found
        return None

    def _has_answered(self) -> ColumnElement[bool]:
        own = saved.labelled_by == self.labeller_id
        return exists().where(saved.picture_id == picture.id, own).correlate(project_pictures)

    def _unseen_truth(self, now: datetime, skipped: Sequence[str]) -> Select[Any]:
        unseen = picture.truth.is_not(None), ~self._has_answered()
        return (
            project_pictures.select()
            .where(*self._ready(), *unseen, self._free(now), picture.id.not_in(skipped))
            .order_by(func.random())
            .limit(1)
            .with_for_update(skip_locked=True)
        )

    def _row(self, connection: Connection, id: str, *, locked: bool = True) -> Row[Any]:
        if not is_storable(id):
            raise NoSuchProject
        query = project_pictures.select().where(*self._ready(), picture.id == id)
        found = connection.execute(query.with_for_update() if locked else query).first()
        if found is None:
            raise NoSuchProject
        return found

    def _lease(self, connection: Connection, found: Row[Any]) -> Lease:
        """Take or extend the lease of a locked row, unless another person has it."""
        now = database_now(connection)
        statement = (
            project_pictures.update()
            .where(picture.id == found.id, self._free(now))
            .values(leased_by=self.labeller_id, leased_until=now + LEASE)
        )
        if connection.execute(statement).rowcount:
            return Lease(True, None, found.revision)
        return self._held(connection, found)

    def _held(self, connection: Connection, found: Row[Any]) -> Lease:
        is_leased = found.leased_until and found.leased_until > database_now(connection)
        if not is_leased or found.leased_by == self.labeller_id:
            return Lease(bool(is_leased), None, found.revision)
        return Lease(False, _name(connection, found.leased_by) or "?", found.revision)

    def _task(self, connection: Connection, found: Row[Any], lease: Lease) -> Task:
        """Return the task; a truth picture as if only this person labelled it, or nobody."""
        annotation, by, at = from_row(found._mapping), found.labelled_by, found.labelled_at
        rates = self._is_disguised(found)
        if rates:
            own = self._own(connection, found.id)
            lease = replace(lease, revision=len(own))
            annotation = from_row(own[0]._mapping) if own else Annotation()
            by, at = (self.labeller_id, own[0].labelled_at) if own else (None, None)
        return Task(
            picture_id=found.id,
            file_name=found.file_name,
            width=found.width,
            height=found.height,
            preview_key=found.preview_key,
            annotation=annotation,
            labelled_by=_name(connection, by),
            labelled_at=at and _utc(at),
            is_truth=found.truth is not None and not rates,
            lease=lease,
        )

    def _is_disguised(self, found: Row[Any]) -> bool:
        return found.truth is not None and not self.sees_truth

    def _next_revision(self, connection: Connection, found: Row[Any]) -> int:
        """Return the next number of a locked row: the last one may be that of a rating."""
        query = select(func.max(saved.revision)).where(saved.picture_id == found.id)
        last: int = max(found.revision, connection.scalar(query) or 0)
        return last + 1

    def _own(self, connection: Connection, id: str) -> Sequence[Row[Any]]:
        """Return what this person has saved of the picture, the newest first."""
        own = saved.picture_id == id, saved.labelled_by == self.labeller_id
        query = annotations.select().where(*own).order_by(saved.revision.desc())
        return connection.execute(query).all()

    def _rules(self, found: Row[Any]) -> AnnotationRules:
        ids = self.project.label_names
        return AnnotationRules(self.project.kind, ids, found.width, found.height)


_FREE: dict[str, Any] = {"leased_by": None, "leased_until": None}


def _first_ratings(project_id: str) -> Subquery:
    """Return the first rated answer of each person to each truth picture of a project."""
    of = saved.picture_id, saved.labelled_by
    first = func.min(saved.revision).label("revision")
    query = select(*of, first).where(saved.project_id == project_id, saved.agreement.is_not(None))
    return query.group_by(*of).subquery()


def _name_of(column: ColumnElement[str]) -> Any:
    """Return the name of the person with this id, as a subquery: removed ones keep theirs."""
    return select(operators.c.name).where(operators.c.id == column).scalar_subquery()


def _name(connection: Connection, id: str | None) -> str | None:
    return id and connection.scalar(select(operators.c.name).where(operators.c.id == id))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
