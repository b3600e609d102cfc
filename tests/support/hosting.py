"""Models at the fake Custom Labels, the site's hosting of them, and one clock for both."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from botocore import xform_name
from botocore.exceptions import ClientError, ReadTimeoutError

from rubberduck.aws.custom_labels import CustomLabels
from rubberduck.billing.ledger import Ledger, Limits
from rubberduck.billing.prices import MICRODOLLARS, load_prices
from rubberduck.custom_models.hosting import Hosting
from rubberduck.custom_models.life import Lives
from rubberduck.custom_models.meter import Meter
from rubberduck.custom_models.tables import model_versions, projects
from rubberduck.custom_models.watch import Watch
from rubberduck.db.engine import Database
from tests.support.custom_labels import FakeCustomLabels, Lost, Refused
from tests.support.custom_labels.wire import operation_names

IDLE, CEILING = timedelta(minutes=15), timedelta(hours=8)
ROUND = 30  # seconds between two rounds of the watch
DOLLAR = MICRODOLLARS
LIMITS = Limits(daily=1000 * DOLLAR, monthly=10_000 * DOLLAR)


class DirectClient:
    """boto3's methods on the fake, without HTTP: for thousands of calls."""

    def __init__(self, fake: FakeCustomLabels) -> None:
        self._operations = {xform_name(name): name for name in operation_names()}
        self._fake = fake

    def __getattr__(self, method: str) -> Callable[..., Any]:
        operation = self._operations[method]

        def call(**request: Any) -> Any:
            try:
                return self._fake.answer(operation, request)
            except Lost:
                raise ReadTimeoutError(endpoint_url="fake") from None
            except Refused as error:
                response: Any = {
                    "Error": {"Code": error.code, "Message": error.message},
                    "ResponseMetadata": {"HTTPStatusCode": 400},
                }
                raise ClientError(response, operation) from None

        return call


def opener_of(fake: FakeCustomLabels) -> Callable[[], CustomLabels]:
    """Return what opens Custom Labels for a site: the fake, without HTTP."""
    client: Any = DirectClient(fake)
    service = CustomLabels(client)
    return lambda: service


class FakeSchedules:
    """One-time schedules that ask the fake service to stop, and ask again for a day."""

    def __init__(self, client: DirectClient) -> None:
        self.client = client
        self.due: dict[str, tuple[str, datetime]] = {}
        self.error: Exception | None = None

    def set(self, run_id: str, version_arn: str, at: datetime) -> None:
        if self.error:
            raise self.error
        self.due[run_id] = version_arn, at

    def delete(self, run_id: str) -> None:
        if self.error:
            raise self.error
        self.due.pop(run_id, None)

    def fire(self) -> None:
        for run_id, (arn, at) in list(self.due.items()):
            if at <= datetime.now(UTC):
                try:
                    self.client.stop_project_version(ProjectVersionArn=arn)
                except ClientError:
                    continue  # Scheduler asks again
                self.due.pop(run_id)


class Machine:
    """A site's hosting, the world it runs in, and the time of both."""

    def __init__(
        self,
        database: Database,
        fake: FakeCustomLabels,
        clock: time_machine.Traveller,
        limits: Limits = LIMITS,
    ) -> None:
        self.fake, self.clock = fake, clock
        fake.clock.per_call = fake.clock.per_describe = 0
        self.client = DirectClient(fake)
        self.schedules = FakeSchedules(self.client)
        self.service: Any = CustomLabels(self.client)  # type: ignore[arg-type]
        self.database, self.limits = database, limits
        self.ceiling = CEILING

    @property
    def hosting(self) -> Hosting:
        """Return the hosting of a new process: nothing is remembered but in the database."""
        return a_hosting(self.database, self.service, self.schedules, self.limits, self.ceiling)

    def watch(self, *, everything: bool = False) -> None:
        Watch(self.hosting).run(everything=everything)

    def advance(self, seconds: float, *, watching: bool = True, step: float = ROUND) -> None:
        """Let time go by, in rounds of the watch; without it, only Amazon's schedules act."""
        while seconds > 0:
            step = min(seconds, step)
            seconds -= step
            self.clock.shift(step)
            self.fake.advance(step)
            self.schedules.fire()
            if watching:
                self.watch()

    def billed(self) -> int:
        """Return what Amazon bills for all models, in millionths of a dollar."""
        seconds = sum(version.billed_unit_seconds for version in self.fake.world.versions())
        return round(seconds / 3600 * 4 * DOLLAR)


def a_hosting(
    database: Database,
    service: Any,
    schedules: Any = None,
    limits: Limits = LIMITS,
    ceiling: timedelta = CEILING,
) -> Hosting:
    return Hosting(
        Lives(database),
        Ledger(database, limits),
        Meter(load_prices()["custom-labels-running"]),
        IDLE,
        ceiling,
        lambda: service,
        (lambda: schedules) if schedules else None,
    )


def add_model(
    database: Database,
    name: str,
    *,
    project: str = "mugs",
    arn: str | None = None,
    project_arn: str | None = None,
    state: str = "TRAINING_COMPLETED",
    number: int = 1,
    **more: Any,
) -> str:
    """Insert a version, and its project if there is none of this name; return its id."""
    now = datetime(2025, 11, 24)
    project_id = f"{project:-<16}"[:16]
    with database.transaction(writing=True) as connection:
        if not connection.execute(projects.select().where(projects.c.id == project_id)).first():
            connection.execute(
                projects.insert(),
                {
                    "id": project_id,
                    "status": "ready",
                    "name": project,
                    "kind": "boxes",
                    "question": f"Is there one of {project} in this image?",
                    "created_at": now,
                    "created_by": "ada",
                    "next_version": 9,
                    "arn": project_arn,
                },
            )
        row = {
            "id": f"{project}-{name}",
            "project_id": project_id,
            "number": number,
            "name": name,
            "engine": "rekognition" if arn else "embedded",
            "state": state,
            "state_message": "",
            "created_at": now,
            "created_by": "ada",
            "seed": 1,
            "labels": [],
            "arn": arn,
            "pictures": 20,
            "withdrawn_pictures": 0,
            "is_default": False,
            "may_start_itself": False,
            "should_run": False,
            "units": 1,
        }
        connection.execute(model_versions.insert(), row | more)
    return f"{project}-{name}"


def add_amazon_model(
    database: Database, fake: FakeCustomLabels, name: str, *, number: int = 1, **more: Any
) -> str:
    """Make a trained version at the fake and its row; return its id."""
    version = fake.add_version(name)
    (owner,) = [p for p in fake.world.projects.values() if name in p.versions]
    row = {"project_arn": owner.arn, "number": number, "engine": "rekognition", "arn": version.arn}
    return add_model(database, name, **{**row, **more})
