"""Calls of one paid operation: only while there is budget, and while its circuit is closed."""

import logging
from collections.abc import Callable
from typing import TypeVar

from rubberduck.billing.budget import Budget
from rubberduck.billing.periods import Period
from rubberduck.core.circuit_breaker import CircuitBreaker
from rubberduck.core.errors import (
    DetectorCircuitOpen,
    DetectorFailed,
    DuckError,
    NotBilled,
    PictureRefused,
)

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class PaidCalls:
    """Reserves each call in `budget` and gives back what was not billed, as with_budget.py does.

    Nothing answers in place of the service: while the circuit is open, DetectorCircuitOpen is
    raised at once.
    """

    def __init__(self, operation: str, budget: Budget) -> None:
        self.budget = budget
        self.circuit = CircuitBreaker(operation)
        self._last_cause = ""  # which says more than that the circuit is open

    def make(self, call: Callable[[], Answer]) -> Answer:
        """Return what `call` returns. Raises DetectorFailed, BudgetSpent, ResultsUnavailable."""
        if not self.circuit.allow_request():
            raise DetectorCircuitOpen(
                "Amazon Rekognition is unavailable.",
                cause=f"circuit open engine={self.circuit.name} after: {self._last_cause}",
            )
        try:
            answer = self._make_within_budget(call)
        except PictureRefused:
            self.circuit.record_success()
            raise
        except DetectorFailed as error:
            if error.is_outage:
                self._last_cause = error.operator_message
                self.circuit.record_failure()
            raise
        self.circuit.record_success()
        return answer

    def _make_within_budget(self, call: Callable[[], Answer]) -> Answer:
        reserved = self.budget.reserve()
        try:
            return call()
        except NotBilled:
            self._refund(reserved)
            raise

    def _refund(self, reserved: tuple[Period, ...]) -> None:
        try:
            self.budget.refund(reserved)
        except DuckError as error:  # the count stays, although nothing was spent
            message = "could not refund call engine=%s cause=%s"
            log.warning(message, self.circuit.name, error.operator_message)
