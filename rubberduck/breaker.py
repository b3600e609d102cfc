"""A detector that is not asked for a while after it failed too often."""

from collections.abc import Collection

from rubberduck.circuit import Circuit
from rubberduck.errors import DetectorFailed, DetectorLeftAlone, PictureRefused
from rubberduck.finder import Detector
from rubberduck.model import Label
from rubberduck.pictures import Picture


class Breaker:
    """`detector`, as long as it answers; while it does not, DetectorFailed comes at once."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.circuit = Circuit(detector.name)

    @property
    def name(self) -> str:
        return self.detector.name

    @property
    def words(self) -> Collection[str] | None:
        return self.detector.words

    @property
    def dollars_a_picture(self) -> float:
        return self.detector.dollars_a_picture

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

    def check(self) -> None:
        """Asks in any case: an operator wants to know how it is now."""
        self.detector.check()
