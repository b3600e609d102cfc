"""Rekognition's quota, and how a worker of ours meets it: tries again, then leaves it alone."""

import math
import random
from collections.abc import Generator
from typing import Any

import simpy

from rubberduck.core.circuit_breaker import FAILURES, REST

ATTEMPTS = 3  # composition.rekognition
# botocore's standard retries: what a client may spend on them, and what each throttled one costs.
RETRIES, A_RETRY, AN_ANSWER = 500, 5, 1
A_SECOND, DOUBLED = 1.0, 2  # the first pause at most, and how it grows


class Quota:
    """So many calls a second; what was not asked for within a second is lost."""

    def __init__(self, a_second: float) -> None:
        self.a_second = a_second
        self._left, self._at = max(1.0, a_second), 0.0

    def take(self, now: float) -> bool:
        if math.isinf(self.a_second):
            return True
        most = max(1.0, self.a_second)
        self._left = min(most, self._left + (now - self._at) * self.a_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Caller:
    """One worker's client of Rekognition, with its circuit breaker."""

    def __init__(self, env: simpy.Environment, quota: Quota, dice: random.Random) -> None:
        self.env, self.quota, self.dice = env, quota, dice
        self.retries = RETRIES
        self.failures, self.next_try = 0, 0.0

    def allow_request(self) -> bool:
        if self.failures >= FAILURES and self.env.now < self.next_try:
            return False
        self.next_try = self.env.now + REST
        return True

    def ask(self, refusal: float, answer: float) -> Generator[Any, Any, bool]:
        """Whether it answered, in the end."""
        for attempt in range(ATTEMPTS):
            if self.quota.take(self.env.now):
                yield self.env.timeout(answer)
                self.retries = min(RETRIES, self.retries + (A_RETRY if attempt else AN_ANSWER))
                self.failures = 0
                return True
            yield self.env.timeout(refusal)
            if attempt + 1 == ATTEMPTS or self.retries < A_RETRY:
                break
            self.retries -= A_RETRY
            yield self.env.timeout(self.dice.random() * A_SECOND * DOUBLED**attempt)
        self.failures += 1
        self.next_try = self.env.now + REST
        return False
