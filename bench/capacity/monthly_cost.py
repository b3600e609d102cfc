"""The machines for a load, and what a month of them costs."""

import math
from dataclasses import dataclass

from bench.capacity import aws_prices_and_quotas as aws
from bench.capacity import component_limits
from bench.capacity.aws_prices_and_quotas import HOURS, MINUTES, DatabaseClass, Instance, tiered
from bench.capacity.component_limits import SWEEP_INTERVAL, sweep_seconds
from bench.capacity.resource_model import KEEP_DAYS, PEAK, cost

MIN_MACHINES = 2  # one may fail
PAGE_GB = 60e-6  # HTML, CSS and JavaScript of a visit, compressed: a guess
LOG_GB = 1.2e-6  # the log lines of a picture and its two pages
SMALL, MEDIUM = 100, 10_000  # pictures a minute, up to which these sizes suffice


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
    busiest = component_limits.machine(instance, embedded=embedded)
    daily = component_limits.machine(instance, busy=instance.baseline, embedded=embedded)
    machines = math.ceil(max(PEAK * mean / busiest, mean / daily))
    carried = component_limits.database(database)
    if PEAK * mean > carried or mean > component_limits.database(database, database.baseline):
        raise ValueError(
            f"{per_minute:,.0f} pictures a minute are too many for one {database.name}, which "
            f"carries {60 * carried:,.0f} in the busiest minute: split the site by region"
        )
    return Plan(per_minute, instance, max(MIN_MACHINES, machines), database, embedded)


def monthly_cost(site: Plan) -> dict[str, float]:
    """Return US dollars a month by service."""
    pictures, stored_gb = site.pictures, cost().stored_gb
    zones, redis = (2, aws.REDIS) if site.per_minute > SMALL else (1, 0.0)
    rows_gb = max(20.0, site.kept * cost().row_gb)
    incoming = site.per_minute * 60 * stored_gb / 2  # gigabytes an hour: the plain picture
    balancer = aws.BALANCER + incoming * aws.BALANCER_GB + 2 * aws.ADDRESS
    machine = HOURS * (site.instance.price + aws.ADDRESS) + aws.MACHINE_DISK
    requests = pictures * (2 * aws.S3_PUT + aws.S3_GET)
    # Each worker lists the bucket twice, waits for an hour, and begins again.
    sweep_hours = (SWEEP_INTERVAL + sweep_seconds(2 * site.kept)) / 3600
    listings = 2 * 2 * site.kept / aws.S3_LIST_PAGE * site.machines * site.instance.cores
    return {
        "Rekognition": 0.0 if site.embedded else tiered(pictures, aws.REKOGNITION),
        "machines": site.machines * machine,
        "load balancer": HOURS * balancer,
        "PostgreSQL": zones * (HOURS * site.database.price + rows_gb * aws.DATABASE_DISK),
        "Redis": HOURS * redis,
        "S3 storage and requests": tiered(site.kept * stored_gb, aws.S3_STORAGE) + requests,
        "S3 listings of the sweeps": HOURS / sweep_hours * listings * aws.S3_PUT,
        "traffic out": tiered(pictures * (stored_gb / 2 + PAGE_GB), aws.TRAFFIC),
        "logs, secrets, alarms": aws.FIXED + pictures * LOG_GB * aws.LOGS,
    }
