"""A detector that is called only while there is budget for the call."""

from rubberduck.billing.budget import Budget, log
from rubberduck.billing.periods import Period
from rubberduck.core.errors import DuckError, NotBilled
from rubberduck.core.models import Label
from rubberduck.detectors.base import Detector, DetectorWrapper
from rubberduck.imaging.decode import Picture


class DetectorWithBudget(DetectorWrapper):
    """Reserves one call in `budget` per picture, and refunds it if the call was not billed.

    Exact only if the detector itself retries nothing but unbilled refusals, as `rekognition.py`
    does.
    """

    def __init__(self, detector: Detector, budget: Budget) -> None:
        super().__init__(detector)
        self.budget = budget

    def labels(self, picture: Picture) -> list[Label]:
        reserved = self.budget.reserve()
        try:
            return self.detector.labels(picture)
        except NotBilled:
            self._refund(reserved)
            raise

    def _refund(self, reserved: tuple[Period, ...]) -> None:
        try:
            self.budget.refund(reserved)
        except DuckError as error:  # the count stays, although nothing was spent
            message = "could not refund call engine=%s cause=%s"
            log.warning(message, self.name, error.operator_message)
