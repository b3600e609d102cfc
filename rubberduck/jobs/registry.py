"""The kinds of jobs: `@job("train")` above a function makes one.

The function takes a Context and the job's arguments by name, and returns what JSON can hold. The
names of kinds, of their arguments and of their steps are a stored format: jobs outlive the code
that enqueued them. To change one, use a new kind, or wait until no job of the old one is left.
"""

from collections.abc import Callable
from typing import Any

JobFunction = Callable[..., Any]
_functions: dict[str, JobFunction] = {}
_schedules: dict[str, str] = {}
_needing_disk: set[str] = set()
_waiting: set[str] = set()


def job(
    kind: str, *, cron: str | None = None, needs_disk: bool = False, waits: bool = False
) -> Callable[[JobFunction], JobFunction]:
    """Register the function as the jobs of `kind`; with `cron` (UTC), it also runs on schedule.

    A schedule runs once for all machines, without arguments, if a worker runs. What `needs_disk`
    waits while little of the disk is free. What `waits` waits for others most of its time, so it
    takes none of the places of the jobs that work.
    """

    def register(function: JobFunction) -> JobFunction:
        if _functions.setdefault(kind, function) is not function:
            raise ValueError(f"there are two jobs of the kind {kind!r}")
        if cron:
            _schedules[kind] = cron
        if needs_disk:
            _needing_disk.add(kind)
        if waits:
            _waiting.add(kind)
        return function

    return register


def function_of(kind: str) -> JobFunction | None:
    return _functions.get(kind)


def needing_disk() -> list[str]:
    return sorted(_needing_disk)


def mostly_waits(kind: str) -> bool:
    return kind in _waiting


def schedules() -> dict[str, str]:
    """Return the cron expression of each scheduled kind."""
    return dict(_schedules)
