"""AWS's own numbers: quotas, and list prices in US dollars, as we knew them in November 2026.

None was asked of an account. Quotas are of the documentation's pages named beside them. Prices are
of the services' price pages, rounded, of eu-central-1; but Rekognition's and those of processor
credits are us-east-1's, and may be a fifth higher in Frankfurt. Service Quotas and your
bill are what counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.plan import Machine

HOURS, MINUTES = 730, 43_800  # of a month
Tiers = Sequence[tuple[float, float]]  # so many at most, at this price each


@dataclass(frozen=True)
class Instance:
    """A machine of EC2, by the hour; "Amazon EC2 instance types"."""

    machine: Machine
    price: float
    megabits: float  # a second, for as long as one likes; more only in bursts
    baseline: float = 1.0  # how busy its processors may be all day, before that costs more


@dataclass(frozen=True)
class DatabaseClass:
    """A class of RDS for PostgreSQL; "Amazon RDS instance types"."""

    name: str
    cores: int
    connections: int  # `max_connections`
    price: float  # an hour, in one zone
    speed: float = 1.0  # of a core, beside one that was measured on
    baseline: float = 1.0


# Another processor than the bench's: that a core of c7a is as fast as one of those is a guess. So
# is the half, for T3's half a core of an older one, and for T4g's old one.
C7A_SPEED, T3_SPEED = 1.0, 0.5
# Threads are what gunicorn.conf.py makes of the memory.
T3_SMALL = Instance(Machine("t3.small", 2, 12, T3_SPEED), 0.024, 128, 0.2)
C7A_LARGE = Instance(Machine("c7a.large", 2, 25, C7A_SPEED), 0.117, 781)
C7A_4XLARGE = Instance(Machine("c7a.4xlarge", 16, 25, C7A_SPEED), 0.937, 6_250)

# Above its baseline, each processor costs this an hour ("Unlimited mode"; RDS knows no other).
T3_SURPLUS, T4G_SURPLUS = 0.05, 0.075

# "Quotas and constraints for Amazon RDS": a connection for 9,531,392 bytes of the memory that RDS
# leaves PostgreSQL, 5,000 at most. It leaves less than a class has: users read 181 connections on a
# db.t4g.small, and about 80 on a db.t4g.micro. That an m7g.large keeps nine tenths is our guess.
MICRO = DatabaseClass("db.t4g.micro", 2, 80, 0.019, T3_SPEED, 0.1)
LARGE = DatabaseClass("db.m7g.large", 2, 810, 0.20)
HUGE = DatabaseClass("db.m7g.8xlarge", 32, 5_000, 3.20)
RESERVED = 3 + 2  # connections, PostgreSQL's own and RDS's
PROXY = 0.015  # an hour, for each processor of the database behind RDS Proxy
DISK_OPERATIONS = 3_000  # a second, gp3 below 400 GB; "Amazon RDS DB instance storage"
MOST_STORAGE = 100e9  # deploy/template.yaml, MaxAllocatedStorage

# "Amazon Rekognition endpoints and quotas": DetectLabels, calls a second; 50 in us-east-1 and
# us-west-2, 5 elsewhere. To be raised on request.
REKOGNITION_QUOTA = 5.0
REKOGNITION: Tiers = ((1e6, 0.001), (4e6, 0.0008), (30e6, 0.0006), (float("inf"), 0.00025))

# "Best practices design patterns: optimizing Amazon S3 performance": for each partition of keys,
# and an answer takes 100 to 200 ms.
S3_PUTS, S3_GETS, S3_SECONDS = 3_500.0, 5_500.0, 0.1
S3_LISTED = 1_000  # keys in a page
S3_PUT, S3_GET = 5.4e-6, 0.43e-6
S3_STORAGE: Tiers = ((50e3, 0.0245), (450e3, 0.0235), (float("inf"), 0.0225))  # gigabytes, a month

# Gigabytes out to the internet: from EC2 and S3, or through CloudFront, which S3 feeds for nothing.
TRAFFIC: Tiers = ((10e3, 0.09), (40e3, 0.085), (100e3, 0.07), (float("inf"), 0.05))
CLOUDFRONT: Tiers = (
    (1e3, 0.0),
    (9e3, 0.085),
    (40e3, 0.08),
    (100e3, 0.06),
    (350e3, 0.04),
    (524e3, 0.03),
    (4e6, 0.025),
    (float("inf"), 0.02),
)
CLOUDFRONT_REQUEST, CLOUDFRONT_FREE = 1.2e-6, 10e6

# An hour; a unit is 1 GB an hour, or 25 connections a second.
BALANCER, BALANCER_UNIT = 0.027, 0.008
ADDRESS = 0.005  # a public IPv4, an hour
DISK, DATABASE_DISK = 0.095, 0.137  # a gigabyte, a month
LOGS, LOG_KEPT = 0.63, 0.0324  # a gigabyte, once and a month
REDIS_MICRO, REDIS_LARGE = 0.0152, 0.15  # an hour: Valkey on cache.t4g.micro, and on an m7g.large
REDIS_COMMANDS = 100_000.0  # simple ones a second on the latter, about, as AWS and others tell
FIXED = 4.0  # secrets and alarms


def tiered(amount: float, tiers: Tiers) -> float:
    """What so much costs, when the first of it is dearer than the rest."""
    dollars = 0.0
    for most, price in tiers:
        part = min(amount, most)
        dollars += part * price
        amount -= part
    return dollars
