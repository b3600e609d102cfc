"""What the fake refuses, and the faults that a test orders."""

from collections import defaultdict, deque
from dataclasses import dataclass, field

LOSE_ANSWER = "lose the answer"  # the work is done, and the connection is closed
LOSE_REQUEST = "lose the request"  # nothing is done


class Refused(Exception):
    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message or f"{code}, said the fake endpoint"


class Lost(Exception):
    """The client gets no answer."""


@dataclass
class Faults:
    """Faults by operation, one a call; what the code "AccessDeniedException" denies stays so."""

    ordered: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    denied: set[str] = field(default_factory=set)

    def order(self, operation: str, fault: str, times: int = 1) -> None:
        self.ordered[operation].extend([fault] * times)

    def next(self, operation: str) -> str | None:
        if operation in self.denied:
            return "AccessDeniedException"
        waiting = self.ordered[operation]
        return waiting.popleft() if waiting else None
