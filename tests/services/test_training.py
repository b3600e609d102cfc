"""The steps of a training job, run twice as after a crash; and what a release's new trunk changes.

The heads are made up, not trained: tests/e2e/test_training.py has a real training.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rubberduck.core.errors import ResultsUnavailable
from rubberduck.custom_models import training, version_files
from rubberduck.custom_models.embedded_model import load
from rubberduck.custom_models.project_pictures import ProjectPictures
from rubberduck.custom_models.suggestions import Suggestions
from rubberduck.custom_models.tables import model_versions as versions_table
from rubberduck.custom_models.training import TrainedModel, TrainingPicture
from rubberduck.custom_models.trunk import shipped_trunk
from rubberduck.custom_models.version_errors import CannotTrain, TrunkMismatch
from rubberduck.custom_models.version_files import load_version, trunk_key
from rubberduck.custom_models.versions import Versions
from rubberduck.db.results import Results
from rubberduck.detectors.model_file import TRUNK, shipped_trunk_sha256
from rubberduck.jobs.child import Task
from rubberduck.services import training as jobs
from rubberduck.services.pipeline import Pipeline
from tests.support.made_up_models import made_up_model
from tests.support.objects import draw_picture, draw_project
from tests.support.trained_projects import QUOTA, create_project

seen: list[Sequence[TrainingPicture]] = []


def made_up(
    pictures: Sequence[TrainingPicture], labels: Sequence[str], kind: str, seed: int, progress: Any
) -> TrainedModel:
    seen.append(pictures)
    for picture in pictures:
        assert picture.load().mode == "RGB"
    return made_up_model(labels, shipped_trunk_sha256(), seed)


@pytest.fixture(autouse=True)
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen.clear()
    monkeypatch.setattr(training, "train", made_up)


@pytest.fixture
def task(pipeline: Pipeline) -> Task:
    return Task("a job", lambda: pipeline, io.StringIO())


def test_a_step_that_runs_again_changes_nothing(
    task: Task, results: Results, pipeline: Pipeline
) -> None:
    database, storage = results.database, pipeline.storage
    drawn = [*draw_project(18, empty=3), draw_picture(77)]
    project = create_project(database, storage, drawn, kind="pictures", unlabelled=1)
    id = jobs.begin_version(task, project.id, "ann", 5)
    assert jobs.begin_version(task, project.id, "ann", 5) == id
    first = jobs.train_version(task, id)
    assert jobs.train_version(task, id) == first  # the worker died before the step's end was saved
    assert len(seen) == 1
    assert jobs.rate_pictures(task, id) == 1

    (version,) = Versions(database).list_all(project.id)
    data = storage.get(str(version.file_key))
    assert (version.file_bytes, version.file_sha256) == (
        len(data),
        hashlib.sha256(data).hexdigest(),
    )
    splits = Versions(database).splits(id)
    store = ProjectPictures(database, storage, 10**7, QUOTA)
    pictures = list(store.each(project.id))
    assert {p.id: p.split for p in pictures if p.is_labelled} == splits
    assert len(seen[0]) == version.pictures == len(splits) - list(splits.values()).count("test")
    assert [p.uncertainty is None for p in pictures] == [p.is_labelled for p in pictures]
    assert version.evaluation
    assert {one.picture for one in version.evaluation.tested} == {
        id for id, side in splits.items() if side == "test"
    }


def test_a_training_whose_version_is_deleted_meanwhile_fails_and_leaves_no_file(
    task: Task, results: Results, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = create_project(results.database, pipeline.storage, draw_project(18), kind="pictures")
    version_id = jobs.begin_version(task, project.id, "ann", 0)

    def delete_meanwhile(*arguments: Any) -> TrainedModel:
        Versions(results.database).change_state(version_id, ["TRAINING_IN_PROGRESS"], "DELETING")
        return made_up(*arguments)

    monkeypatch.setattr(training, "train", delete_meanwhile)
    with pytest.raises(CannotTrain, match="its version is DELETING by now, so nothing was saved"):
        jobs.train_version(task, version_id)
    with pytest.raises(FileNotFoundError):
        pipeline.storage.get(version_files.file_key(project.id, version_id))


def test_a_file_stays_while_the_database_does_not_say_whether_it_is_needed(
    task: Task, results: Results, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = create_project(results.database, pipeline.storage, draw_project(18), kind="pictures")
    version_id = jobs.begin_version(task, project.id, "ann", 0)
    find = Versions.find

    def trained_elsewhere(versions: Versions, *arguments: Any) -> bool:
        """Another run of the job has saved the version, and the database goes away."""
        monkeypatch.setattr(Versions, "find", unavailable)
        return False

    def unavailable(*_: Any) -> Any:
        raise ResultsUnavailable("It restarts.")

    monkeypatch.setattr(Versions, "complete", trained_elsewhere)
    with pytest.raises(ResultsUnavailable):
        jobs.train_version(task, version_id)
    monkeypatch.setattr(Versions, "find", find)
    assert pipeline.storage.get(version_files.file_key(project.id, version_id))


def test_a_project_that_changed_while_its_job_waited_fails_in_plain_words(
    task: Task, results: Results, pipeline: Pipeline
) -> None:
    project = create_project(results.database, pipeline.storage, draw_project(3))
    with pytest.raises(CannotTrain, match="Too few pictures have the label “mug”: 2"):
        jobs.begin_version(task, project.id, "ann", 0)
    assert Versions(results.database).list_all(project.id) == []


def test_a_new_trunk_replaces_a_versions_file_and_the_old_one_serves_until_then(
    task: Task,
    results: Results,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    database, storage = results.database, pipeline.storage
    project = create_project(database, storage, draw_project(18), kind="pictures")
    id = jobs.begin_version(task, project.id, "ann", 0)
    jobs.train_version(task, id)
    before = Versions(database).find(id)
    old = str(before.trunk_sha256)

    # The next release: the same network with one more field of metadata, so another checksum.
    release = tmp_path / "next.onnx"
    release.write_bytes(TRUNK.read_bytes() + b"\x72\x06\x0a\x01k\x12\x01v")
    new = hashlib.sha256(release.read_bytes()).hexdigest()
    monkeypatch.setattr(version_files, "shipped_trunk", lambda: shipped_trunk(release))
    monkeypatch.setattr(
        version_files, "load", lambda data, trunk=None: load(data, trunk or shipped_trunk(release))
    )
    image = Image.new("RGB", (300, 200), "red")
    assert load_version(storage, before).predict(image).labels  # over the trunk that was kept
    assert Suggestions(Versions(database), storage)._model(before)
    storage.delete(trunk_key(old))
    version_files._kept.clear()
    with pytest.raises(TrunkMismatch, match="which is not kept"):
        load_version(storage, before)
    monkeypatch.undo()
    monkeypatch.setattr(training, "train", made_up)

    versions = Versions(database)
    with database.transaction(writing=True) as connection:  # as if trained before this release
        connection.execute(
            versions_table.update().where(versions_table.c.id == id).values(trunk_sha256=new)
        )
    assert jobs.retrain_version(task, id, new) == {"version": 1, "replaced": True}
    after = versions.find(id)
    assert (after.trunk_sha256, after.number, after.state) == (old, 1, "TRAINING_COMPLETED")
    assert versions.splits(id)
    assert storage.get(str(after.file_key))
    with pytest.raises(FileNotFoundError):
        storage.get(str(before.file_key))
    assert jobs.retrain_version(task, id, new) == {"version": 1, "replaced": False}
