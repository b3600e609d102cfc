"""Make what runs at Amazon like what should run: end leases, repeat stops and starts, count costs.

Run it often, by any process: a round changes nothing that is as it should be, and two rounds at
once do no harm.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from rubberduck.aws.custom_labels import Version
from rubberduck.aws.custom_labels_errors import CustomLabelsFailed
from rubberduck.aws.version_states import (
    COPYING_COMPLETED,
    FAILED,
    RUNNING,
    STARTING,
    TRAINING_COMPLETED,
    TRAINING_FAILED,
)
from rubberduck.billing.errors import SpendingLimitReached
from rubberduck.billing.ledger import Entry
from rubberduck.core.errors import DuckError
from rubberduck.custom_models.hosting import Hosting
from rubberduck.custom_models.life import Life
from rubberduck.custom_models.meter import AHEAD, ceil_minute, floor_minute

log = logging.getLogger(__name__)
# A start whose request was lost on the way may arrive long after the model was stopped.
LATE_START = timedelta(days=1)
# As long as a start may take to show in the answers of the service.
SETTLING = timedelta(seconds=60)
# Amazon takes longer to start a model and to stop it.
QUICKEST_RUN = timedelta(minutes=3)
NEVER_RAN = (TRAINING_COMPLETED, COPYING_COMPLETED)  # what has run is STOPPED afterwards
MAX_MESSAGE = 500
Act = Literal["start", "stop", "unschedule"]


@dataclass(frozen=True)
class Watched:
    """What a round found: versions that may bill, and stops and starts that it asked for."""

    active: int = 0
    stops: int = 0
    starts: int = 0


@dataclass(frozen=True)
class Watch:
    """Compares rows with the service. Raises ResultsUnavailable when the database fails."""

    hosting: Hosting

    def run(self, *, everything: bool = False) -> Watched:
        """Do one round; with `everything`, also for models that nobody started for days."""
        self._end_leases()
        since = None if everything else datetime.now(UTC) - LATE_START
        lives = self.hosting.lives.at_amazon()  # as they are before the service is asked
        of_interest = {life.project_arn for life in self.hosting.lives.at_amazon(since)}
        if everything:  # a database that was set back may lack versions
            of_interest |= self.hosting.lives.project_arns()
        active, acts = 0, list[Act]()
        for project_arn in sorted(filter(None, of_interest)):
            try:
                seen = self.hosting.service.versions(project_arn)
            except CustomLabelsFailed as error:
                log.warning("models not watched project=%s cause=%s", project_arn, error)
                continue
            active += sum(version.state.may_bill for version in seen)
            acts += self._compare([life for life in lives if life.project_arn == project_arn], seen)
        return Watched(active, acts.count("stop"), acts.count("start"))

    def _end_leases(self) -> None:
        """Write that models should not run whose lease, or whole time, has run out."""
        for life in self.hosting.lives.at_amazon(datetime.now(UTC) - LATE_START):
            if not _ended(life):
                continue
            with self.hosting.lives.changing(life.id) as (_, current, change):
                if reason := _ended(current):  # nobody asked it meanwhile
                    change(should_run=False, lease_until=None)
                    log.info("model stop wanted version=%s reason=%s", life.id, reason)

    def _compare(self, lives: list[Life], seen: Iterable[Version]) -> list[Act]:
        known = {life.arn or life.name: life for life in lives}
        acts, found = list[Act](), set[str]()
        for version in seen:
            if life := known.get(version.arn) or known.get(version.name):
                found.add(life.id)
                self._enter_training(life, version)
                acts += self._settle(life, version)
            elif version.state.name == RUNNING:
                log.warning("unknown model runs version_arn=%s, it is stopped", version.arn)
                acts += self._stop_unknown(version)
        for life in lives:
            if life.id not in found and life.arn:
                self._note_missing(life)
        return acts

    def _enter_training(self, life: Life, version: Version) -> None:
        """Enter what a training cost whose job does not: it was cancelled, or failed."""
        costs = self.hosting.trainings
        if not costs or life.is_trained or version.description != life.id:
            return
        if version.billable_seconds:
            what = f"training of {life.title}"
            costs.charge(life.id, version.billable_seconds, what, life.project_id)
        elif version.state.name == TRAINING_FAILED:  # which costs nothing
            costs.release(life.id)

    def _note_missing(self, life: Life) -> None:
        """Write that a model does not run that Amazon does not have any more."""
        is_new = life.started_at and datetime.now(UTC) - life.started_at < SETTLING
        active = life.should_run or life.metered_until or life.service_state.may_bill
        if is_new or not active:
            return
        with self.hosting.lives.changing(life.id) as (connection, current, change):
            if _snapshot(current) != _snapshot(life):
                return
            if until := current.metered_until:  # nobody saw when it was stopped
                used = self.hosting.meter.entries(current, until, ceil_minute(datetime.now(UTC)))
                self.hosting.ledger.add(connection, used, is_limited=False)
            change(
                should_run=False,
                lease_until=None,
                metered_until=None,
                state=FAILED,
                state_message="Amazon Rekognition does not have this model any more.",
            )
            log.warning("model is gone at Amazon version=%s model=%r", life.id, life.title)

    def _stop_unknown(self, version: Version) -> list[Act]:
        try:
            self.hosting.service.stop(version.arn)
        except CustomLabelsFailed as error:
            log.warning("model not stopped yet version_arn=%s cause=%s", version.arn, error)
        return ["stop"]

    def _settle(self, life: Life, version: Version) -> list[Act]:
        """Bring one row up to date, and do what is left to do at Amazon."""
        with self.hosting.lives.changing(life.id) as (connection, current, change):
            if _snapshot(current) != _snapshot(life):  # since the service was asked: next time
                return []
            act = _Round(self.hosting, connection, current, change, version).settle()
        # It has none where the answer to its training was lost.
        life = replace(life, arn=life.arn or version.arn)
        if act == "start":
            try:
                self.hosting.schedule_stop(life, unwatched=self.hosting.open_schedules is None)
                self.hosting.request_start(life)
            except DuckError as error:
                log.warning("model not started version=%s cause=%s", life.id, error)
        elif act == "stop":
            self.hosting.request_stop(life)
        elif act == "unschedule":
            self.hosting.unschedule(life)
        return [act] if act else []


class _Round:
    """One row under its lock, beside what the service says about its version."""

    def __init__(
        self,
        hosting: Hosting,
        connection: Connection,
        life: Life,
        change: Callable[..., None],
        version: Version,
    ) -> None:
        self.ledger, self.meter, self.idle = hosting.ledger, hosting.meter, hosting.idle
        self.connection = connection
        self.life = life
        self.change = change
        self.version = version
        self.now = datetime.now(UTC)
        self.should_run = life.should_run

    def settle(self) -> Act | None:
        """Change the row; return what is to be done at Amazon."""
        state, life = self.version.state, self.life
        if not life.is_trained:
            return "stop" if state.name == RUNNING else None
        is_new = state.name != life.state
        if is_new:
            message = self.version.message[:MAX_MESSAGE] if state.name == FAILED else ""
            self.change(state=state.name, state_message=message)
            log.info("model state version=%s was=%s is=%s", life.id, life.state, state.name)
        if life.should_run and (state.name == STARTING or (is_new and state.name == RUNNING)):
            self.change(lease_until=self.now + self.idle)  # the lease begins when it can be asked
        act: Act | None = None
        if not state.may_bill:
            act = self._settle_stopped()
        elif state.name == STARTING:
            if until := life.metered_until:  # a model that starts costs nothing yet
                self._move_reservation(until - AHEAD)
        else:
            self._meter_usage()
        if self.should_run != life.should_run:
            self.change(should_run=False, lease_until=None)
        if state.may_stop and not self.should_run:
            return "stop"
        return act

    def _settle_stopped(self) -> Act | None:
        """Start what should run, or has still to start; end the meter of what does not."""
        until = self.life.metered_until
        if self.life.should_run:
            if reason := self._why_not_to_start():
                self._cancel_run(reason)
            elif until and not self.life.service_state.may_bill:
                self._move_reservation(self._used_until(until))
            if self.should_run:
                return "start"  # the request was never sent, or lost
        if until is None:
            return None
        self._correct_ledger(until, self._used_until(until))
        self.change(metered_until=None)
        log.info("model stopped version=%s model=%r", self.life.id, self.life.title)
        return "unschedule"

    def _why_not_to_start(self) -> str | None:
        """Return why a model that should run and does not is not started, if so."""
        life, state = self.life, self.version.state
        was_active = life.service_state.may_bill
        is_new = life.started_at is None or self.now - life.started_at < SETTLING
        if state.name == FAILED and was_active:
            return "failed"
        if not (state.may_start or state.start == "by hand"):
            return f"it is {state.name}"
        return "stopped elsewhere" if was_active and not is_new else None

    def _used_until(self, until: datetime) -> datetime:
        """Return until when a model that does not run is paid for, where `until` is paid ahead.

        That is now, though nobody saw it run: the answer to its start may be lost, and the site
        have been off since. It is nothing only where it cannot have run.
        """
        was, state, seen = self.life.service_state, self.version.state.name, until - AHEAD
        failed_to_start = was.name == STARTING and state == FAILED
        if was.may_bill and not failed_to_start:
            return ceil_minute(self.now)
        cannot_have_run = state in NEVER_RAN or self.now - seen < QUICKEST_RUN
        return seen if cannot_have_run else ceil_minute(self.now)

    def _move_reservation(self, used: datetime) -> None:
        """Reserve the next minutes anew, since those that are reserved were used until `used`."""
        until, begin = self.life.metered_until, max(used, floor_minute(self.now))
        assert until
        if until - AHEAD >= begin:
            return
        entries = [
            *self._corrections(until, used),
            *self.meter.entries(self.life, begin, begin + AHEAD),
        ]
        if self._add_if_allowed(entries):
            self.change(metered_until=begin + AHEAD)

    def _meter_usage(self) -> None:
        """Enter what was used, and reserve the next minutes of what should run on."""
        until = self.life.metered_until
        if until is None:  # it was started elsewhere
            until = floor_minute(self.now)
            if self.life.started_at is None:
                self.change(started_at=self.now)
        if until < (used := ceil_minute(self.now)):
            self._correct_ledger(until, used)
            until = used
        ahead = floor_minute(self.now) + AHEAD
        is_short = self.should_run and until < ahead - AHEAD / 2
        if is_short and self._add_if_allowed(self.meter.entries(self.life, until, ahead)):
            until = ahead
        if until != self.life.metered_until:
            self.change(metered_until=until)

    def _correct_ledger(self, was: datetime, until: datetime) -> None:
        """Make the ledger end at `until` instead of at `was`."""
        self.ledger.add(self.connection, self._corrections(was, until), is_limited=False)

    def _corrections(self, was: datetime, until: datetime) -> list[Entry]:
        return [
            *self.meter.entries(self.life, was, until),
            *self.meter.back(self.life, until, was),
        ]

    def _add_if_allowed(self, entries: Iterable[Entry]) -> bool:
        try:
            with self.connection.begin_nested():
                self.ledger.add(self.connection, entries, is_limited=True)
        except SpendingLimitReached:
            self._cancel_run("spending limit")
            return False
        return True

    def _cancel_run(self, reason: str) -> None:
        if self.should_run:
            self.should_run = False
            log.warning("model stop wanted version=%s reason=%s", self.life.id, reason)


def _ended(life: Life) -> str | None:
    """Return why the model should not run any longer, if so."""
    now = datetime.now(UTC)
    if not life.should_run:
        return None
    if life.ceiling_at and life.ceiling_at <= now:
        return "ceiling"
    if life.state == STARTING:  # which takes minutes, and nobody can ask it yet
        return None
    return "lease" if life.lease_until and life.lease_until <= now else None


def _snapshot(life: Life) -> tuple[object, ...]:
    """Return what must not have changed between the service's answer and the row's lock."""
    return life.should_run, life.state, life.started_at
