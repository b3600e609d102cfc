"""A detector of a job that waits for its turn, and asks again after an outage."""

import time
from collections.abc import Callable

from rubberduck.core.errors import DetectorFailed
from rubberduck.core.models import Label
from rubberduck.detectors.base import Detector, DetectorWrapper
from rubberduck.imaging.decode import Picture

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 16.0)  # seconds: longer than a circuit breaker stays open


class DetectorWithRetries(DetectorWrapper):
    """Calls `wait_for_turn` before each call, and repeats failed ones. A request never waits so."""

    def __init__(
        self,
        detector: Detector,
        wait_for_turn: Callable[[], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(detector)
        self.wait_for_turn = wait_for_turn
        self.sleep = sleep

    def labels(self, picture: Picture) -> list[Label]:
        """Return the labels. Raises DetectorFailed at once if the picture or the budget is why."""
        failure: DetectorFailed | None = None
        for pause in (*PAUSES, None):
            self.wait_for_turn()
            try:
                return self.detector.labels(picture)
            except DetectorFailed as error:
                if not error.is_outage:
                    raise
                failure = error
            if pause is not None:
                self.sleep(pause)
        assert failure
        raise failure
