"""A detector that is only called while there is budget for the call."""

from rubberduck.billing.budget import Budget, Period, log
from rubberduck.core.errors import DuckError, NotBilled
from rubberduck.core.models import Label
from rubberduck.detectors.base import Detector
from rubberduck.detectors.wrapper import DetectorWrapper
from rubberduck.imaging.decode import Picture


class DetectorWithBudget(DetectorWrapper):
    """A detector that is asked only while there is budget for it: one call for each picture.

    That is exact only if the detector itself asks a second time only after refusals that cost
    nothing, as Rekognition does (`rekognition.py`).
    """

    def __init__(self, detector: Detector, budget: Budget) -> None:
        super().__init__(detector)
        self.budget = budget

    def labels(self, picture: Picture) -> list[Label]:
        taken = self.budget.take()
        try:
            return self.detector.labels(picture)
        except NotBilled:
            self._give_back(taken)
            raise

    def _give_back(self, taken: tuple[Period, ...]) -> None:
        try:
            self.budget.give_back(taken)
        except DuckError as error:  # it stays counted, and nothing was spent
            log.warning("A call that cost nothing stays counted: %s", error.operator_message)
