"""A detector that answers what a test puts into it."""

from rubberduck.core.models import Box, Label
from rubberduck.imaging.decode import Picture


class FakeDetector:
    """Answers with the labels in `answer`, and counts the calls."""

    name = "fake detector"
    version = "1"
    supported_labels = frozenset({"Duck", "Bird", "Toy"})
    cost_per_call_usd = 0.0

    def __init__(self, *labels: Label) -> None:
        self.answer = list(labels)
        self.calls = 0

    def labels(self, picture: Picture) -> list[Label]:
        self.calls += 1
        return self.answer

    def check(self) -> None: ...


def duck_labels(confidence: float = 98.0, toy: float = 90.0) -> tuple[Label, ...]:
    """Return what a detector answers for a rubber duck, with one box."""
    place = (0.25, 0.2, 0.5, 0.6)
    return (
        Label("Duck", confidence, (Box(*place, "Duck", confidence),), ("Animal", "Bird")),
        Label("Bird", confidence, (Box(*place, "Bird", confidence),), ("Animal",)),
        Label("Toy", toy, (Box(*place, "Toy", toy),)),
    )
