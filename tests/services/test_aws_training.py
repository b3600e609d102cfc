"""A training at the fake Custom Labels: through its real steps, boto3's wire and moto's S3."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.config import Config

from app import create_app
from rubberduck.aws.custom_labels import CustomLabels
from rubberduck.aws.custom_labels_errors import CustomLabelsBusy
from rubberduck.aws.version_states import STATES
from rubberduck.billing.errors import SpendingLimitReached
from rubberduck.billing.ledger import Ledger, Limits
from rubberduck.core.errors import DuckError
from rubberduck.core.settings import Settings
from rubberduck.custom_models.model_version import ModelVersion
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.versions import Versions
from rubberduck.custom_models.watch import Watch
from rubberduck.jobs.child import Task
from rubberduck.jobs.context import StepFailed
from rubberduck.jobs.queue import JobQueue
from rubberduck.jobs.store import JobStore
from rubberduck.services.aws_deletion import delete_from_amazon
from rubberduck.services.aws_queue import queue_training_at_amazon
from rubberduck.services.aws_steps import follow_training
from rubberduck.services.aws_training import train_model_aws
from rubberduck.services.model_watch import build_hosting
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.training_queue import (
    TRAIN_AT_AMAZON,
    delete_version,
    settle_all_trainings,
)
from tests.support.aws import BUCKET
from tests.support.command_line import run_command
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.objects import draw_project
from tests.support.operators import sign_in
from tests.support.trained_projects import add_picture, create_project

PICTURES = draw_project(12)
HOUR = 3_600


@dataclass
class Steps:
    """As jobs.context.Context, in this process: outcomes are kept as JSON, sleeps move the clock.

    With `twice`, the first outcome of every step is lost, as by kill -9 before it was recorded:
    the step runs again.
    """

    site: Pipeline
    fake: FakeCustomLabels
    job_id: str = "job-1"
    twice: bool = False
    names: list[str] = field(default_factory=list)
    channel: io.StringIO = field(default_factory=io.StringIO)

    def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        self.names.append(name)
        assert len(self.names) < 200, self.log[-2000:]
        task = Task(self.job_id, lambda: self.site, self.channel)
        given = json.loads(json.dumps(arguments))
        is_lost = (self.twice and name.endswith(" 0")) or name == "begin"
        for _ in range(2 if is_lost else 1):
            try:
                outcome = function(task, *given)
            except DuckError as error:
                raise StepFailed(error.problem.why, error.operator_message) from error
        return json.loads(json.dumps(outcome))

    def sleep(self, seconds: float) -> None:
        self.fake.advance(seconds)

    @property
    def log(self) -> str:
        return self.channel.getvalue()


@pytest.fixture
def fake(custom_labels: FakeCustomLabels) -> FakeCustomLabels:
    custom_labels.clock.per_describe = 0
    custom_labels.clock.per_call = 1
    return custom_labels


@pytest.fixture
def site(
    s3: Any, fake: FakeCustomLabels, aws_settings: Settings, composed: Callable[..., Pipeline]
) -> Pipeline:
    """As it is composed, but that its calls neither wait for each other nor are repeated."""
    site = composed(aws_settings.model_copy(update={"custom_labels": True}))
    once = Config(retries={"total_max_attempts": 1})
    service = CustomLabels(boto3.client("rekognition", config=once))
    return replace(site, open_custom_labels=lambda: service)


@pytest.fixture
def project(site: Pipeline) -> Project:
    return create_project(site.results.database, site.storage, PICTURES)


def train(steps: Steps, project: Project, **options: Any) -> Any:
    """In few polls: each is a call over the wire."""
    return train_model_aws(
        steps, project.id, "ada", poll_seconds=1800, dataset_seconds=30, **options
    )


def newest(site: Pipeline, project: Project) -> ModelVersion:
    return Versions(site.results.database).list_all(project.id)[0]


def spent(site: Pipeline) -> list[int]:
    assert site.open_ledger
    ledger, _ = site.open_ledger()
    return [entry.microdollars for entry in ledger.newest()]


def cancel_a_training(site: Pipeline, fake: FakeCustomLabels, project: Project) -> None:
    """Let the project's first training be cancelled when Amazon has begun it."""
    store = JobStore(site.results.database)
    store.insert("job-1", TRAIN_AT_AMAZON, f"project:{project.id}", {})

    class Cancelled(Exception):
        pass

    class Cancelling(Steps):
        def sleep(self, seconds: float) -> None:
            if self.names[-1] == "training 0":
                store.cancel("job-1")
                raise Cancelled
            super().sleep(seconds)

    with pytest.raises(Cancelled):
        train(Cancelling(site, fake), project)


def test_a_project_is_trained_at_amazon_once_though_every_step_is_killed_and_every_answer_lost(
    site: Pipeline, fake: FakeCustomLabels, project: Project, s3: Any
) -> None:
    fake.world.durations["training"] = 2 * HOUR
    for operation in (
        "CreateProject",
        "CreateDataset",
        "UpdateDatasetEntries",
        "CreateProjectVersion",
        "DescribeProjectVersions",
    ):
        fake.faults.order(operation, LOSE_ANSWER)
    steps = Steps(site, fake, twice=True)
    result = train(steps, project)
    assert result["microdollars"] == 2_000_000
    assert result["f1"] == 0.8
    (arn,) = fake.world.trainings
    assert fake.world.trainings[arn] == 1
    version = newest(site, project)
    assert (version.engine, version.state, version.arn) == (
        "rekognition",
        "TRAINING_COMPLETED",
        arn,
    )
    assert (version.number, version.name, version.training_seconds) == (1, "v1", 7200)
    assert version.evaluation
    assert version.evaluation.thresholds_from == "test"
    assert {one.label: one.threshold for one in version.evaluation.labels} == {
        "ball": 0.014,
        "mug": 0.988,
    }
    assert spent(site) == [2_000_000]
    # The pictures were not copied, each is on its side, and the service kept every line.
    (own,) = fake.world.projects.values()
    assert own.name == f"duck-{project.id}"
    sides = Versions(site.results.database).splits(version.id)
    assert len(sides) == len(PICTURES)
    sent = {kind: len(dataset.entries) for kind, dataset in own.datasets.items()}
    assert sent["TEST"] == sum(side == "test" for side in sides.values()) > 0
    assert sent["TRAIN"] + sent["TEST"] == len(PICTURES)
    source = next(iter(own.datasets["TRAIN"].entries))
    assert source.startswith(f"s3://{BUCKET}/projects/{project.id}/")
    # It answers with what it has learnt, in pixels of the upright picture.
    site.custom_labels.start(arn, 1)
    fake.advance(600)
    key = source.removeprefix(f"s3://{BUCKET}/")
    found = site.custom_labels.detect(arn, site.storage.get(key))
    assert {label.name for label in found} <= {"mug", "ball"}
    assert all(label.box for label in found)


def test_a_second_training_lacks_what_was_deleted_and_waits_for_a_free_place(
    site: Pipeline, fake: FakeCustomLabels, project: Project
) -> None:
    train(Steps(site, fake), project)
    fake.add_version("a", state="TRAINING_IN_PROGRESS", project="other")
    busy = fake.add_version("b", state="TRAINING_IN_PROGRESS", project="other")
    busy.go_on(fake.clock.now + HOUR, lambda: busy.become("TRAINING_COMPLETED"))
    extra = draw_project(13)[-1]
    add_picture(site.results.database, site.storage, project, extra)
    steps = Steps(site, fake, job_id="job-2")
    train(steps, project, distribute=True)
    assert "train 1" in steps.names
    assert "The pictures are given to Amazon Rekognition" in steps.log
    assert "two trainings run at a time" in steps.log
    version = newest(site, project)
    assert (version.number, version.state) == (2, "TRAINING_COMPLETED")
    (own,) = [each for each in fake.world.projects.values() if each.name.startswith("duck-")]
    counts = {kind: len(dataset.entries) for kind, dataset in own.datasets.items()}
    assert sum(counts.values()) == 13
    assert 0 < counts["TEST"] < 6  # the service moved a fifth, of which nobody is told
    splits = Versions(site.results.database).splits(version.id)
    assert (version.pictures, set(splits.values())) == (13, {"train"})
    assert len(own.versions) == 2


def test_a_training_that_fails_says_why_and_costs_nothing_and_a_retry_begins_again(
    site: Pipeline, fake: FakeCustomLabels, project: Project
) -> None:
    fake.world.training_error = "ERROR_INSUFFICIENT_LABEL_OVERLAP"
    with pytest.raises(StepFailed, match="costs nothing: ERROR_INSUFFICIENT_LABEL_OVERLAP: Fewer"):
        train(Steps(site, fake), project)
    version = newest(site, project)
    assert version.state == "TRAINING_FAILED"
    assert "Fewer than half of the training labels" in version.state_message
    assert spent(site) == []
    train(Steps(site, fake), project)  # the same job
    version = newest(site, project)
    assert (version.number, version.state) == (1, "TRAINING_COMPLETED")
    assert spent(site) == [1_000_000]


def test_all_states_end_the_training_or_are_waited_for(
    site: Pipeline, fake: FakeCustomLabels, project: Project
) -> None:
    train(steps := Steps(site, fake), project)
    version, at_amazon = newest(site, project), fake.version("v1")
    endings = {
        "TRAINING_FAILED": "costs nothing",
        "COPYING_FAILED": "costs nothing",
        "DELETING": "was deleted at Amazon",
        "DEPRECATED": "does not run this model any more",
        "EXPIRED": "does not run this model any more",
    }
    for state in STATES:
        at_amazon.state = state
        if state in endings:
            with pytest.raises(StepFailed, match=endings[state]):
                steps.step("training", follow_training, version.id)
        else:
            outcome = steps.step("training", follow_training, version.id)
            waits = state in ("TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS")
            assert outcome == {"wait" if waits else "done": state}


def test_nothing_is_begun_with_what_the_service_would_refuse(
    site: Pipeline, fake: FakeCustomLabels, project: Project
) -> None:
    labels = Projects(site.results.database)
    empty = labels.create("empty", "boxes", ["mug"], "ada")
    with pytest.raises(StepFailed, match="label some first"):
        train(Steps(site, fake), empty)
    pictures = create_project(
        site.results.database, site.storage, PICTURES[:6:3], name="one label", kind="pictures"
    )
    with pytest.raises(StepFailed, match="at least two"):
        train(Steps(site, fake), pictures, distribute=True)
    assert fake.calls == {}
    assert Versions(site.results.database).list_all(empty.id) == []

    class Interfering(Steps):
        def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
            if name == "verify 0":  # as if the service had dropped a line
                (own,) = fake.world.projects.values()
                own.datasets["TRAIN"].entries.popitem()
            return super().step(name, function, *arguments)

    with pytest.raises(StepFailed, match="silently dropped 1 of 12"):
        train(Interfering(site, fake), project)
    assert fake.world.trainings == {}


def test_a_deleted_project_leaves_nothing_at_amazon(
    site: Pipeline, fake: FakeCustomLabels, project: Project
) -> None:
    train(Steps(site, fake), project)
    (own,) = fake.world.projects.values()
    site.custom_labels.start(own.versions["v1"].arn, 1)
    fake.add_version("v2", state="TRAINING_IN_PROGRESS", project=own.name).go_on(
        fake.clock.now + HOUR, lambda: fake.version("v2").become("TRAINING_FAILED")
    )
    fake.faults.order("StopProjectVersion", "InternalServerError", times=5)
    Projects(site.results.database).mark_deleting(project.id)
    for job in ("job-2", "job-3"):  # again after a crash
        steps = Steps(site, fake, job_id=job, twice=True)
        delete_from_amazon(steps, project.id)  # type: ignore[arg-type]
        assert ("Waiting until Amazon Rekognition has deleted" in steps.log) == (job == "job-2")
    assert fake.world.projects == {}
    steps = Steps(site, fake)
    delete_from_amazon(steps, create_project(site.results.database, site.storage, [], name="x").id)  # type: ignore[arg-type]
    assert steps.names == ["amazon 0"]


def test_an_operator_trains_at_amazon_from_the_page_and_deletes_the_version(
    site: Pipeline, fake: FakeCustomLabels, project: Project, aws_settings: Settings
) -> None:
    settings = aws_settings.model_copy(update={"custom_labels": True})
    client = create_app(settings, pipeline=site).test_client()
    sign_in(client)
    page = client.get(f"/projects/{project.id}/models")
    assert "about $1.00 an hour" in page.text
    where = f"/projects/{project.id}/models/amazon"
    unpaid = run_command(client.application, "model", "train", "--amazon", project.name)
    assert "It costs about $1.00 an hour" in unpaid.stderr
    paid = ("model", "train", "--amazon", "--distribute", "--yes", project.name)
    assert run_command(client.application, *paid).stdout.startswith("Queued: ")
    (by_command,) = JobQueue(site.results.database, 20).store.newest(f"project:{project.id}")
    assert (by_command.kind, by_command.arguments["distribute"]) == ("train-model-aws", True)
    JobQueue(site.results.database, 20).store.cancel(by_command.id)
    assert client.post(where).status_code == 303
    assert client.post(where).status_code == 409  # one at a time
    queue = JobQueue(site.results.database, 20)
    job, _ = queue.store.newest(f"project:{project.id}")
    assert (job.kind, job.state) == ("train-model-aws", "queued")
    arguments = {name: value for name, value in job.arguments.items() if name != "created_by"}
    steps = Steps(site, fake, job_id=job.id)
    train_model_aws(steps, created_by="ada", poll_seconds=1800, dataset_seconds=30, **arguments)
    queue.store.cancel(job.id)
    # What may cost again says so before it is tried again.
    assert "about $1.00 an hour if Amazon trains again" in client.get(f"/jobs/{job.id}").text
    unconfirmed = run_command(client.application, "jobs", "retry", job.id)
    assert "It costs about $1.00 an hour if Amazon trains again." in unconfirmed.stderr
    assert queue.get(job.id).state == "cancelled"
    delete_version(site, project.id, 1)
    fake.advance(30)
    (own,) = fake.world.projects.values()
    assert own.versions == {}
    assert Versions(site.results.database).list_all(project.id) == []


def test_a_cancelled_training_goes_on_at_amazon_and_is_billed_once_and_the_limit_stops_the_next(
    site: Pipeline, fake: FakeCustomLabels, project: Project, aws_settings: Settings
) -> None:
    fake.world.durations["training"] = 3 * HOUR
    database = site.results.database
    cancel_a_training(site, fake, project)
    assert spent(site) == [1_000_000]  # an hour is reserved
    settle_all_trainings(database)
    version = newest(site, project)
    assert version.state == "TRAINING_FAILED"
    assert "goes on there, and is billed" in version.state_message
    watch = Watch(build_hosting(site, aws_settings))
    for _ in range(3):
        watch.run(everything=True)
        fake.advance(2 * HOUR)
    assert spent(site) == [3_000_000]

    limits = Limits(daily=3_500_000, monthly=9_000_000)
    _, prices = site.open_ledger()  # type: ignore[misc]
    poor = replace(site, open_ledger=lambda: (Ledger(database, limits), prices))
    with pytest.raises(SpendingLimitReached, match=r"limit of \$3.50"):
        queue_training_at_amazon(poor, JobQueue(database, 20), project, "ada", distribute=False)
    with pytest.raises(StepFailed, match=r"limit of \$3.50"):
        train(Steps(poor, fake, job_id="job-2"), project)
    assert (fake.world.trainings.total(), spent(site)) == (1, [3_000_000])
    # It is found and deleted at Amazon although its job ended before it knew the address.
    failed = ["TRAINING_FAILED"]
    assert Versions(database).change_state(version.id, failed, *failed, arn=None)
    delete_version(site, project.id, 1)
    fake.advance(30)
    (own,) = fake.world.projects.values()
    assert (own.versions, spent(site)) == ({}, [3_000_000])


def test_a_training_that_amazon_does_not_let_go_of_is_kept_and_used_by_a_retry(
    site: Pipeline, fake: FakeCustomLabels, project: Project, aws_settings: Settings
) -> None:
    fake.world.durations["training"] = 3 * HOUR
    cancel_a_training(site, fake, project)
    settle_all_trainings(site.results.database)
    before = newest(site, project)
    assert before.state == "TRAINING_FAILED"
    settings = aws_settings.model_copy(update={"custom_labels": True})
    client = create_app(settings, pipeline=site).test_client()
    sign_in(client)
    refused = client.post(f"/projects/{project.id}/models/1/delete")
    assert refused.status_code == 409
    assert newest(site, project) == before
    # A worker that was killed in the middle of a deletion left the row like this.
    versions = Versions(site.results.database)
    versions.mark_deleting(project.id, 1)
    result = train(Steps(site, fake), project)
    version = newest(site, project)
    assert (version.state, version.evaluation is None) == ("TRAINING_COMPLETED", False)
    assert (result["microdollars"], spent(site)) == (3_000_000, [3_000_000])
    assert fake.world.trainings.total() == 1
    # One that is trained comes back as it was, too.
    versions.set_default(project.id, 1)
    before = newest(site, project)
    fake.faults.order("DeleteProjectVersion", "ThrottlingException")
    with pytest.raises(CustomLabelsBusy):
        delete_version(site, project.id, 1)
    assert newest(site, project) == before


def test_a_job_whose_result_was_not_saved_has_failed(
    site: Pipeline, fake: FakeCustomLabels, project: Project
) -> None:
    versions = Versions(site.results.database)

    class Deleting(Steps):
        def sleep(self, seconds: float) -> None:
            if self.names[-1] == "training 0":
                versions.fail(newest(site, project).id, self.job_id, "Cancelled.")
                versions.mark_deleting(project.id, 1)
            super().sleep(seconds)

    fake.world.durations["training"] = HOUR
    with pytest.raises(StepFailed, match="its version here is DELETING, so nothing was saved"):
        train(Deleting(site, fake), project)
    train(Steps(site, fake), project)  # the same job, as the message says
    assert newest(site, project).state == "TRAINING_COMPLETED"
    assert fake.world.trainings.total() == 1
