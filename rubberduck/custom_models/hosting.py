"""Start and stop models: embedded ones, and those of Amazon Rekognition Custom Labels.

The row comes first: it says that a model should run before Amazon is asked to start it, and no more
before Amazon is asked to stop it. So whatever ends this process at whatever point, `watch.py` finds
what is wanted in the row and what is so at Amazon, and makes the second like the first.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from rubberduck.aws.custom_labels import Version
from rubberduck.aws.custom_labels_errors import (
    CustomLabelsBusy,
    CustomLabelsFailed,
    CustomLabelsOff,
    CustomLabelsRefused,
    StopNotScheduled,
)
from rubberduck.aws.version_states import RUNNING, STARTING, STOPPED, VersionState
from rubberduck.billing.ledger import Ledger
from rubberduck.billing.trainings import TrainingCosts
from rubberduck.custom_models.hosting_errors import (
    AlreadyRunning,
    CannotStart,
    EmbeddedRunsAlready,
    InvalidUnits,
    NoScheduledStop,
    NotRunning,
    TooManyRunning,
)
from rubberduck.custom_models.life import Life, Lives, others_at_amazon, require_project
from rubberduck.custom_models.meter import AHEAD, Meter, floor_minute
from rubberduck.custom_models.tables import model_versions
from rubberduck.db.engine import to_naive_utc

log = logging.getLogger(__name__)
MAX_RUNNING, MAX_UNITS = 2, 5  # quotas of an account
IN_USE = "ResourceInUseException"
TOUCH_SECONDS = 20.0  # between two renewals of a lease by one process


class ModelService(Protocol):
    """What hosting needs of aws.custom_labels.CustomLabels."""

    def versions(self, project_arn: str) -> Sequence[Version]: ...
    def start(self, version_arn: str, units: int) -> VersionState: ...
    def stop(self, version_arn: str) -> VersionState: ...


class StopSchedule(Protocol):
    """What hosting needs of aws.scheduler.StopSchedules."""

    def set(self, run_id: str, version_arn: str, at: datetime) -> None: ...
    def delete(self, run_id: str) -> None: ...


@dataclass
class Hosting:
    """Starts and stops models. Raises ResultsUnavailable when the database fails.

    `open_service` and `open_schedules` are None if Custom Labels is off, or no stop can be
    scheduled at Amazon.
    """

    lives: Lives
    ledger: Ledger
    meter: Meter
    idle: timedelta
    ceiling: timedelta
    open_service: Callable[[], ModelService] | None = None
    open_schedules: Callable[[], StopSchedule] | None = None
    trainings: TrainingCosts | None = None
    _touched: dict[str, float] = field(default_factory=dict, repr=False)
    _touch_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def service(self) -> ModelService:
        if self.open_service is None:
            raise CustomLabelsOff("Models at Amazon can be neither started nor stopped.")
        return self.open_service()

    def start(self, id: str, units: int, by: str, *, unwatched: bool = False) -> Life:
        """Start a model; return its life. `by` is the operator's id, "" for a visitor's request.

        `unwatched` accepts that nothing stops the model at Amazon if this site goes off. Raises
        CannotStart, InvalidUnits, NoScheduledStop, NoSuchModel, SpendingLimitReached, and
        CustomLabelsRefused. If Amazon does not answer, the start is repeated by watch.py.
        """
        before = self.lives.get(id)
        if not before.is_embedded:
            _ = self.service  # opened before the row is locked: that may ask the network
        life = self._record_start(id, units, by, unwatched)
        if life.is_embedded:
            return life
        if before.started_at:  # a schedule that could not be deleted would stop this run
            self.unschedule(before)
        self.schedule_stop(life, unwatched)
        return self.request_start(life)

    def _record_start(self, id: str, units: int, by: str, unwatched: bool) -> Life:
        """Write that the model should run, and reserve its first minutes."""
        now = datetime.now(UTC)
        with self._touch_lock:
            self._touched.pop(id, None)  # the first question of this run is written at once
        with self.lives.changing(id, slots=True) as (connection, life, change):
            # Asked when the row is locked: whoever hides the project changes the row after that.
            require_project(connection, life.project_id)
            _check_state(life)
            wanted = replace(
                life,
                should_run=True,
                units=units,
                started_at=now,
                started_by=by,
                last_used_at=None,
            )
            if life.is_embedded:
                wanted = replace(wanted, state=RUNNING, units=1)
            else:
                self._check_amazon(connection, life, units, unwatched)
                wanted = replace(
                    wanted,
                    lease_until=now + self.idle,
                    ceiling_at=now + self.ceiling,
                    metered_until=floor_minute(now) + AHEAD,
                )
            change(
                **{
                    name: getattr(wanted, name)
                    for name in wanted.__dataclass_fields__
                    if getattr(wanted, name) != getattr(life, name)
                },
                state_message="",
            )
            if start := wanted.metered_until:
                entries = self.meter.entries(wanted, start - AHEAD, start)
                self.ledger.add(connection, entries, is_limited=True)
        fields = f"version={life.id} model={life.title!r} engine={life.engine} units={wanted.units}"
        log.info("model start wanted %s by=%s", fields, by or "visitor")
        return wanted

    def _check_amazon(
        self, connection: Connection, life: Life, units: int, unwatched: bool
    ) -> None:
        if not 1 <= units <= MAX_UNITS:
            raise InvalidUnits("A model runs with 1 to {most} units.", most=MAX_UNITS)
        if life.arn is None:
            raise CannotStart("Amazon Rekognition does not know this model.")
        if others_at_amazon(connection, life.id) >= MAX_RUNNING:
            raise TooManyRunning("An account can run {most} models at a time.", most=MAX_RUNNING)
        if self.open_schedules is None and not unwatched:
            raise NoScheduledStop("No stop can be scheduled at Amazon.")

    def schedule_stop(self, life: Life, unwatched: bool) -> None:
        """Let Amazon stop the model at the ceiling, should nobody here do it.

        Raises NoScheduledStop, unless that is known, and then the model should not run.
        """
        problem = "DUCK_SCHEDULER_ROLE is not set"
        if self.open_schedules is not None and life.arn and life.ceiling_at:
            try:
                self.open_schedules().set(life.run_id, life.arn, life.ceiling_at)
                return
            except StopNotScheduled as error:
                problem = error.operator_message
        log.warning("model stop not scheduled version=%s cause=%s", life.id, problem)
        if not unwatched:
            self.give_up(life)
            raise NoScheduledStop("No stop could be scheduled at Amazon.", cause=problem)

    def request_start(self, life: Life) -> Life:
        """Ask Amazon to start what the row wants to run, and give up where it refuses for good."""
        assert life.arn
        try:
            self.service.start(life.arn, life.units)
        except CustomLabelsBusy as error:
            log.warning("model start unanswered version=%s cause=%s", life.id, error)
            return self.lives.get(life.id)
        except CustomLabelsRefused as error:
            if error.code == IN_USE:  # it starts, runs or stops already: watch.py finds out which
                return self.lives.get(life.id)
            self.give_up(life)
            self.unschedule(life)
            raise
        with self.lives.changing(life.id) as (_, current, change):
            if is_wanted := current.should_run and current.started_at == life.started_at:
                change(state=STARTING)
        log.info("model starting version=%s model=%r units=%d", life.id, life.title, life.units)
        if not is_wanted:  # stopped by somebody meanwhile
            self.request_stop(life)
        return self.lives.get(life.id)

    def give_up(self, life: Life) -> None:
        """Write that a model should not run that was not started, and take back its minutes."""
        with self.lives.changing(life.id) as (connection, current, change):
            if current.should_run and current.started_at == life.started_at:
                change(should_run=False, lease_until=None, metered_until=None)
                if until := current.metered_until:
                    back = self.meter.back(current, until - AHEAD, until)
                    self.ledger.add(connection, back, is_limited=False)

    def stop(self, id: str, reason: str = "operator") -> Life:
        """Stop a model; return its life. At Amazon it is repeated until it has stopped.

        Raises NotRunning, NoSuchModel, CustomLabelsOff.
        """
        if (seen := self.lives.get(id)).should_run and not seen.is_embedded:
            _ = self.service  # opened before the row is locked: that may ask the network
        with self.lives.changing(id) as (_, life, change):
            if not life.should_run:
                if life.service_state.may_bill:
                    raise NotRunning("It is being stopped: the last request was accepted.")
                raise NotRunning("It does not run.")
            state = {"state": STOPPED} if life.is_embedded else {}
            change(should_run=False, lease_until=None, **state)
        log.info("model stop wanted version=%s model=%r reason=%s", id, life.title, reason)
        if not life.is_embedded:
            self.request_stop(life)
        return self.lives.get(id)

    def request_stop(self, life: Life) -> None:
        """Ask Amazon to stop the model. What fails is repeated by watch.py."""
        assert life.arn
        try:
            state = self.service.stop(life.arn)
        except CustomLabelsFailed as error:
            log.warning("model not stopped yet version=%s cause=%s", life.id, error)
            return
        with self.lives.changing(life.id) as (_, current, change):
            if not current.should_run and current.started_at == life.started_at:
                change(state=state.name)
        log.info("model stopping version=%s model=%r", life.id, life.title)

    def extend(self, id: str) -> Life:
        """Move the ceiling of a running model to a whole ceiling from now.

        Raises NotRunning, StopNotScheduled.
        """
        life = self.lives.get(id)
        if not life.should_run or life.is_embedded or life.arn is None:
            raise NotRunning("Only a model that runs at Amazon has an end that can be moved.")
        now = datetime.now(UTC)
        if self.open_schedules is not None:
            self.open_schedules().set(life.run_id, life.arn, now + self.ceiling)
        with self.lives.changing(id) as (_, current, change):
            if current.should_run and current.started_at == life.started_at:
                change(ceiling_at=now + self.ceiling, lease_until=now + self.idle)
        return self.lives.get(id)

    def unschedule(self, life: Life) -> None:
        """Delete the run's stop at Amazon. One that stays would stop a later run, too."""
        if self.open_schedules is None:
            return
        try:
            self.open_schedules().delete(life.run_id)
        except StopNotScheduled as error:
            log.warning("scheduled stop stays version=%s cause=%s", life.id, error)

    def touch(self, id: str) -> None:
        """Renew the lease of a model that was asked; at most every TOUCH_SECONDS of a process."""
        now = time.monotonic()
        with self._touch_lock:
            if now - self._touched.get(id, float("-inf")) < TOUCH_SECONDS:
                return
            self._touched[id] = now
        moment = datetime.now(UTC)
        row = model_versions.c
        renewed = model_versions.update().where(row.id == id, row.should_run)
        with self.lives.database.transaction(writing=True) as connection:
            connection.execute(renewed.values(last_used_at=to_naive_utc(moment)))
            leased = renewed.where(row.lease_until.is_not(None))
            connection.execute(leased.values(lease_until=to_naive_utc(moment + self.idle)))


def _check_state(life: Life) -> None:
    """Raise CannotStart unless an operator may start the model."""
    state = life.service_state
    if life.should_run:
        if life.is_embedded:  # which has no units, and starts at once
            raise EmbeddedRunsAlready("“{model}” runs.", model=life.title)
        raise AlreadyRunning("“{model}” runs or is starting.", model=life.title)
    if not life.is_trained:
        raise CannotStart("It has not been trained to the end: it is {state}.", state=state.name)
    if state.may_bill:
        raise CannotStart("It is still being stopped. Start it when it has stopped.")
    if state.start not in ("yes", "by hand"):
        raise CannotStart("Amazon ended the life of this model: it is {state}.", state=state.name)
