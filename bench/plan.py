"""A fleet's plan, and what came of it: what `fleet` simulates."""

import math
from dataclasses import dataclass, field

NO_QUOTA = math.inf
TAKE_HELD, SAVE_HELD = 2, 1  # ways to the database while a row of the budget, of the tally is held


@dataclass(frozen=True)
class Machine:
    name: str
    cores: int
    threads: int  # of each worker; there is one worker for each core
    speed: float = 1.0  # of a core, beside one that was measured on


@dataclass(frozen=True)
class Work:
    """What one picture asks for, in seconds."""

    python: float = 0.0
    pixels: float = 0.0  # decoding, drawing, encoding: other threads may run meanwhile
    page: float = 0.0  # of Python, for each of two pages
    put: float = 0.0  # S3's answer, twice
    labels: float = 0.0  # Rekognition's answer
    evenness: float = math.inf  # of that: how many exponential parts it has
    refusal: float = 0.0  # Rekognition's answer when there were too many
    fallback_detector: float = 0.0  # the embedded detector, in pixels' way
    trip: float = 0.0  # to the database and back
    database: float = 0.0  # processor of PostgreSQL
    take_fixed: float = 0.0  # how long a call's row is held, beside the trips
    save_fixed: float = 0.0


@dataclass(frozen=True)
class Plan:
    machine: Machine
    machines: int
    work: Work
    quota: float = NO_QUOTA  # calls a second
    hot_rows: int = 1  # that the budget's count is spread over
    tally_rows: int = 2  # that the tally's counts are spread over, in effect
    database_cores: int = 64
    stands_in_always: bool = False  # DUCK_ENGINE=local


@dataclass
class Outcome:
    """What was seen between the warm-up and the end."""

    seconds: float
    cores: int
    arrived: int = 0
    waits: list[float] = field(default_factory=list)  # of the pictures that were done
    labelled: int = 0  # by Rekognition
    core_seconds: float = 0.0
    row_seconds: float = 0.0  # of one row of the budget, held
    tally_seconds: float = 0.0
    in_progress: float = 0.0  # on average

    def wait(self, share: float) -> float:
        """The wait that `share` of the pictures do not exceed."""
        ordered = sorted(self.waits) or [math.inf]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def a_second(self) -> float:
        return len(self.waits) / self.seconds

    @property
    def busy(self) -> float:
        return self.core_seconds / self.seconds / self.cores
