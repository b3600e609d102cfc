"""The fake's clock, and what depends on it: states that end by themselves, and the throttle."""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field

EPOCH = 1_764_000_000.0  # of the first moment; in November 2025


@dataclass
class Clock:
    """It stands still but for `per_call` and `per_describe` seconds with each request.

    A caller that polls thus sees the states advance without waiting. With both 0, only `advance`
    moves it.
    """

    per_call: float = 0.25
    per_describe: float = 60.0
    now: float = EPOCH
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


@dataclass
class Throttle:
    """Allow `rate` calls within any second, for each operation by itself."""

    clock: Clock
    rate: int = 5
    _times: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def allows(self, operation: str) -> bool:
        times, now = self._times[operation], self.clock.now
        while times and times[0] <= now - 1:
            times.popleft()
        if len(times) >= self.rate:
            return False
        times.append(now)
        return True
