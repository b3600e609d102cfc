"""How many pictures each component of a deployment carries in the busiest minute."""

from bench.capacity import aws_prices_and_quotas as aws
from bench.capacity.aws_prices_and_quotas import DatabaseClass, Instance
from bench.capacity.resource_model import BUSY, KEEP_DAYS, PEAK, ROUND_TRIP, cost
from rubberduck.core.settings import Settings

POOL = 7  # connections of a worker at most: SQLAlchemy's pool, 5 that stay and 2 more
TEMPLATE_MACHINES = 40  # the most that deploy/template.yaml allows
COMMITS = 3  # a picture: begun, its call counted, saved; each waits for the disk
COMMONEST = 0.5  # of the results are counted in one row, "no": a guess
UPLOAD_COMMANDS = 5  # of Redis, in the script that counts an upload
SWEEP_INTERVAL = 3600.0  # rubberduck.services.retention, as is the batch
SWEEP_BATCH, SWEEP_TRIPS = 100, 4  # ids, and the round trips for them
# What a machine sends for each byte stored: both objects to S3, one of them, in base64, to
# Rekognition too.
SENT = 1 + 0.5 * 4 / 3


def machine(instance: Instance, *, busy: float = BUSY, embedded: bool = False) -> float:
    """Return the pictures per second that its CPUs, this busy, and its network carry."""
    cpu = busy * instance.cores * instance.speed / cost().cpu(embedded=embedded)
    return min(cpu, instance.megabits / (SENT * cost().stored_gb * 8000))


def database(server: DatabaseClass, busy: float = BUSY) -> float:
    """Return the pictures per second that its CPUs carry."""
    return busy * server.cores * server.speed / cost().database_cpu


def connections(instance: Instance) -> int:
    """Return the most database connections of a machine."""
    return instance.cores * min(POOL, instance.threads)


def sweep_seconds(objects: float) -> float:
    """Return the duration of a sweep, which lists all objects twice and looks up each id."""
    lookups = aws.S3_LIST_PAGE / SWEEP_BATCH * SWEEP_TRIPS * ROUND_TRIP
    return 2 * objects / aws.S3_LIST_PAGE * (aws.S3_SECONDS + lookups)


def limits(instance: Instance, machines: int, server: DatabaseClass) -> dict[str, float]:
    """Return pictures in the busiest minute by component, the lowest first; the rest is default."""
    calls = Settings.model_fields["monthly_calls"].default
    one, enough = 60 * machine(instance), server.connections // connections(instance)
    rows_gb = KEEP_DAYS * 1440 * cost().row_gb  # for each picture a minute
    found = {
        f"{machines} × {instance.name}": machines * one,
        f"{TEMPLATE_MACHINES} machines": TEMPLATE_MACHINES * one,
        f"CPU of {server.name}": 60 * database(server),
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
        "the sweep for orphans": PEAK * SWEEP_INTERVAL / sweep_seconds(2 * 1440 * KEEP_DAYS),
        "deletion of old results": PEAK * 60 / (2 * aws.S3_SECONDS + 4 * ROUND_TRIP),
    }
    return dict(sorted(found.items(), key=lambda item: item[1]))
