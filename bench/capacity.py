"""What each part carries, out of what a picture needs and what AWS publishes."""

from bench import needs
from bench.published import RESERVED, S3_LISTED, S3_SECONDS, DatabaseClass, Instance

PEAK = 2.0  # the busiest minute beside the month's mean: our guess
# How much of a part is planned for: .ebextensions/load-balanced.config adds machines there.
BUSY = 0.6
CONNECTIONS = 7  # of a worker at most: SQLAlchemy's pool, 5 that stay and 2 more
DAYS = 30  # that a picture is kept
KNOWN_AT_ONCE = 100  # rubberduck.services.retention.MOST
KNOWN_TRIPS = 4  # to the database and back, for each
SWEEP_REST = 3600.0  # seconds between two sweeps of a worker
# To Rekognition goes the plain picture, in base64, which is a third longer; to S3 that and the
# marked one. Of what S3 keeps, each is half.
SENT = (4 / 3 + 1 + 1) / 2


def machine_a_second(instance: Instance, *, busy: float = BUSY, stands_in: bool = False) -> float:
    """Pictures that a machine looks at while so busy, or as its network lets out."""
    machine = instance.machine
    seconds = needs.core_seconds(needs.picture(), stands_in=stands_in)
    out = SENT * needs.burden("stored") * 1000 * 8
    return min(busy * machine.cores * machine.speed / seconds, instance.megabits * 1e6 / out)


def database_a_second(server: DatabaseClass, busy: float = BUSY) -> float:
    return busy * server.cores * server.speed / needs.picture().database


def held(trips: int, fixed: float) -> float:
    return trips * needs.TRIP + fixed


def connections(server: DatabaseClass) -> int:
    """That the site may have."""
    return server.connections - RESERVED


def connections_of(instance: Instance) -> int:
    """The most of a machine; there is a worker for each core."""
    return instance.machine.cores * min(CONNECTIONS, instance.machine.threads)


def objects(a_minute: float) -> float:
    """In the bucket, at so many pictures a minute on average."""
    return 2 * a_minute * 1440 * DAYS


def sweep_seconds(a_minute: float) -> float:
    """Of one sweep for orphans, which lists the whole bucket twice and asks for each id."""
    pages = 2 * objects(a_minute) / S3_LISTED
    return pages * (S3_SECONDS + S3_LISTED / KNOWN_AT_ONCE * KNOWN_TRIPS * needs.TRIP)
