"""AWS's quotas, and list prices in US dollars, as known in November 2026.

None was read from an account. Prices are rounded, of eu-central-1, but Rekognition's are those of
us-east-1, and may be a fifth higher in Frankfurt. Service Quotas and your bill are authoritative.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

HOURS, MINUTES = 730, 43_800  # of a month
Tiers = Sequence[tuple[float, float]]  # at most this amount, at this price for one


@dataclass(frozen=True)
class Instance:
    """An EC2 instance type ("Amazon EC2 instance types"), with one worker for each core.

    `speed` is that of a core relative to the one measured on; `baseline` is how busy its CPUs may
    be all day before CPU credits are charged.
    """

    name: str
    cores: int
    threads: int  # of each worker, as gunicorn.conf.py derives them from the memory
    speed: float
    price: float  # an hour
    megabits: float  # sustained, a second
    baseline: float = 1.0


@dataclass(frozen=True)
class DatabaseClass:
    """An RDS class for PostgreSQL ("Amazon RDS instance types")."""

    name: str
    cores: int
    connections: int  # `max_connections`, less 5 that PostgreSQL and RDS reserve
    speed: float
    price: float  # an hour, in one zone
    baseline: float = 1.0


# Guesses: a core of c7a and m7g is as fast as the one measured on, one of t3 and t4g half as fast.
T3_SMALL = Instance("t3.small", 2, 12, 0.5, 0.024, 128, 0.2)
MAX_MACHINES = 4  # the default of deploy/template.yaml, as are T3_SMALL and MICRO
C7A_LARGE = Instance("c7a.large", 2, 25, 1.0, 0.117, 781)
C7A_4XLARGE = Instance("c7a.4xlarge", 16, 25, 1.0, 0.937, 6_250)

# "Quotas and constraints for Amazon RDS": one connection for each 9,531,392 bytes of memory, 5,000
# at most; users report about 80 on a db.t4g.micro. The m7g.large's number is a guess.
MICRO = DatabaseClass("db.t4g.micro", 2, 75, 0.5, 0.019, 0.1)
LARGE = DatabaseClass("db.m7g.large", 2, 805, 1.0, 0.20)
HUGE = DatabaseClass("db.m7g.8xlarge", 32, 4_995, 1.0, 3.20)
DATABASE_DISK = 0.137  # a gigabyte, a month
DISK_OPERATIONS = 3_000  # a second, gp3 below 400 GB; "Amazon RDS DB instance storage"
MAX_DATABASE_GB = 100  # deploy/template.yaml, MaxAllocatedStorage

# "Amazon Rekognition endpoints and quotas": DetectLabels calls a second; 50 in us-east-1 and
# us-west-2, 5 elsewhere. It can be raised on request.
REKOGNITION_QUOTA = 5.0
REKOGNITION: Tiers = ((1e6, 0.001), (4e6, 0.0008), (30e6, 0.0006), (inf, 0.00025))

# "Best practices design patterns: optimizing Amazon S3 performance": a second, for each partition
# of keys; an answer takes 100 to 200 ms.
S3_PUTS, S3_GETS, S3_SECONDS = 3_500.0, 5_500.0, 0.1
S3_LIST_PAGE = 1_000  # keys
S3_PUT, S3_GET = 5.4e-6, 0.43e-6  # a listing costs as much as a PUT
S3_STORAGE: Tiers = ((50e3, 0.0245), (450e3, 0.0235), (inf, 0.0225))  # gigabytes, a month

# Gigabytes out to the internet, from EC2 and S3; the first 100 are free.
TRAFFIC: Tiers = ((100, 0.0), (10e3, 0.09), (40e3, 0.085), (100e3, 0.07), (inf, 0.05))

# The load balancer, an hour: itself, and for each gigabyte that it processes in an hour.
BALANCER, BALANCER_GB = 0.027, 0.008
ADDRESS = 0.005  # a public IPv4, an hour
MACHINE_DISK = 8 * 0.095  # a month
LOGS = 0.63 + 0.0324  # a gigabyte: ingested, and kept for a month
REDIS = 0.15  # an hour: Valkey on cache.m7g.large
REDIS_COMMANDS = 100_000.0  # simple ones a second on that, about, as AWS and others report
FIXED = 4.0  # secrets and alarms, a month


def tiered(amount: float, tiers: Tiers) -> float:
    """Return the price of an amount whose first part is dearer than the rest."""
    dollars = 0.0
    for size, price in tiers:
        part = min(amount, size)
        dollars += part * price
        amount -= part
    return dollars
