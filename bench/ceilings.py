"""What each part carries, in pictures in the busiest minute, and what to do before that."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench import needs
from bench.capacity import (
    BUSY,
    DAYS,
    PEAK,
    SWEEP_REST,
    connections,
    connections_of,
    database_a_second,
    held,
    machine_a_second,
    sweep_seconds,
)
from bench.plan import SAVE_HELD, TAKE_HELD
from bench.published import (
    C7A_4XLARGE,
    C7A_LARGE,
    DISK_OPERATIONS,
    HUGE,
    LARGE,
    MICRO,
    MINUTES,
    MOST_STORAGE,
    REDIS_COMMANDS,
    REKOGNITION_QUOTA,
    S3_GETS,
    S3_PUTS,
    S3_SECONDS,
    T3_SMALL,
    T3_SURPLUS,
    T4G_SURPLUS,
    DatabaseClass,
    Instance,
)
from rubberduck.core.settings import Settings

MOST_MACHINES = 4  # deploy/template.yaml, as are MICRO and T3_SMALL
COMMITS = 3  # a picture: begun, its call counted, saved; each waits for the disk
COMMONEST = 0.5  # of the answers are in one row of the tally, "no": our guess
COUNTED = 5  # commands of Redis in the script that counts an upload, with its call


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
        [*_settings(), *_machines(), *_database(), *_rows(), *_redis(), *_s3(), *_sweeps()],
        key=_height,
    )


def _height(ceiling: Ceiling) -> float:
    return ceiling.a_minute


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
        "its processors, at 60 %, or its network's 128 Mbit/s; "
        + _credits(machine_a_second(T3_SMALL, busy=T3_SMALL.baseline), T3_SURPLUS),
        "a second machine",
    )
    yield Ceiling(
        f"{MOST_MACHINES} × t3.small",
        MOST_MACHINES * one,
        "`MOST_MACHINES`; the load balancer's group adds no more",
        "`make deploy MACHINE_TYPE=c7a.large MOST_MACHINES=…`",
    )
    yield Ceiling(
        "40 × c7a.large",
        40 * 60 * machine_a_second(C7A_LARGE),
        "the template allows 40 machines",
        "larger machines, 16 cores each",
    )


def _credits(mean: float, surplus: float) -> str:
    """So many a second, as the mean of each day, use up what its credits allow."""
    most = float(f"{PEAK * 60 * mean:.2g}")
    return (
        f"this for some hours; day after day {most:,.0f}, and above that a processor's hour "
        f"costs ${surplus:g} more"
    )


def _database() -> Iterator[Ceiling]:
    yield _connections(MICRO, T3_SMALL, f"`DATABASE_TYPE={LARGE.name}`")
    yield _connections(LARGE, C7A_LARGE, f"`DATABASE_TYPE={HUGE.name}`")
    yield _connections(
        HUGE,
        C7A_4XLARGE,
        "RDS Proxy: it refuses the `options` that we connect with (`database.engine_for`)",
        from_code=True,
    )
    paid = _credits(database_a_second(MICRO, MICRO.baseline), T4G_SURPLUS)
    yield _processor(MICRO, LARGE.name, f"; {paid}")
    yield _processor(LARGE, HUGE.name)
    yield _processor(HUGE, "a database for each region")
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


def _processor(server: DatabaseClass, cure: str, more: str = "") -> Ceiling:
    most = 60 * database_a_second(server)
    return Ceiling(f"processor of {server.name}", most, f"at 60 %{more}", cure)


def _connections(
    server: DatabaseClass, instance: Instance, cure: str, *, from_code: bool = False
) -> Ceiling:
    machines = connections(server) // connections_of(instance)
    return Ceiling(
        f"connections of {server.name}",
        60 * machines * machine_a_second(instance),
        f"{connections(server):,}: enough for the pools of {machines} × {instance.machine.name}",
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


def _redis() -> Iterator[Ceiling]:
    yield Ceiling(
        "one node of Redis",
        60 * BUSY * REDIS_COMMANDS / COUNTED,
        f"about {REDIS_COMMANDS:,.0f} simple commands a second (Valkey, cache.m7g.large), "
        f"{COUNTED} an upload",
        "a larger node",
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


def _sweeps() -> Iterator[Ceiling]:
    yield Ceiling(
        "the sweep for orphans",
        PEAK * SWEEP_REST / sweep_seconds(1.0),
        "every worker lists the whole bucket twice, then rests for an hour; from here on a sweep "
        "takes longer than the rest",
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
