"""What each part carries, in pictures in the busiest minute, and what to do before that."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench import needs
from bench.plan import SAVE_HELD, TAKE_HELD
from bench.published import (
    BYTES_A_CONNECTION,
    C7A_4XLARGE,
    C7A_LARGE,
    DISK_OPERATIONS,
    HUGE,
    LARGE,
    MICRO,
    MINUTES,
    MOST_CONNECTIONS,
    MOST_STORAGE,
    REKOGNITION_QUOTA,
    S3_GETS,
    S3_LISTED,
    S3_PUTS,
    S3_SECONDS,
    T3_SMALL,
    T3_SPEED,
    DatabaseClass,
    Instance,
)
from rubberduck.settings import Settings

PEAK = 2.0  # the busiest minute beside the month's mean: our guess
BUSY = (
    0.6  # how much of a part is planned for: .ebextensions/load-balanced.config adds machines there
)
MOST_MACHINES = 4  # deploy/template.yaml, as are MICRO and T3_SMALL
COMMITS = 3  # a picture: begun, its call counted, saved; each waits for the disk
CONNECTIONS = 15  # of a worker at most: SQLAlchemy's pool, 5 that stay and 10 more
RESERVED = 3  # PostgreSQL's own
COMMONEST = 0.5  # of the answers are in one row of the tally, "no": our guess
KNOWN_AT_ONCE = 100  # rubberduck.sweeper.MOST
KNOWN_TRIPS = 4  # to the database and back, for each
DAYS = 30


@dataclass(frozen=True)
class Ceiling:
    part: str
    a_minute: float  # pictures in the busiest minute
    why: str
    cure: str
    from_code: bool = False  # not by money alone: something of ours has to change


def all_of_them() -> list[Ceiling]:
    """Of the site as `make deploy` makes it, the lowest first."""
    return sorted(
        [*_settings(), *_machines(), *_database(), *_rows(), *_s3(), *_sweeps()], key=_height
    )


def _height(ceiling: Ceiling) -> float:
    return ceiling.a_minute


def machine_a_second(instance: Instance, *, stands_in: bool = False) -> float:
    """Pictures that a machine looks at, as busy as is planned for, or as its network lets out."""
    machine = instance.machine
    seconds = needs.core_seconds(needs.picture(), stands_in=stands_in)
    # To Rekognition goes the plain picture; to S3 that and the marked one.
    out = 1.5 * needs.burden("stored") * 1000 * 8
    return min(BUSY * machine.cores * machine.speed / seconds, instance.megabits * 1e6 / out)


def held(trips: int, fixed: float) -> float:
    return trips * needs.TRIP + fixed


def database_a_second(server: DatabaseClass, speed: float = 1.0) -> float:
    return BUSY * server.cores * speed / needs.picture().database


def connections(server: DatabaseClass) -> int:
    most = int(server.gigabytes * 2**30 / BYTES_A_CONNECTION)
    return min(most, MOST_CONNECTIONS) - RESERVED


def _settings() -> Iterator[Ceiling]:
    calls = Settings.model_fields["monthly_calls"].default
    yield Ceiling(
        "our own budget",
        PEAK * calls / MINUTES,
        f"`DUCK_MONTHLY_CALLS` is {calls:,}; then the embedded detector answers, and says so",
        "`make settings MONTHLY_CALLS=… DAILY_CALLS=… BUDGET=…`",
    )
    yield Ceiling(
        "Rekognition's quota",
        60 * REKOGNITION_QUOTA,
        f"{REKOGNITION_QUOTA:.0f} a second in most regions; the embedded detector has the rest",
        "ask for a higher quota weeks before (Service Quotas), or another region",
    )


def _machines() -> Iterator[Ceiling]:
    one = 60 * machine_a_second(T3_SMALL)
    yield Ceiling(
        "one t3.small",
        one,
        "its processors, at 60 %, or its network's 128 Mbit/s",
        "a second machine",
    )
    yield Ceiling(
        f"{MOST_MACHINES} × t3.small",
        MOST_MACHINES * one,
        "`MOST_MACHINES`; the load balancer's group adds no more",
        "`make deploy MACHINE_TYPE=c7a.large MOST_MACHINES=…`",
    )
    large = 60 * machine_a_second(C7A_LARGE)
    yield Ceiling(
        "40 × c7a.large",
        40 * large,
        "the template allows 40 machines",
        "larger machines, 16 cores each",
    )


def _database() -> Iterator[Ceiling]:
    yield _connections(MICRO, T3_SMALL, "`DATABASE_TYPE=db.m7g.large`")
    yield _connections(LARGE, C7A_LARGE, f"`DATABASE_TYPE={HUGE.name}`")
    yield _connections(
        HUGE,
        C7A_4XLARGE,
        "RDS Proxy: it refuses the `options` that we connect with (`database.engine_for`)",
        from_code=True,
    )
    yield Ceiling(
        "processor of db.t4g.micro",
        60 * database_a_second(MICRO, T3_SPEED),
        "at 60 %",
        "db.m7g.large",
    )
    yield Ceiling("processor of db.m7g.large", 60 * database_a_second(LARGE), "at 60 %", HUGE.name)
    yield Ceiling(
        "processor of db.m7g.8xlarge",
        60 * database_a_second(HUGE),
        "at 60 %",
        "a database for each region",
    )
    a_row = needs.burden("row") * 1000
    yield Ceiling(
        "disk of PostgreSQL, space",
        PEAK * MOST_STORAGE / a_row / DAYS / 1440,
        f"{MOST_STORAGE / 1e9:.0f} GB (`MaxAllocatedStorage`) for {DAYS} days of results",
        "a larger `MaxAllocatedStorage`, fewer `KEEP_DAYS`; then a table for each day",
    )
    yield Ceiling(
        "disk of PostgreSQL, writes",
        60 * DISK_OPERATIONS / COMMITS,
        f"{DISK_OPERATIONS:,} operations a second, {COMMITS} commits a picture, each alone",
        "more operations for the volume, or Aurora",
    )


def _connections(
    server: DatabaseClass, instance: Instance, cure: str, *, from_code: bool = False
) -> Ceiling:
    workers = connections(server) // min(CONNECTIONS, instance.machine.threads)
    machines = workers // instance.machine.cores
    return Ceiling(
        f"connections of {server.name}",
        60 * machines * machine_a_second(instance),
        f"{connections(server):,}: enough for the threads of {machines} × {instance.machine.name}",
        cure,
        from_code,
    )


def _rows() -> Iterator[Ceiling]:
    work = needs.picture()
    call = held(TAKE_HELD, work.take_fixed)
    yield Ceiling(
        "the budget's row",
        60 * BUSY / call,
        f"every call adds to one row of the month, and holds it for {call * 1000:.1f} ms",
        "let each worker take calls in tens",
        from_code=True,
    )
    answer = held(SAVE_HELD, work.save_fixed)
    yield Ceiling(
        "the tally's row",
        60 * BUSY / answer / COMMONEST,
        f"half of the answers add to one row of the day, and hold it for {answer * 1000:.1f} ms",
        "some rows for each day, summed when read",
        from_code=True,
    )


def _s3() -> Iterator[Ceiling]:
    yield Ceiling(
        "S3, one partition, PUT",
        60 * S3_PUTS,
        f"{S3_PUTS:,.0f} a second below `uploads/`, and as many below `marked/`",
        "grow slowly: S3 splits by itself; `SlowDown` must not open our breaker",
        from_code=True,
    )
    yield Ceiling(
        "S3, one partition, GET",
        60 * S3_GETS,
        f"{S3_GETS:,.0f} a second below `marked/`",
        "CloudFront",
    )


def sweep_seconds(a_minute: float) -> float:
    """Of one sweep for strays, which lists the whole bucket twice and asks for each id."""
    pages = 2 * objects(a_minute) / S3_LISTED
    return pages * (S3_SECONDS + S3_LISTED / KNOWN_AT_ONCE * KNOWN_TRIPS * needs.TRIP)


def objects(a_minute: float) -> float:
    """In the bucket, at so many pictures a minute on average."""
    return 2 * a_minute * 1440 * DAYS


def _sweeps() -> Iterator[Ceiling]:
    yield Ceiling(
        "the sweep for strays",
        PEAK * 3600 / sweep_seconds(1.0),
        "every worker lists the whole bucket twice an hour; from here on an hour is too short",
        "one worker for all, once a day",
        from_code=True,
    )
    deleted = 1 / (2 * S3_SECONDS + 4 * needs.TRIP)
    yield Ceiling(
        "deletion after 30 days",
        PEAK * 60 * deleted,
        "one result after the other, two objects each; all workers begin with the same ones",
        "`DeleteObjects`, a thousand at once; rows by the day",
        from_code=True,
    )
