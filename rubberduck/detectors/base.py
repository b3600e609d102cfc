"""The Detector protocol, and the base class of detectors that wrap another one."""

from collections.abc import Collection
from typing import Protocol

from rubberduck.core.models import Label
from rubberduck.imaging.decode import Picture


class Detector(Protocol):
    """Finds labels in pictures."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str | None:
        """Return the model's version; answers are shared between equal names and versions.

        None until the first call, if only a response contains it. Raises DetectorFailed.
        """

    @property
    def supported_labels(self) -> Collection[str] | None:
        """Return the label names that it can return; None if there are too many to list."""

    @property
    def cost_per_call_usd(self) -> float: ...
    def labels(self, picture: Picture) -> list[Label]:
        """Return the labels of the picture. Raises DetectorFailed."""

    def check(self) -> None:
        """Raise DetectorFailed, with the cause for the operator, unless it works."""


class DetectorWrapper:
    """A detector with the identity of `detector`; subclasses decide in `labels` when to call it."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    @property
    def name(self) -> str:
        return self.detector.name

    @property
    def version(self) -> str | None:
        return self.detector.version

    @property
    def supported_labels(self) -> Collection[str] | None:
        return self.detector.supported_labels

    @property
    def cost_per_call_usd(self) -> float:
        return self.detector.cost_per_call_usd

    def check(self) -> None:
        """Check the wrapped detector, past any budget or open circuit: it is not billed."""
        self.detector.check()
