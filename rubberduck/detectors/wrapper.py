"""A detector that is not always asked; apart from that, it is the one behind it."""

from collections.abc import Collection

from rubberduck.detectors.base import Detector


class DetectorWrapper:
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
    def cost_per_call_usd(self) -> float:
        return self.detector.cost_per_call_usd

    def check(self) -> None:
        """Asks in any case: an operator wants to know how it is now, and it is not billed."""
        self.detector.check()
