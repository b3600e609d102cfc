"""Observers of pictures and sweeps: one log line for each event, and metrics if enabled."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from rubberduck.core.models import Result

log = logging.getLogger(__name__)


# Threads that work for a picture share it (contextvars.copy_context).
_seconds: ContextVar[dict[str, float] | None] = ContextVar("seconds", default=None)


@contextmanager
def durations() -> Iterator[dict[str, float]]:
    """Collect the seconds of every `timed` step inside; a step that runs twice adds up."""
    collected: dict[str, float] = {}
    token = _seconds.set(collected)
    try:
        yield collected
    finally:
        _seconds.reset(token)


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Measure a step inside of `durations`; elsewhere, do nothing."""
    start = time.perf_counter()
    try:
        yield
    finally:
        if (seconds := _seconds.get()) is not None:
            seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class PictureAnswered:
    """An upload that has its result. Steps: decode, detect, store, save.

    A duplicate of earlier bytes has no detect step; the same visitor's has only decode.
    """

    result: Result
    bytes: int
    seconds: Mapping[str, float]

    @property
    def is_duplicate(self) -> bool:
        return "detect" not in self.seconds

    @property
    def verdict(self) -> str:
        return "yes" if self.result.verdict.found else "no"


@dataclass(frozen=True)
class Swept:
    """The numbers of deleted results, of deleted pictures without a result and of projects, of
    deleted videos, and of people whose faces were deleted at Amazon.

    `is_partial` if another process was sweeping at the same time.
    """

    results: int = 0
    orphans: int = 0
    project_pictures: int = 0
    videos: int = 0
    people: int = 0
    is_partial: bool = False


@dataclass(frozen=True)
class SweepFinished:
    """What a sweep deleted, and the number of failed deletions."""

    swept: Swept
    failures: int
    seconds: float


class Observer(Protocol):
    def picture_answered(self, event: PictureAnswered) -> None: ...
    def sweep_finished(self, event: SweepFinished) -> None: ...


class LogObserver:
    """Writes one line for each event; in JSON its fields are also keys."""

    def picture_answered(self, event: PictureAnswered) -> None:
        answer = event.result.answer
        _log(
            "picture answered",
            result=event.result.id,
            detector=answer.engine,
            detector_version=answer.engine_version,
            verdict=event.verdict,
            fallback_for=answer.fallback_for,
            fallback_reason=answer.fallback_reason,
            duplicate=event.is_duplicate,
            bytes=event.bytes,
            **{f"{step}_ms": round(1000 * taken) for step, taken in event.seconds.items()},
        )

    def sweep_finished(self, event: SweepFinished) -> None:
        _log(
            "sweep finished",
            results=event.swept.results,
            orphans=event.swept.orphans,
            project_pictures=event.swept.project_pictures,
            videos=event.swept.videos,
            people=event.swept.people,
            failures=event.failures,
            ms=round(1000 * event.seconds),
        )


def _log(event: str, **fields: Any) -> None:
    known = {name: value for name, value in fields.items() if value is not None}
    pairs = " ".join(f"{name}={_quoted(value)}" for name, value in known.items())
    log.info("%s %s", event, pairs, extra=known)


def _quoted(value: Any) -> str:
    """
    >>> _quoted(7), _quoted(True), _quoted("embedded detector")
    ('7', 'true', '"embedded detector"')
    """
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text}"' if " " in text else text
