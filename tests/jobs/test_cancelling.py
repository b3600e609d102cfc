"""How soon a cancelled job is noticed: by the checks that are made, on a clock of the test."""

import json
import os
import selectors
from typing import Any

import pytest

from rubberduck.jobs import steps
from rubberduck.jobs.models import Run
from rubberduck.jobs.steps import POLL_SECONDS, RunEnded, Steps


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


class ChattyChild:
    """Reports progress just before each wait for it would end, as a busy step does."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        ours, self.theirs = os.pipe()
        self.stdout = os.fdopen(ours, "rb")

    def __enter__(self) -> "ChattyChild":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def register(self, *_: object) -> None:
        return None

    def select(self, timeout: float) -> bool:
        if timeout < 0.1:
            self.clock.now += timeout
            return False
        self.clock.now += timeout - 0.05
        report = {"progress": 1, "message": "It runs", "sentence": None}
        os.write(self.theirs, json.dumps(report).encode() + b"\n")
        return True


class CancelledStore:
    """A job that is cancelled after some checks."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.checks = clock, list[float]()

    def report(self, *_: object) -> bool:
        return True

    def is_current(self, _: Run) -> bool:
        self.checks.append(self.clock.now)
        return len(self.checks) < 5


def test_a_job_is_checked_twice_a_second_however_much_it_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    child: Any = ChattyChild(clock)
    store: Any = CancelledStore(clock)
    monkeypatch.setattr(steps, "time", clock)
    monkeypatch.setattr(selectors, "DefaultSelector", lambda: child)
    follow: Any = Steps(store, (), 100, "worker")._follow
    with child.stdout, pytest.raises(RunEnded):
        follow(Run("job", 1, "worker"), child)
    os.close(child.theirs)
    expected = [POLL_SECONDS * number for number in range(1, 6)]
    assert store.checks == pytest.approx(expected)
