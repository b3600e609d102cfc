"""What a picture takes of each resource, what a deployment carries, and what a month of it costs.

The costs come from docs/speed/figures.jsonl, AWS's numbers from `aws_prices_and_quotas`.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from bench.capacity import aws_prices_and_quotas as aws
from bench.capacity.aws_prices_and_quotas import HOURS, MINUTES, DatabaseClass, Instance, tiered
from bench.harness.figures import Comparison, Growth
from bench.report import speed_page
from bench.scenarios import amazon, databases, pictures
from rubberduck.core.settings import Settings
from rubberduck.services.retention import BATCH_SIZE, DAILY, KEY_BATCH_SIZE

T = TypeVar("T", Comparison, Growth)

# Guesses, each easy to change here.
ROUND_TRIP = 0.001  # seconds, from a machine to PostgreSQL in another zone and back
PEAK = 2.0  # the busiest minute relative to the month's mean
BUSY = 0.6  # the planned utilisation: .ebextensions/load-balanced.config adds machines there
KEEP_DAYS: int = Settings.model_fields["keep_days"].default
# Round trips for which a row is locked: of the budget, and of the daily counts.
CALL_TRIPS, RESULT_TRIPS = 2, 1
POOL = 7  # connections of a worker at most: SQLAlchemy's pool, 5 that stay and 2 more
TEMPLATE_MACHINES = 40  # the most that deploy/template.yaml allows
COMMITS = 3  # a picture: begun, its call counted, saved; each waits for the disk
COMMONEST = 0.5  # of the results are counted in one row, "no": a guess
UPLOAD_COMMANDS = 5  # of Redis, in the script that counts an upload
# Round trips of a sweep: to look up a batch of ids, and to delete one row.
LOOKUP_TRIPS, DELETION_TRIPS = 5, 5
DELETE_SECONDS = 1.0  # a DeleteObjects request with a thousand keys: a guess
# What a machine sends for each byte stored: both objects to S3, one of them, in base64, to
# Rekognition too.
SENT = 1 + 0.5 * 4 / 3
MIN_MACHINES = 2  # one may fail
PAGE_GB = 60e-6  # HTML, CSS and JavaScript of a visit, compressed: a guess
LOG_GB = 1.2e-6  # the log lines of a picture and its two pages
SMALL, MEDIUM = 100, 10_000  # pictures a minute, up to which these sizes suffice


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


def machine_rate(instance: Instance, *, busy: float = BUSY, embedded: bool = False) -> float:
    """Return the pictures per second that its CPUs, this busy, and its network carry."""
    seconds = cost().site_cpu + (cost().detector_cpu if embedded else 0.0)
    cpu = busy * instance.cores * instance.speed / seconds
    return min(cpu, instance.megabits / (SENT * cost().stored_gb * 8000))


def database_rate(server: DatabaseClass, busy: float = BUSY) -> float:
    """Return the pictures per second that its CPUs carry."""
    return busy * server.cores * server.speed / cost().database_cpu


def connections(instance: Instance) -> int:
    """Return the most database connections of a machine."""
    return instance.cores * min(POOL, instance.threads)


def sweep_seconds(objects: float) -> float:
    """Return the duration of a sweep, which lists all objects once and looks up each id."""
    lookups = aws.S3_LIST_PAGE / KEY_BATCH_SIZE * LOOKUP_TRIPS * ROUND_TRIP
    return objects / aws.S3_LIST_PAGE * (aws.S3_SECONDS + lookups)


def limits(instance: Instance, machines: int, server: DatabaseClass) -> dict[str, float]:
    """Return pictures in the busiest minute by component, the lowest first; the rest is default."""
    calls = Settings.model_fields["monthly_calls"].default
    one, enough = 60 * machine_rate(instance), server.connections // connections(instance)
    rows_gb = KEEP_DAYS * 1440 * cost().row_gb  # for each picture a minute
    found = {
        f"{machines} × {instance.name}": machines * one,
        f"{TEMPLATE_MACHINES} machines": TEMPLATE_MACHINES * one,
        f"CPU of {server.name}": 60 * database_rate(server),
        f"connections of {server.name}": enough * one,
        "PostgreSQL's disk space": PEAK * aws.MAX_DATABASE_GB / rows_gb,
        "PostgreSQL's disk writes": 60 * aws.DISK_OPERATIONS / COMMITS,
        "the budget's row": 60 * BUSY / cost().call_lock,
        "the daily counts' row": 60 * BUSY / cost().result_lock / COMMONEST,
        "the call budget": PEAK * calls / aws.MINUTES,
        "Rekognition's quota": 60 * aws.REKOGNITION_QUOTA,
        "S3 PUT": 60 * aws.S3_PUTS,
        "S3 GET": 60 * aws.S3_GETS,
        "one Redis node": 60 * BUSY * aws.REDIS_COMMANDS / UPLOAD_COMMANDS,
        "the sweep for orphans": PEAK * DAILY.total_seconds() / sweep_seconds(2 * 1440 * KEEP_DAYS),
        "deletion of old results": PEAK
        * 60
        / (DELETE_SECONDS / BATCH_SIZE + DELETION_TRIPS * ROUND_TRIP),
    }
    return dict(sorted(found.items(), key=lambda item: item[1]))


@dataclass(frozen=True)
class Plan:
    """What is deployed for a mean load of `per_minute` pictures."""

    per_minute: float
    instance: Instance
    machines: int
    database: DatabaseClass
    embedded: bool  # the embedded detector answers everything

    @property
    def pictures(self) -> float:
        """Return the pictures of a month: as many Rekognition calls, unless embedded."""
        return self.per_minute * MINUTES

    @property
    def kept(self) -> float:
        """Return the pictures that are stored at a time."""
        return self.per_minute * 1440 * KEEP_DAYS


def plan(per_minute: float, *, embedded: bool = False) -> Plan:
    """Size for the busiest minute, and for a mean load that the CPU credits cover.

    ValueError, if no database class carries it.
    """
    instance, database = aws.T3_SMALL, aws.MICRO
    if per_minute > SMALL:
        instance, database = aws.C7A_LARGE, aws.LARGE
    if per_minute > MEDIUM:
        instance, database = aws.C7A_4XLARGE, aws.HUGE
    mean = per_minute / 60
    busiest = machine_rate(instance, embedded=embedded)
    daily = machine_rate(instance, busy=instance.baseline, embedded=embedded)
    machines = math.ceil(max(PEAK * mean / busiest, mean / daily))
    carried = database_rate(database)
    if PEAK * mean > carried or mean > database_rate(database, database.baseline):
        raise ValueError(
            f"{per_minute:,.0f} pictures a minute are too many for one {database.name}, which "
            f"carries {60 * carried:,.0f} in the busiest minute: split the site by region"
        )
    return Plan(per_minute, instance, max(MIN_MACHINES, machines), database, embedded)


def monthly_cost(site: Plan) -> dict[str, float]:
    """Return US dollars a month by service."""
    calls, stored_gb = site.pictures, cost().stored_gb
    zones, redis = (2, aws.REDIS) if site.per_minute > SMALL else (1, 0.0)
    rows_gb = max(20.0, site.kept * cost().row_gb)
    incoming = site.per_minute * 60 * stored_gb / 2  # gigabytes an hour: the plain picture
    balancer = aws.BALANCER + incoming * aws.BALANCER_GB + 2 * aws.ADDRESS
    machine = HOURS * (site.instance.price + aws.ADDRESS) + aws.MACHINE_DISK
    requests = calls * (2 * aws.S3_PUT + aws.S3_GET)
    # One process of all lists the bucket, waits for a day, and begins again.
    sweep_days = 1 + sweep_seconds(2 * site.kept) / DAILY.total_seconds()
    listings = 2 * site.kept / aws.S3_LIST_PAGE
    return {
        "Rekognition": 0.0 if site.embedded else tiered(calls, aws.REKOGNITION),
        "machines": site.machines * machine,
        "load balancer": HOURS * balancer,
        "PostgreSQL": zones * (HOURS * site.database.price + rows_gb * aws.DATABASE_DISK),
        "Redis": HOURS * redis,
        "S3 storage and requests": tiered(site.kept * stored_gb, aws.S3_STORAGE) + requests,
        "S3 listings of the sweeps": HOURS / 24 / sweep_days * listings * aws.S3_PUT,
        "traffic out": tiered(calls * (stored_gb / 2 + PAGE_GB), aws.TRAFFIC),
        "logs, secrets, alarms": aws.FIXED + calls * LOG_GB * aws.LOGS,
    }
