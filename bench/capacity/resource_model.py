"""What one picture takes of each resource, from the figures in docs/speed/figures.jsonl."""

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from bench.harness.figures import Comparison, Growth
from bench.report import speed_page
from bench.scenarios import amazon, databases, pictures
from rubberduck.core.settings import Settings

T = TypeVar("T", Comparison, Growth)

# Guesses, each easy to change here.
ROUND_TRIP = 0.001  # seconds, from a machine to PostgreSQL in another zone and back
PEAK = 2.0  # the busiest minute relative to the month's mean
BUSY = 0.6  # the planned utilisation: .ebextensions/load-balanced.config adds machines there
KEEP_DAYS: int = Settings.model_fields["keep_days"].default
# Round trips for which a row is locked: of the budget, and of the daily counts.
CALL_TRIPS, RESULT_TRIPS = 2, 1


@dataclass(frozen=True)
class Cost:
    """One uploaded picture, with the page before and after it. CPU and lock times in seconds."""

    site_cpu: float
    detector_cpu: float  # the embedded detector, where it answers instead of Rekognition
    database_cpu: float
    stored_gb: float  # both objects
    row_gb: float
    call_lock: float  # how long counting a paid call holds the budget's row
    result_lock: float  # how long counting a result holds a row of the daily counts

    def cpu(self, *, embedded: bool) -> float:
        return self.site_cpu + (self.detector_cpu if embedded else 0.0)


@cache
def cost() -> Cost:
    page = 2 * _median("page") / 1000
    mixed = _find("detector", pictures.DETECTOR_TITLE.format(pictures.MIXED), Comparison)
    return Cost(
        site_cpu=_median("site") / 1000 + page,
        detector_cpu=mixed.ours.median_cpu,
        database_cpu=(_median("database") + 2 * _median("page_database")) / 1000,
        stored_gb=_median("stored") / 1e6,
        row_gb=_median("row") / 1e6,
        call_lock=_lock(databases.BUDGET, CALL_TRIPS),
        result_lock=_lock(databases.DAILY, RESULT_TRIPS),
    )


def _median(name: str) -> float:
    """Return a figure of `cost_per_picture`, in milliseconds or kilobytes."""
    what, _ = amazon.FIGURES[name]
    return _find("cost_per_picture", what, Comparison).ours.median


def _lock(what: str, trips: int) -> float:
    growth = _find("row_contention", what, Growth)
    return lock_without_trips(growth, trips) + trips * ROUND_TRIP


def lock_without_trips(growth: Growth, trips: int) -> float:
    """Return the seconds that a row is held in addition to the round trips: the least seen.

    With short trips, writers also wait for other things; with long ones, sleeps end too late.
    """
    held = zip(growth.sides[databases.SHARED], growth.sizes, strict=True)
    return min(each - trips * trip for each, trip in held) / 1000


def _find(scenario: str, what: str, kind: type[T]) -> T:
    for figure in speed_page.read(speed_page.FIGURES).get(scenario, []):
        if figure.what == what and isinstance(figure, kind):
            return figure
    command = f"python -m bench --write {scenario}"
    raise LookupError(f"{speed_page.FIGURES} has no {what!r}: `{command}` measures it.")
