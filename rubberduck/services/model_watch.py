"""The schedule "model-leases": every 20 seconds one of all processes watches the models at Amazon.

The worker does it, and any web process that serves requests, so that a model is stopped while one
of them lives. It is no job: its rows, one every 20 seconds, would bury those of all others.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from rubberduck.core.errors import DuckError, ResultsUnavailable
from rubberduck.core.settings import InvalidSettings

if TYPE_CHECKING:
    from rubberduck.core.settings import Settings
    from rubberduck.custom_models.hosting import Hosting
    from rubberduck.custom_models.watch import Watched
    from rubberduck.db.engine import Database
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
NAME = "model-leases"
# A round takes seconds. Whoever dies in one holds up others, on other machines, so long.
LASTS, INTERVAL = timedelta(seconds=40), timedelta(seconds=15)
ROUND_SECONDS = 20.0
EVERYTHING_SECONDS = 3600.0  # also models that nobody started for days


def build_hosting(pipeline: "Pipeline", settings: "Settings") -> "Hosting":
    from rubberduck.billing.ledger import Ledger, limits_of
    from rubberduck.billing.prices import load_prices
    from rubberduck.billing.trainings import TRAINING, TrainingCosts
    from rubberduck.custom_models.hosting import Hosting
    from rubberduck.custom_models.life import Lives
    from rubberduck.custom_models.meter import Meter

    database, prices = pipeline.results.database, load_prices(settings.prices)
    ledger = Ledger(database, limits_of(settings, prices))
    return Hosting(
        Lives(database),
        ledger,
        Meter(prices["custom-labels-running"]),
        timedelta(minutes=settings.model_idle_minutes),
        timedelta(hours=settings.model_hours),
        pipeline.open_custom_labels,
        pipeline.open_stop_schedules,
        TrainingCosts(ledger, prices[TRAINING]),
    )


class ModelWatch:
    """Runs the rounds that are due, one process at a time."""

    def __init__(
        self, open_database: "Callable[[], Database]", open_hosting: "Callable[[], Hosting]"
    ) -> None:
        self.open_database = open_database
        self.open_hosting = open_hosting
        self._due: float | None = None
        self._everything_due = 0.0
        self._lock = threading.Lock()

    def run_due(self) -> "Watched | None":
        """Do one round unless another process has just done it. Raises DuckError."""
        from rubberduck.custom_models.watch import Watch
        from rubberduck.db.leases import Lease
        from rubberduck.services.training_queue import settle_all_trainings

        lease = Lease(self.open_database(), NAME, LASTS, INTERVAL)
        if not lease.acquire():
            return None
        everything = time.monotonic() >= self._everything_due
        try:
            if everything:
                settle_all_trainings(self.open_database())
            watched = Watch(self.open_hosting()).run(everything=everything)
        finally:
            with suppress(ResultsUnavailable):  # then it runs out
                lease.release()
        if everything:
            self._everything_due = time.monotonic() + EVERYTHING_SECONDS
        return watched

    def run_forever(self, stopping: threading.Event) -> None:
        """Do a round at once, then all that are due."""
        while not stopping.is_set():
            self._run_safely()
            stopping.wait(ROUND_SECONDS)

    def maybe_run(self) -> None:
        """Start a round in the background if one is due in this process; for every request."""
        now = time.monotonic()
        with self._lock:
            if self._due is None:  # processes start at different times
                self._due = now + ROUND_SECONDS * random.random()
            if now < self._due:
                return
            self._due = math.inf
        threading.Thread(target=self._run_in_background, name=NAME, daemon=True).start()

    def _run_in_background(self) -> None:
        from rubberduck.db.model_activity import may_cost

        try:
            # Nothing of the models is imported on a site where none runs.
            if may_cost(self.open_database()):
                self._run_safely()
        except DuckError as error:
            log.warning("models not watched cause=%s", error.operator_message)
        finally:
            self._due = time.monotonic() + ROUND_SECONDS

    def _run_safely(self) -> None:
        """Do a round that is due. Whatever it raises, the next one is done: models bill on."""
        try:
            self.run_due()
        except DuckError as error:
            log.warning("models not watched cause=%s", error.operator_message)
        except InvalidSettings as error:  # AWS's own, such as its configuration file
            log.error("models not watched cause=%s", error)
        except Exception:  # botocore reads credentials: RuntimeError, OSError …
            log.exception("models not watched")
