"""The Detector protocol: what every detector offers."""

from collections.abc import Collection
from typing import Protocol

from rubberduck.core.models import Label
from rubberduck.imaging.decode import Picture


class Detector(Protocol):
    """Says what is in a picture; DetectorFailed when it cannot."""

    @property
    def name(self) -> str: ...
    @property
    def words(self) -> Collection[str] | None:
        """The labels it knows; None for more than can be listed."""

    @property
    def cost_per_call_usd(self) -> float: ...
    def labels(self, picture: Picture) -> list[Label]: ...
    def check(self) -> None:
        """DetectorFailed, with the cause for the operator, unless it is ready."""
