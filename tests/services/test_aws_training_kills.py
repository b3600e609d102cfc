"""Steps of a training at Amazon are killed with kill -9 in a worker's processes: paid once.

tests/soak/test_training_kills.py kills whole workers, for each step of which a process starts.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from rubberduck.core.settings import Settings
from rubberduck.custom_models.versions import Versions
from rubberduck.services.aws_training import train_model_aws
from rubberduck.services.pipeline import Pipeline
from tests.support.aws import BUCKET
from tests.support.custom_labels import FakeCustomLabels
from tests.support.held_answers import Held, hold_at_rekognition, hold_at_s3
from tests.support.job_steps import JobSteps
from tests.support.objects import draw_project
from tests.support.server import PATIENCE
from tests.support.trained_projects import create_project
from tests.support.workers import start_step

PICTURES = 12
HOUR = 3_600


@dataclass
class Kills(JobSteps):
    """Runs the steps in this process; some first in a worker's, which is killed.

    `held` says for the name of a step what holds back the answer that it is killed at.
    """

    folder: Path = Path()
    held: dict[str, Held] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)

    def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        if held := self.held.get(name):
            more = {"DUCK_BUCKET": BUCKET, "DUCK_CUSTOM_LABELS": "1"}
            child = start_step(self.folder, self.job_id, function, *arguments, **more)
            held.until_held()
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate(timeout=PATIENCE)
            held.release()
            self.killed.append(name)
        return super().step(name, function, *arguments)


def is_reading_figures(request: str) -> bool:
    return request.startswith("GET") and "EvaluationResultSummary" in request


def test_a_killed_training_is_begun_once_and_paid_once(
    s3: Any,
    moto_server: ThreadedMotoServer,
    custom_labels: FakeCustomLabels,
    aws_settings: Settings,
    composed: Callable[[Settings], Pipeline],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = custom_labels
    fake.clock.per_describe = HOUR  # so that whatever is asked for has ended
    site = composed(aws_settings.model_copy(update={"custom_labels": True}))
    database = site.results.database
    project = create_project(database, site.storage, draw_project(PICTURES))
    # The service has begun the training, and nobody knows it yet.
    begun = hold_at_rekognition(fake, monkeypatch, lambda name: name == "CreateProjectVersion")
    # The cost is entered, and the figures are not saved yet.
    read = hold_at_s3(moto_server, monkeypatch, is_reading_figures)
    steps = Kills(site, folder=tmp_path, held={"train 0": begun, "finish 0": read})
    result = train_model_aws(steps, project.id, "ada", poll_seconds=0, dataset_seconds=0)
    assert steps.killed == ["train 0", "finish 0"]
    (own,) = fake.world.projects.values()
    assert [*fake.world.trainings.values()] == [1]
    assert [version.arn for version in own.versions.values()] == [*fake.world.trainings]
    (version,) = Versions(database).list_all(project.id)
    assert (version.state, version.arn) == ("TRAINING_COMPLETED", own.versions["v1"].arn)
    assert site.open_ledger
    ledger, _ = site.open_ledger()
    assert [entry.microdollars for entry in ledger.newest()] == [result["microdollars"]]
    assert result["microdollars"] == 1_000_000
