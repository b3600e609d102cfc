"""A detector that is not always asked; apart from that, it is the one behind it."""

from collections.abc import Collection

from rubberduck.detectors.base import Detector


class Guarded:
    """What guards share: `labels` is theirs to write."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    @property
    def name(self) -> str:
        return self.detector.name

    @property
    def words(self) -> Collection[str] | None:
        return self.detector.words

    @property
    def dollars_a_picture(self) -> float:
        return self.detector.dollars_a_picture

    def check(self) -> None:
        """Asks in any case: an operator wants to know how it is now, and it is not billed."""
        self.detector.check()
