"""What a month costs at so many pictures a minute, part by part."""

import math
from dataclasses import dataclass
from functools import partial

from bench import needs, published
from bench.capacity import (
    DAYS,
    PEAK,
    SWEEP_REST,
    connections,
    connections_of,
    database_a_second,
    machine_a_second,
    objects,
    sweep_seconds,
)
from bench.published import HOURS, MINUTES, DatabaseClass, Instance, tiered

AT_LEAST = 2  # machines: one may fail
PAGE_KB = 60  # of HTML, CSS and JavaScript for a visit, compressed: our guess
LOG_KB = 1.2  # of lines for a picture and its two pages
FEW, MANY = 100, 10_000  # a minute, up to which the smallest machines do, and the middle ones


@dataclass(frozen=True)
class Hired:
    instance: Instance
    machines: int
    database: DatabaseClass
    has_cdn: bool

    @property
    def has_proxy(self) -> bool:
        """All pools at once would be too many for the database."""
        return self.machines * connections_of(self.instance) > connections(self.database)


@dataclass(frozen=True)
class Bill:
    """US dollars a month."""

    rekognition: float
    machines: float
    balancer: float
    database: float
    s3: float
    sweeps: float
    traffic: float
    redis: float
    rest: float

    @property
    def whole(self) -> float:
        return float(sum(vars(self).values()))


def hired(a_minute: float, *, stands_in: bool = False) -> Hired:
    """For so many on average; in the busiest minute it is as busy as is planned for.

    And on average no busier than its credits allow, so that none has to be paid for.
    """
    instance, database = published.T3_SMALL, published.MICRO
    if a_minute > FEW:
        instance, database = published.C7A_LARGE, published.LARGE
    if a_minute > MANY:
        instance, database = published.C7A_4XLARGE, published.HUGE
    mean = a_minute / 60
    peak = PEAK * mean
    looks = partial(machine_a_second, instance, stands_in=stands_in)
    machines = math.ceil(max(peak / looks(), mean / looks(busy=instance.baseline)))
    saves = partial(database_a_second, database)
    if peak > saves() or mean > saves(database.baseline):
        raise ValueError(f"{a_minute:,.0f} a minute are too many for one {database.name}")
    return Hired(instance, max(AT_LEAST, machines), database, a_minute > FEW)


def bill(a_minute: float, *, stands_in: bool = False) -> Bill:
    site, pictures = hired(a_minute, stands_in=stands_in), a_minute * MINUTES
    stored = needs.burden("stored") / 1e6  # gigabytes of a picture
    return Bill(
        rekognition=0.0 if stands_in else tiered(pictures, published.REKOGNITION),
        machines=site.machines * HOURS * (site.instance.price + published.ADDRESS)
        + site.machines * 8 * published.DISK,
        balancer=_balancer(a_minute, stored),
        database=_database(a_minute, site),
        s3=_s3(a_minute, pictures, stored),
        sweeps=_sweeps(a_minute, site),
        traffic=_traffic(pictures, stored, site.has_cdn),
        redis=HOURS * _redis(a_minute),
        rest=published.FIXED + pictures * LOG_KB / 1e6 * (published.LOGS + published.LOG_KEPT),
    )


def _balancer(a_minute: float, stored: float) -> float:
    """A unit for each gigabyte an hour that comes in, which is half of what is stored."""
    units = a_minute * 60 * stored / 2
    return HOURS * (published.BALANCER + units * published.BALANCER_UNIT + 2 * published.ADDRESS)


def _database(a_minute: float, site: Hired) -> float:
    zones = 2 if site.has_cdn else 1  # a standby, from the middle step on
    rows = max(20.0, a_minute * 1440 * DAYS * needs.burden("row") / 1e6)
    proxy = HOURS * site.database.cores * published.PROXY if site.has_proxy else 0.0
    return zones * (HOURS * site.database.price + rows * published.DATABASE_DISK) + proxy


def _redis(a_minute: float) -> float:
    """An hour: none for two small machines, then what the template makes, then with a replica."""
    if a_minute > MANY:
        return 2 * published.REDIS_LARGE
    return published.REDIS_MICRO if a_minute > FEW else 0.0


def _s3(a_minute: float, pictures: float, stored: float) -> float:
    kept = tiered(a_minute * 1440 * DAYS * stored, published.S3_STORAGE)
    return kept + 2 * pictures * published.S3_PUT + pictures * published.S3_GET


def _sweeps(a_minute: float, site: Hired) -> float:
    """What the listing costs as it is now: each worker lists, rests for an hour, lists again."""
    hours = (SWEEP_REST + sweep_seconds(a_minute)) / 3600
    lists = 2 * objects(a_minute) / published.S3_LISTED * published.S3_PUT
    return site.machines * site.instance.machine.cores * HOURS / hours * lists


def _traffic(pictures: float, stored: float, has_cdn: bool) -> float:
    """Of each visit the page, and one of the two pictures."""
    gigabytes = pictures * (stored / 2 + PAGE_KB / 1e6)
    if not has_cdn:
        return tiered(max(0.0, gigabytes - 100), published.TRAFFIC)  # 100 GB are free
    requests = max(0.0, 2 * pictures - published.CLOUDFRONT_FREE)
    return tiered(gigabytes, published.CLOUDFRONT) + requests * published.CLOUDFRONT_REQUEST
