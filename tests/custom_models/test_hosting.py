"""The life of a model: started, watched, stopped, and what it costs, on the fake service.

The fake counts what Amazon would bill; the ledger must never have less than that.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Never

import pytest
import time_machine

from db_setup import set_up
from rubberduck.aws.custom_labels_errors import CustomLabelsRefused, StopNotScheduled
from rubberduck.billing.errors import SpendingLimitReached
from rubberduck.billing.ledger import Limits
from rubberduck.core.settings import Settings
from rubberduck.custom_models.hosting_errors import (
    AlreadyRunning,
    CannotStart,
    InvalidUnits,
    NoScheduledStop,
    NoSuchModel,
    NotRunning,
    TooManyRunning,
)
from rubberduck.custom_models.projects import Projects
from rubberduck.custom_models.tables import model_versions
from rubberduck.db.engine import Database
from rubberduck.services.model_watch import ModelWatch
from tests.support.custom_labels import LOSE_ANSWER, LOSE_REQUEST, FakeCustomLabels
from tests.support.custom_labels.clock import EPOCH
from tests.support.hosting import DOLLAR, Machine, add_amazon_model, add_model

NOW = datetime.fromtimestamp(EPOCH, UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    set_up(settings.database_url)
    database = Database(settings.database_url)
    yield database
    database.close()


@pytest.fixture
def each_database(database_url: str) -> Iterator[Database]:
    """On SQLite, then on PostgreSQL."""
    set_up(database_url)
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def fake() -> FakeCustomLabels:
    return FakeCustomLabels()


@pytest.fixture
def machine(database: Database, fake: FakeCustomLabels, clock: time_machine.Traveller) -> Machine:
    return Machine(database, fake, clock)


def spent(machine: Machine) -> int:
    return machine.hosting.ledger.totals()[1].spent


def test_a_model_that_nobody_asks_is_stopped_within_a_minute_of_its_lease(
    each_database: Database, fake: FakeCustomLabels, clock: time_machine.Traveller
) -> None:
    machine = Machine(each_database, fake, clock)
    id = add_amazon_model(each_database, fake, "v1")
    started = machine.hosting.start(id, 2, "ada")
    assert (started.state, started.units, spent(machine)) == ("STARTING", 2, 1_333_333)
    assert list(machine.schedules.due) == [started.run_id]
    with pytest.raises(AlreadyRunning, match="“mugs 1” runs or is starting"):
        machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    assert machine.hosting.lives.get(id).is_running
    for _ in range(4):  # asked every ten minutes, so it goes on
        machine.hosting.touch(id)
        machine.advance(10 * 60)
    assert machine.hosting.lives.get(id).is_running
    machine.hosting.touch(id)
    lease = machine.hosting.lives.get(id).lease_until
    assert lease
    machine.advance((lease - datetime.now(UTC)).total_seconds() - 1)
    assert fake.version("v1").state == "RUNNING"
    machine.advance(60)
    assert fake.version("v1").state == "STOPPING"
    machine.advance(240)
    life = machine.hosting.lives.get(id)
    assert (life.state, life.should_run, life.metered_until) == ("STOPPED", False, None)
    assert machine.schedules.due == {}
    # Never less than Amazon bills; more by the minutes of stopping, and the begun ones.
    assert 0 <= spent(machine) - machine.billed() <= 2 * 4 * DOLLAR * 5 / 60
    assert machine.hosting.ledger.spent_on(f"model {id} ") == spent(machine)
    with pytest.raises(NotRunning, match="does not run"):
        machine.hosting.stop(id)
    assert fake.calls["StartProjectVersion"] == 1
    assert fake.mistakes == []


def test_each_refusal_has_its_sentence_and_starts_and_costs_nothing(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    ids = [add_amazon_model(database, fake, f"v{n}", number=n) for n in (1, 2, 3)]
    machine.schedules.error = StopNotScheduled("Refused.", cause="no permission")
    with pytest.raises(NoScheduledStop, match="no permission"):
        machine.hosting.start(ids[0], 1, "ada")
    with pytest.raises(InvalidUnits, match="1 to 5 units"):
        machine.hosting.start(ids[0], 6, "ada")
    with pytest.raises(NoSuchModel):
        machine.hosting.start("nobody", 1, "ada")
    training = add_model(database, "t", state="TRAINING_IN_PROGRESS", number=8)
    with pytest.raises(CannotStart, match="TRAINING_IN_PROGRESS"):
        machine.hosting.start(training, 1, "ada")
    fake.faults.order("StartProjectVersion", "AccessDeniedException")
    with pytest.raises(CustomLabelsRefused, match="StartProjectVersion"):
        machine.hosting.start(ids[0], 1, "ada", unwatched=True)
    assert (spent(machine), fake.left_running()) == (0, [])
    machine.hosting.start(ids[0], 1, "ada", unwatched=True)
    machine.schedules.error = None
    machine.hosting.start(ids[1], 1, "ada")
    with pytest.raises(TooManyRunning, match="2 models at a time"):
        machine.hosting.start(ids[2], 1, "ada")
    machine.hosting.stop(ids[0])
    with pytest.raises(NotRunning, match="is being stopped"):
        machine.hosting.stop(ids[0])
    with pytest.raises(CannotStart, match="still being stopped"):
        machine.hosting.start(ids[0], 1, "ada")
    machine.advance(15 * 60)
    assert fake.version("v1").state == "STOPPED"
    machine.hosting.start(ids[2], 1, "ada")
    assert not machine.hosting.lives.get(ids[0]).should_run


def test_an_embedded_model_runs_at_once_costs_nothing_and_has_no_lease(
    machine: Machine, database: Database
) -> None:
    id = add_model(database, "v1")
    assert machine.hosting.start(id, 1, "ada").is_running
    with pytest.raises(AlreadyRunning):
        machine.hosting.start(id, 1, "ada")
    machine.advance(3600)
    assert [life.id for life in machine.hosting.lives.running()] == [id]
    assert machine.hosting.stop(id).state == "STOPPED"
    with pytest.raises(NotRunning):
        machine.hosting.stop(id)
    assert spent(machine) == 0


def test_the_ceiling_ends_a_model_that_is_asked_all_the_time_unless_it_is_moved(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    machine.ceiling = timedelta(minutes=80)
    id = add_amazon_model(database, fake, "v1")
    machine.hosting.start(id, 1, "ada")
    machine.advance(600)
    extended = machine.hosting.extend(id)
    assert extended.ceiling_at == datetime.now(UTC) + machine.ceiling
    assert machine.schedules.due[extended.run_id][1] == datetime.now(UTC) + machine.ceiling
    for _ in range(7):
        machine.advance(600)
        machine.hosting.touch(id)
    assert fake.version("v1").state == "RUNNING"
    machine.advance(660)
    assert fake.version("v1").state == "STOPPING"


def test_whoever_ends_a_run_leaves_the_scheduled_stop_of_the_next_one(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    id = add_amazon_model(database, fake, "v1")
    machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    machine.hosting.stop(id)
    schedules: Any = machine.schedules
    delete = schedules.delete

    def delete_after_a_start(run_id: str) -> None:
        schedules.delete = delete
        machine.hosting.start(id, 1, "ada")  # at this very moment, by another process
        delete(run_id)

    schedules.delete = delete_after_a_start
    machine.advance(300)
    life = machine.hosting.lives.get(id)
    assert list(schedules.due) == [life.run_id]
    machine.advance(9 * 3600, watching=False, step=600)  # the site is off
    assert fake.version("v1").state == "STOPPED"
    # A schedule that could not be deleted does not stop a later run.
    for unreachable in (True, False):
        machine.watch()
        started = machine.hosting.start(id, 1, "ada")
        assert list(schedules.due) == [started.run_id]
        machine.advance(11 * 60)
        machine.hosting.stop(id)
        schedules.error = StopNotScheduled("No answer.") if unreachable else None
        machine.advance(300)
        schedules.error = None
    assert schedules.due == {}


def test_the_limit_in_dollars_stops_a_model_before_it_is_exceeded(
    each_database: Database, fake: FakeCustomLabels, clock: time_machine.Traveller
) -> None:
    limits = Limits(daily=3 * DOLLAR, monthly=100 * DOLLAR)
    machine = Machine(each_database, fake, clock, limits)
    id, other = (add_amazon_model(each_database, fake, f"v{n}", number=n) for n in (1, 2))
    machine.hosting.start(id, 1, "ada")
    for _ in range(12):
        machine.advance(300)
        machine.hosting.touch(id)
    assert fake.version("v1").state in ("STOPPING", "STOPPED")
    machine.advance(300)
    assert machine.billed() <= spent(machine) <= 3 * DOLLAR
    with pytest.raises(SpendingLimitReached, match=r"\$3.00"):
        machine.hosting.start(other, 5, "ada")
    assert not machine.hosting.lives.get(other).should_run
    # At midnight the model's next minutes belong to the next day.
    assert {entry.at.date() for entry in machine.hosting.ledger.newest()} == {NOW.date()}


def test_lost_answers_refused_stops_and_late_starts_leave_nothing_running(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    id = add_amazon_model(database, fake, "v1")
    fake.faults.order("StartProjectVersion", LOSE_ANSWER)
    assert machine.hosting.start(id, 1, "ada").state == "TRAINING_COMPLETED"  # who knows
    machine.advance(11 * 60)
    assert machine.hosting.lives.get(id).is_running
    fake.faults.order("StopProjectVersion", "ThrottlingException", 5)
    machine.hosting.stop(id)
    machine.advance(60)
    assert fake.version("v1").state == "RUNNING"
    machine.advance(300)
    assert fake.version("v1").state == "STOPPED"
    fake.faults.order("StartProjectVersion", LOSE_REQUEST)
    machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)  # asked again by the watch
    assert machine.hosting.lives.get(id).is_running
    machine.hosting.stop(id)
    machine.advance(300)
    # The request of a start that everybody has forgotten arrives.
    machine.client.start_project_version(
        ProjectVersionArn=fake.version("v1").arn, MinInferenceUnits=1
    )
    machine.advance(15 * 60)
    assert fake.version("v1").state == "STOPPED"
    # A version of our project that has no row, and a stop by somebody else.
    fake.add_version("v9", "RUNNING")
    machine.advance(300)
    assert fake.version("v9").state == "STOPPED"
    machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    machine.client.stop_project_version(ProjectVersionArn=fake.version("v1").arn)
    machine.advance(300)
    life = machine.hosting.lives.get(id)
    assert (life.should_run, life.metered_until, fake.left_running()) == (False, None, [])
    assert spent(machine) >= machine.billed() - fake.version("v9").billed_unit_seconds / 900


def test_a_run_that_nobody_saw_is_paid_for_and_one_that_never_began_is_not(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    id, other = (add_amazon_model(database, fake, f"v{n}", number=n) for n in (1, 2))
    # Every request is lost: what is watched all the time costs nothing, and is given up.
    for state in ("TRAINING_COMPLETED", "STOPPED"):
        fake.version("v1").become(state)
        machine.watch(everything=True)
        fake.faults.order("StartProjectVersion", LOSE_REQUEST, 50)
        machine.hosting.start(id, 1, "ada")
        machine.advance(16 * 60)
        life = machine.hosting.lives.get(id)
        assert (life.state, life.should_run, life.metered_until) == (state, False, None)
        assert spent(machine) == machine.billed() == 0
        fake.faults.ordered.clear()
    # The answer is lost, and the site is off until Amazon's own schedule has stopped the model.
    for first_run in (True, False):
        fake.faults.order("StartProjectVersion", LOSE_ANSWER)
        before = machine.hosting.start(other, 1, "ada")
        assert before.state == ("TRAINING_COMPLETED" if first_run else "STOPPED")
        machine.advance(9 * 3600, watching=False, step=600)
        assert fake.version("v2").state == "STOPPED"
        machine.advance(60)
        assert machine.hosting.lives.get(other).metered_until is None
        assert 0 <= spent(machine) - machine.billed() <= 3 * 4 * DOLLAR
    assert machine.billed() > 2 * 7.5 * 4 * DOLLAR
    # It was stopped in the console before its lease ended, while the site was off: it runs again.
    fake.faults.order("StartProjectVersion", LOSE_ANSWER)
    machine.hosting.start(other, 1, "ada")
    machine.advance(12 * 60, watching=False)
    machine.client.stop_project_version(ProjectVersionArn=fake.version("v2").arn)
    machine.advance(121, watching=False)
    machine.advance(30)
    machine.hosting.touch(other)
    machine.advance(11 * 60)
    assert machine.hosting.lives.get(other).is_running
    machine.hosting.stop(other)
    machine.advance(300)
    assert 0 <= spent(machine) - machine.billed() <= 4 * 4 * DOLLAR


def test_a_model_of_a_project_that_is_being_deleted_is_stopped_and_starts_no_more(
    each_database: Database, fake: FakeCustomLabels, clock: time_machine.Traveller
) -> None:
    machine = Machine(each_database, fake, clock)
    id, other = (add_amazon_model(each_database, fake, f"v{n}", number=n) for n in (1, 2))
    machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    project = machine.hosting.lives.get(id).project_id
    assert machine.hosting.lives.numbered(project, 2).id == other
    Projects(each_database).mark_deleting(project)
    with pytest.raises(NoSuchModel):
        machine.hosting.lives.numbered(project, 2)
    for each in (id, other):
        with pytest.raises(NoSuchModel):  # by who had the page open
            machine.hosting.start(each, 1, "ada")
    machine.advance(300)
    assert (fake.left_running(), fake.version("v2").state) == ([], "TRAINING_COMPLETED")
    life = machine.hosting.lives.get(id)
    assert (life.should_run, life.metered_until) == (False, None)


def test_a_state_that_amazon_adds_one_day_ends_in_a_usable_model(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    id = add_amazon_model(database, fake, "v1")
    machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    fake.version("v1").become("MAINTENANCE")
    machine.advance(60)
    life = machine.hosting.lives.get(id)
    assert (life.state, life.should_run, life.is_running) == ("MAINTENANCE", True, False)
    fake.version("v1").become("RUNNING")
    machine.advance(60)
    assert machine.hosting.lives.get(id).is_running
    fake.version("v1").become("MAINTENANCE")
    machine.advance(60)
    fake.version("v1").become("STOPPED")
    machine.advance(60)
    life = machine.hosting.lives.get(id)
    assert (life.state, life.should_run, life.metered_until) == ("STOPPED", False, None)
    assert spent(machine) >= machine.billed()
    machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    fake.version("v1").become("MAINTENANCE")
    machine.advance(60)
    fake.faults.order("StopProjectVersion", "ResourceInUseException")
    machine.hosting.stop(id)
    with pytest.raises(CannotStart, match="still being stopped"):
        machine.hosting.start(id, 1, "ada")
    fake.version("v1").become("RUNNING")
    machine.advance(300)
    assert machine.hosting.lives.get(id).state == fake.version("v1").state == "STOPPED"


def test_a_database_that_was_set_back_and_a_model_deleted_elsewhere_are_settled(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    deleted = add_amazon_model(database, fake, "v2")
    arn = fake.add_version("v1", project="cups").arn
    (home,) = [each.arn for each in fake.world.projects.values() if each.name == "cups"]
    forgotten = add_model(database, "v1", project="cups", arn=arn, project_arn=home)
    for id in (forgotten, deleted):
        machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    with database.transaction(writing=True) as connection:
        connection.execute(model_versions.delete().where(model_versions.c.id == forgotten))
    machine.advance(2 * 3600, watching=False)  # this site is off
    for project in fake.world.projects.values():
        project.versions.pop("v2", None)  # with the console
    machine.watch(everything=True)
    assert machine.hosting.ledger.spent_on(f"model {deleted} ") > 2 * 4 * DOLLAR
    machine.advance(300)
    assert fake.version("v1").state == "STOPPED"
    life = machine.hosting.lives.get(deleted)
    assert (life.state, life.should_run, life.metered_until) == ("FAILED", False, None)
    assert "does not have this model any more" in life.state_message


def test_a_lease_begins_when_the_model_can_be_asked(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    """A start at Amazon may take longer than the fifteen minutes without a question."""
    fake.world.durations["starting"] = 40 * 60
    id = add_amazon_model(database, fake, "v1")
    machine.hosting.start(id, 1, "ada")
    machine.advance(41 * 60)
    life = machine.hosting.lives.get(id)
    assert (life.is_running, life.should_run) == (True, True)
    assert life.lease_until
    assert life.lease_until - datetime.now(UTC) > timedelta(minutes=13)
    machine.advance(20 * 60)
    assert fake.version("v1").state == "STOPPED"


def test_a_model_whose_training_was_never_heard_of_is_stopped(
    machine: Machine, database: Database, fake: FakeCustomLabels
) -> None:
    """Its row has no ARN, since the answer to its training was lost; the console started it."""
    add_amazon_model(database, fake, "v1", arn=None, state="TRAINING_FAILED")
    arn = fake.version("v1").arn
    machine.client.start_project_version(ProjectVersionArn=arn, MinInferenceUnits=1)
    machine.advance(11 * 60, watching=False)
    assert fake.version("v1").state == "RUNNING"
    machine.watch(everything=True)
    machine.advance(10 * 60)
    assert fake.version("v1").state == "STOPPED"


class Rounds(threading.Event):
    """Ends a watch after some rounds; time goes by between them."""

    def __init__(self, machine: Machine, left: int) -> None:
        super().__init__()
        self.machine, self.left = machine, left

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout
        self.machine.advance(timeout, watching=False)
        self.left -= 1
        if not self.left:
            self.set()
        return self.is_set()


def test_the_watch_goes_on_after_an_error_that_is_none_of_ours(
    machine: Machine,
    database: Database,
    fake: FakeCustomLabels,
    caplog: pytest.LogCaptureFixture,
) -> None:
    id = add_amazon_model(database, fake, "v1")
    machine.hosting.start(id, 1, "ada")
    machine.advance(11 * 60)
    client: Any = machine.client
    describe = client.describe_project_versions

    def describe_with_old_credentials(**request: Any) -> Never:
        client.describe_project_versions = describe
        raise RuntimeError("Credentials were refreshed, but are still expired.")  # botocore's

    client.describe_project_versions = describe_with_old_credentials
    watch = ModelWatch(lambda: database, lambda: machine.hosting)
    watch.run_forever(Rounds(machine, 100))
    assert "models not watched" in caplog.text
    assert "still expired" in caplog.text
    assert fake.version("v1").state == "STOPPED"
