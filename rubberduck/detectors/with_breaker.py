"""A detector behind a circuit breaker."""

from copy import copy
from typing import Self

from rubberduck.core.circuit_breaker import CircuitBreaker
from rubberduck.core.errors import DetectorCircuitOpen, DetectorFailed, PictureRefused
from rubberduck.core.models import Label
from rubberduck.detectors.base import Detector, DetectorWrapper
from rubberduck.imaging.decode import Picture


class DetectorWithBreaker(DetectorWrapper):
    """Calls `detector` while its circuit is closed, else raises DetectorCircuitOpen at once."""

    def __init__(self, detector: Detector) -> None:
        super().__init__(detector)
        self.circuit = CircuitBreaker(detector.name)
        self._last_cause = ""  # which says more than that the circuit is open

    def with_detector(self, detector: Detector) -> Self:
        """Return the same circuit before another detector of the same service."""
        other = copy(self)
        other.detector = detector
        return other

    def labels(self, picture: Picture) -> list[Label]:
        if not self.circuit.allow_request():
            raise DetectorCircuitOpen(
                "Image recognition is unavailable.",
                cause=f"circuit open engine={self.name} after: {self._last_cause}",
            )
        try:
            labels = self.detector.labels(picture)
        except PictureRefused:
            self.circuit.record_success()
            raise
        except DetectorFailed as error:
            if error.is_outage:
                self._last_cause = error.operator_message
                self.circuit.record_failure()
            raise
        self.circuit.record_success()
        return labels
