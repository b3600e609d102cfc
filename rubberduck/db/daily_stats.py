"""Counts by day for the statistics page: anonymous totals."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import Connection, Executable

from rubberduck.core.models import Result
from rubberduck.db.engine import Database, upsert
from rubberduck.db.tables import daily_counts

NO = -1  # the score band of negative answers, which have no score
BANDS = 10
SUMS = ("asked", "judged_right", "judged_wrong", "corrected")


@dataclass(frozen=True)
class Count:
    """The answers of one day and one engine in one score band (NO: negative answers)."""

    day: date
    engine: str
    score_band: int
    asked: int
    judged_right: int
    judged_wrong: int
    corrected: int


@dataclass(frozen=True)
class Totals:
    """Sums of counts. `right` and `wrong` are the owners' feedback, `corrected` their boxes."""

    asked: int
    found: int
    right: int
    wrong: int
    corrected: int

    @property
    def share(self) -> float | None:
        """Return the percentage of positive answers; None without answers."""
        return 100 * self.found / self.asked if self.asked else None


@dataclass(frozen=True)
class DailyStats:
    """The counts of one question, by ascending day."""

    counts: tuple[Count, ...]

    @property
    def totals(self) -> Totals:
        return _sum(self.counts)

    @property
    def days(self) -> dict[date, Totals]:
        """Return the totals by day, only for days with answers."""
        days = dict.fromkeys(count.day for count in self.counts)
        return {day: _sum(count for count in self.counts if count.day == day) for day in days}

    @property
    def engines(self) -> dict[str, Totals]:
        names = sorted({count.engine for count in self.counts})
        return {name: _sum(c for c in self.counts if c.engine == name) for name in names}

    @property
    def score_histogram(self) -> list[int]:
        """Return the number of positive answers in each score band: 0 to 9 %, …, 90 to 100 %."""
        histogram: Counter[int] = Counter()
        for count in self.counts:
            histogram[count.score_band] += count.asked
        return [histogram[band] for band in range(BANDS)]


def _sum(counts: Iterable[Count]) -> Totals:
    counts = list(counts)
    return Totals(
        asked=sum(count.asked for count in counts),
        found=sum(count.asked for count in counts if count.score_band != NO),
        right=sum(count.judged_right for count in counts),
        wrong=sum(count.judged_wrong for count in counts),
        corrected=sum(count.corrected for count in counts),
    )


def count(connection: Connection, result: Result, **more: int) -> None:
    """Add to the counts (SUMS) of the day on which the result was created."""
    values = {
        "day": result.created_at.date(),
        "question": result.question,
        "engine": result.answer.engine,
        "score_band": _band(result.verdict.score),
        **dict.fromkeys(SUMS, 0),
        **more,
    }
    connection.execute(_add(connection.dialect.name), values)


@cache
def _add(dialect: str) -> Executable:
    row = upsert(dialect, daily_counts)
    more = {name: daily_counts.c[name] + row.excluded[name] for name in SUMS}
    return row.on_conflict_do_update(index_elements=list(daily_counts.primary_key), set_=more)


def _band(score: float | None) -> int:
    return NO if score is None else min(int(score * BANDS / 100), BANDS - 1)


def read_daily_stats(database: Database, question: str, since: date) -> DailyStats:
    query = (
        daily_counts.select()
        .where(daily_counts.c.question == question, daily_counts.c.day >= since)
        .order_by(daily_counts.c.day, daily_counts.c.engine, daily_counts.c.score_band)
    )
    with database.transaction() as connection:
        rows = connection.execute(query).mappings().all()
    names = Count.__dataclass_fields__
    return DailyStats(tuple(Count(**{name: row[name] for name in names}) for row in rows))
