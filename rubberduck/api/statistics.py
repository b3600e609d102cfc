"""The API of the statistics page: anonymous totals of the last days."""

from typing import TYPE_CHECKING, Annotated

from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.web.deps import pipeline
from rubberduck.web.responses import as_json, with_etag
from rubberduck.web.statistics import DAYS, daily_stats

if TYPE_CHECKING:
    from rubberduck.db.daily_stats import Totals

Number = Annotated[int, Field(ge=0)]


@body_class
class TotalsBody:
    """How many pictures were checked, and what their owners said of the answers."""

    checked: Number
    found: Annotated[int, Field(ge=0, description="answered yes")]
    rated_right: Number
    rated_wrong: Number
    corrected: Annotated[int, Field(ge=0, description="drawn by hand where the objects are")]


@body_class
class DayBody:
    """The totals of one day."""

    day: Annotated[str, Field(json_schema_extra={"format": "date"}, description="of UTC")]
    totals: TotalsBody


@body_class
class EngineBody:
    """The totals of one detector or model."""

    engine: Annotated[str, Field(description="the detector or model that answered")]
    totals: TotalsBody


@body_class
class StatisticsBody:
    """The answers of one question, without the sample pictures."""

    question: str
    days: Annotated[int, Field(ge=1, description="so many days, today among them")]
    totals: TotalsBody
    by_day: Annotated[list[DayBody], Field(description="days with answers only, oldest first")]
    by_engine: list[EngineBody]
    yes_by_confidence: Annotated[
        list[Number],
        Field(description="answers of yes at 0 to 9 %, 10 to 19 %, …, 90 to 100 %"),
    ]


@api.get("/statistics")
def get_statistics() -> ResponseReturnValue:
    """Return the totals of the chosen question."""
    stats = daily_stats()
    body = StatisticsBody(
        pipeline().question.title,
        DAYS,
        _totals(stats.totals),
        [DayBody(day.isoformat(), _totals(sums)) for day, sums in stats.days.items()],
        [EngineBody(name, _totals(sums)) for name, sums in stats.engines.items()],
        stats.score_histogram,
    )
    return with_etag(as_json(body))


def _totals(sums: "Totals") -> TotalsBody:
    return TotalsBody(sums.asked, sums.found, sums.right, sums.wrong, sums.corrected)
