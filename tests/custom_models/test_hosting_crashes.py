"""Whatever ends a process at whatever point, no model is left running at Amazon."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import time_machine
from botocore.config import Config
from sqlalchemy import Connection

from db_setup import set_up
from rubberduck.aws.custom_labels import CustomLabels
from rubberduck.core.settings import Settings
from rubberduck.custom_models.watch import Watch
from rubberduck.db.engine import Database
from tests.support.custom_labels import FakeCustomLabels
from tests.support.custom_labels.clock import EPOCH
from tests.support.histories import Mortal, live_through
from tests.support.hosting import Machine, a_hosting, add_amazon_model

NOW = datetime.fromtimestamp(EPOCH, UTC)
POINTS = 12


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


class KilledAt:
    """Kills this process with SIGKILL when it is asked for the `number`th time."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self) -> bool:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return False


class MortalDatabase(Database):
    """Dies before a transaction begins, and after it was committed."""

    dies: KilledAt

    @contextmanager
    def transaction(self, *, writing: bool = False) -> Iterator[Connection]:
        self.dies()
        with super().transaction(writing=writing) as connection:
            yield connection
        self.dies()


def live(url: str, client: Any, id: str, dies: KilledAt) -> None:
    """Start a model, use it and stop it, as the only process of a site."""
    database = MortalDatabase(url)
    database.dies = dies
    service = Mortal(CustomLabels(client), dies)
    hosting = a_hosting(database, service, Mortal(_NoSchedules(), dies))
    hosting.start(id, 1, "ada")
    for _ in range(3):
        Watch(hosting).run()
    hosting.touch(id)
    hosting.stop(id)
    for _ in range(3):
        Watch(hosting).run()


class _NoSchedules:
    """Amazon's own schedule would hide what the watch forgets."""

    def set(self, run_id: str, version_arn: str, at: datetime) -> None: ...
    def delete(self, run_id: str) -> None: ...


def points_of(url: str, client: Any, id: str, at: int = 250) -> int | None:
    """Live in a child that is killed at this point; None if it was, else the points it passed."""
    if child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return None if status == -signal.SIGKILL else status
    passed = 0
    try:
        dies = KilledAt(at)
        live(url, client, id, dies)
        passed = at - dies.left
    finally:
        os._exit(passed)


def test_no_kill_leaves_a_model_running(
    settings: Settings,
    custom_labels: FakeCustomLabels,
    clock: time_machine.Traveller,
) -> None:
    """kill -9 at twelve points from the first write to the last; then a new process watches."""
    set_up(settings.database_url)
    fake = custom_labels
    fake.clock.per_describe = 60
    fake.world.durations |= {"starting": 90, "stopping": 60}
    client = boto3.client("rekognition", config=Config(retries={"total_max_attempts": 1}))
    with_database = Database(settings.database_url)
    ids = [
        add_amazon_model(with_database, fake, f"v{point}", number=point, project=f"p{point}")
        for point in range(POINTS + 1)
    ]
    with_database.close()
    states = set[str]()
    total = points_of(settings.database_url, client, ids.pop())
    assert total
    assert total > 4 * POINTS
    for point, id in enumerate(ids):
        at = point * (total - 1) // (POINTS - 1)
        assert points_of(settings.database_url, client, id, at) is None
        version = fake.version(f"v{point}")
        states.add(version.state)
        database = Database(settings.database_url)
        watch = Watch(a_hosting(database, CustomLabels(client)))
        watch.run(everything=True)
        for _ in range(18):  # a lease is 15 minutes
            clock.shift(60)
            watch.run()
        assert version.state in ("TRAINING_COMPLETED", "STOPPED"), at
        life = watch.hosting.lives.get(id)
        assert (life.should_run, life.metered_until) == (False, None)
        database.close()
    assert states >= {"TRAINING_COMPLETED", "STARTING", "RUNNING", "STOPPING"}
    assert fake.left_running() == []


@pytest.mark.parametrize("seeds", [range(5), pytest.param(range(500), marks=pytest.mark.soak)])
def test_random_histories_leave_nothing_running(
    settings: Settings, clock: time_machine.Traveller, seeds: range
) -> None:
    """Starts whose answer was lost, stops refused five times, workers that never return."""
    set_up(settings.database_url)
    database = Database(settings.database_url)
    left, lonely, starts = dict[int, list[str]](), 0, 0
    for seed in seeds:
        clock.move_to(NOW, tick=False)
        fake = FakeCustomLabels()
        machine = Machine(database, fake, clock)
        ids = [
            add_amazon_model(database, fake, f"v{seed}-{n}", number=n, project=f"p{seed}")
            for n in (1, 2)
        ]
        comes_back = live_through(seed, machine, ids)
        lonely += not comes_back
        starts += fake.calls["StartProjectVersion"]
        if running := fake.left_running():
            left[seed] = running
        if comes_back:
            lives = map(machine.hosting.lives.get, ids)
            assert [(life.should_run, life.metered_until) for life in lives] == [(False, None)] * 2
        with database.transaction(writing=True) as connection:
            connection.exec_driver_sql("DELETE FROM model_versions")
        assert fake.mistakes == []
    database.close()
    assert left == {}
    assert starts > len(seeds)
    assert lonely > 0
    print(f"{len(seeds)} histories, {starts} starts, {lonely} machines that never came back")
