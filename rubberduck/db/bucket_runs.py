"""The rows of runs over a bucket: their pages of keys, and one answer for each key.

Every method raises ResultsUnavailable if the database fails.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, case, func, select

from rubberduck.db.engine import Database, is_storable, to_naive_utc, upsert
from rubberduck.db.tables import bucket_answers, bucket_pages, bucket_runs

BATCH = 500
MAX_ERROR = 500
answer_row, page_row = bucket_answers.c, bucket_pages.c


@dataclass(frozen=True)
class BucketAnswer:
    """The answer for one key; `error` says why it has none."""

    key: str
    found: bool | None
    score: float | None
    boxes: list[Any]
    engine: str | None
    error: str | None


@dataclass(frozen=True)
class RunCounts:
    """The answers of a run: all, those that say yes, and those with an error in their place."""

    answered: int
    found: int
    failed: int


@dataclass(frozen=True)
class RunProgress:
    """`open_pages`: the pages that are not done, the next one to be listed among them."""

    answered: int
    open_pages: tuple[int, ...]

    @property
    def is_done(self) -> bool:
        return not self.open_pages


@dataclass(frozen=True)
class BucketRuns:
    database: Database

    def begin(self, id: str, bucket: str, prefix: str, question: str) -> None:
        values = {
            "id": id,
            "created_at": _now(),
            "bucket": bucket,
            "prefix": prefix,
            "question": question,
            "pages": 0,
            "is_listed": False,
        }
        with self.database.transaction(writing=True) as connection:
            connection.execute(bucket_runs.insert().values(values))

    def exists(self, id: str) -> bool:
        with self.database.transaction() as connection:
            statement = select(bucket_runs.c.id).where(bucket_runs.c.id == id)
            return is_storable(id) and connection.scalar(statement) is not None

    def add_page(self, id: str, number: int, pictures: int, *, is_last: bool) -> None:
        """Save that a page has so many pictures; again after a crash."""
        values = {
            "run_id": id,
            "number": number,
            "pictures": pictures,
            "is_done": False,
        }
        with self.database.transaction(writing=True) as connection:
            insert = upsert(connection.dialect.name, bucket_pages).on_conflict_do_nothing()
            connection.execute(insert.values(values))
            is_newer = and_(bucket_runs.c.id == id, bucket_runs.c.pages <= number)
            connection.execute(
                bucket_runs.update().where(is_newer).values(pages=number + 1, is_listed=is_last)
            )

    def finish_page(self, id: str, number: int) -> None:
        this = and_(page_row.run_id == id, page_row.number == number)
        with self.database.transaction(writing=True) as connection:
            connection.execute(bucket_pages.update().where(this).values(is_done=True))

    def unanswered(self, id: str, page: int, keys: Sequence[str]) -> list[str]:
        """Return those of a page's keys that have no answer yet."""
        statement = select(answer_row.key).where(answer_row.run_id == id, answer_row.page == page)
        with self.database.transaction() as connection:
            known = set(connection.scalars(statement))
        return [key for key in keys if key not in known]

    def add_answers(self, id: str, page: int, answers: Sequence[BucketAnswer]) -> None:
        """Save answers; a key that has one keeps it."""
        rows = [
            {
                **asdict(answer),
                "run_id": id,
                "page": page,
                "key_hash": hashlib.sha256(answer.key.encode()).hexdigest(),
                "error": answer.error and answer.error[:MAX_ERROR],
            }
            for answer in answers
        ]
        if rows:
            with self.database.transaction(writing=True) as connection:
                insert = upsert(connection.dialect.name, bucket_answers).on_conflict_do_nothing()
                connection.execute(insert, rows)

    def counts(self, id: str) -> RunCounts:
        """Count the answers of a run, which takes a look at each."""
        answers = select(
            func.count(),
            func.coalesce(func.sum(case((answer_row.found.is_(True), 1), else_=0)), 0),
            func.count(answer_row.error),
        ).where(answer_row.run_id == id)
        with self.database.transaction() as connection:
            return RunCounts(*connection.execute(answers).one())

    def progress(self, id: str) -> RunProgress:
        """Return how far a run is, without counting the answers of the pages that are done.

        It is asked each second, also of a run over millions.
        """
        pages = select(page_row.number).where(page_row.run_id == id, page_row.is_done.is_(False))
        done = select(func.coalesce(func.sum(page_row.pictures), 0)).where(
            page_row.run_id == id, page_row.is_done.is_(True)
        )
        with self.database.transaction() as connection:
            run = connection.execute(bucket_runs.select().where(bucket_runs.c.id == id)).one()
            open_pages = tuple(connection.scalars(pages.order_by(page_row.number)))
            in_open_pages = select(func.count()).where(
                answer_row.run_id == id, answer_row.page.in_(open_pages)
            )
            answered = connection.scalars(done).one() + connection.scalars(in_open_pages).one()
        if not run.is_listed:
            open_pages = *open_pages, run.pages
        return RunProgress(answered, open_pages)

    def answers(self, id: str) -> Iterator[BucketAnswer]:
        """Yield all answers in the order of their pages and keys' hashes, some at a time."""
        last: tuple[int, str] = (-1, "")
        while True:
            newer = (answer_row.page > last[0]) | and_(
                answer_row.page == last[0], answer_row.key_hash > last[1]
            )
            statement = (
                bucket_answers.select()
                .where(answer_row.run_id == id, newer)
                .order_by(answer_row.page, answer_row.key_hash)
                .limit(BATCH)
            )
            with self.database.transaction() as connection:
                rows = connection.execute(statement).all()
            for row in rows:
                yield BucketAnswer(row.key, row.found, row.score, row.boxes, row.engine, row.error)
            if len(rows) < BATCH:
                return
            last = rows[-1].page, rows[-1].key_hash

    def delete_older_than(self, moment: datetime) -> None:
        """Delete runs that began before, with their answers."""
        old = select(bucket_runs.c.id).where(bucket_runs.c.created_at < to_naive_utc(moment))
        with self.database.transaction(writing=True) as connection:
            for table in (bucket_answers, bucket_pages):
                connection.execute(table.delete().where(table.c.run_id.in_(old)))
            connection.execute(
                bucket_runs.delete().where(bucket_runs.c.created_at < to_naive_utc(moment))
            )


def _now() -> datetime:
    return to_naive_utc(datetime.now(UTC))
