"""The worker of a training at Amazon is killed with kill -9: trained once, paid once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.custom_models.versions import Versions
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.training_queue import TRAIN_AT_AMAZON
from tests.support.aws import BUCKET
from tests.support.custom_labels import FakeCustomLabels
from tests.support.databases import create_database
from tests.support.held_answers import hold_at_rekognition, hold_at_s3
from tests.support.objects import draw_project
from tests.support.server import amazon
from tests.support.trained_projects import create_project
from tests.support.workers import ended, killed_when_held, working

pytestmark = pytest.mark.soak
PICTURES = 12
HOUR = 3_600
# What was answered last when a worker was killed.
KILLED_AT: list[tuple[Any, Callable[[str], bool]]] = [
    (hold_at_rekognition, lambda request: request == "CreateProject"),
    (hold_at_s3, lambda request: request.startswith("PUT") and "test-0.manifest" in request),
    (hold_at_rekognition, lambda request: request == "CreateDataset"),
    (hold_at_rekognition, lambda request: request == "UpdateDatasetEntries"),
    # The training has begun, and nobody knows it yet.
    (hold_at_rekognition, lambda request: request == "CreateProjectVersion"),
    # The cost is entered, and the figures are not saved yet.
    (hold_at_s3, lambda request: request.startswith("GET") and "EvaluationResult" in request),
]


def test_a_killed_training_is_begun_once_and_paid_once(
    s3: Any,
    moto_server: ThreadedMotoServer,
    custom_labels: FakeCustomLabels,
    aws_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = custom_labels
    fake.clock.per_describe = HOUR  # so that whatever is asked for has ended
    create_database(aws_settings.database_url, with_jobs=True)
    site = build_pipeline(aws_settings)
    database = site.results.database
    project = create_project(database, site.storage, draw_project(PICTURES))
    queue = JobQueue(database, 9)
    id = queue.enqueue(
        TRAIN_AT_AMAZON,
        f"project:{project.id}",
        project_id=project.id,
        created_by="ada",
        poll_seconds=0.0,
        dataset_seconds=0.0,
    )
    (temporary := tmp_path / "temporary").mkdir()
    environment = {
        **amazon(),
        "DUCK_BUCKET": BUCKET,
        "DUCK_CUSTOM_LABELS": "1",
        "TMPDIR": str(temporary),
    }
    url = aws_settings.database_url
    for number, (hold, wanted) in enumerate(KILLED_AT):
        server = fake if hold is hold_at_rekognition else moto_server
        held = hold(server, monkeypatch, wanted)
        with working(tmp_path, url, f"killed {number}", **environment) as worker:
            killed_when_held(worker, held)
    with working(tmp_path, url, "last", **environment):
        (job,) = ended(queue, id)
    assert (job.state, job.attempt) == ("done", 0), job.error
    (own,) = fake.world.projects.values()
    assert [*fake.world.trainings.values()] == [1]
    assert set(fake.world.trainings) == {version.arn for version in own.versions.values()}
    (version,) = Versions(database).list_all(project.id)
    assert (version.state, version.arn) == ("TRAINING_COMPLETED", own.versions["v1"].arn)
    # Each picture is on one side, and there are no other data sets.
    sent = [source for dataset in own.datasets.values() for source in dataset.entries]
    assert len(sent) == len(set(sent)) == PICTURES
    assert sorted(own.datasets) == ["TEST", "TRAIN"]
    assert site.open_ledger
    ledger, _ = site.open_ledger()
    assert [entry.microdollars for entry in ledger.newest()] == [1_000_000]
    assert list(temporary.iterdir()) == []
    site.close()
