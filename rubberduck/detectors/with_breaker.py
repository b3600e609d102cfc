"""A detector that is not asked for a while after it failed too often."""

from rubberduck.core.circuit_breaker import Circuit
from rubberduck.core.errors import DetectorFailed, DetectorLeftAlone, PictureRefused
from rubberduck.core.models import Label
from rubberduck.detectors.base import Detector
from rubberduck.detectors.wrapper import Guarded
from rubberduck.imaging.decode import Picture


class Breaker(Guarded):
    """`detector`, as long as it answers; while it does not, DetectorFailed comes at once."""

    def __init__(self, detector: Detector) -> None:
        super().__init__(detector)
        self.circuit = Circuit(detector.name)

    def labels(self, picture: Picture) -> list[Label]:
        if not self.circuit.may_ask():
            raise DetectorLeftAlone(
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
