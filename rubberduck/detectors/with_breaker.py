"""A detector that is not asked for a while after it failed too often."""

from rubberduck.core.circuit_breaker import CircuitBreaker
from rubberduck.core.errors import DetectorCircuitOpen, DetectorFailed, PictureRefused
from rubberduck.core.models import Label
from rubberduck.detectors.base import Detector
from rubberduck.detectors.wrapper import DetectorWrapper
from rubberduck.imaging.decode import Picture


class DetectorWithBreaker(DetectorWrapper):
    """`detector`, as long as it answers; while it does not, DetectorFailed comes at once."""

    def __init__(self, detector: Detector) -> None:
        super().__init__(detector)
        self.circuit = CircuitBreaker(detector.name)

    def labels(self, picture: Picture) -> list[Label]:
        if not self.circuit.allow_request():
            raise DetectorCircuitOpen(
                "The part that looks at pictures does not answer.",
                cause=f"{self.name} failed too often just now; it is tried again soon",
            )
        try:
            labels = self.detector.labels(picture)
        except PictureRefused:
            self.circuit.answered()
            raise
        except DetectorFailed as error:
            if error.is_outage:
                self.circuit.failed()
            raise
        self.circuit.answered()
        return labels
