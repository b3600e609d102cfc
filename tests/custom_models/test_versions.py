"""Versions of models: numbers, states, and what the jobs of a training may change, once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rubberduck.core.settings import Settings
from rubberduck.custom_models.errors import NoSuchProject
from rubberduck.custom_models.evaluation import Evaluation
from rubberduck.custom_models.measuring import evaluate
from rubberduck.custom_models.model_version import REKOGNITION, Trained
from rubberduck.custom_models.project_split import Placed, place
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.stale_versions import stale_versions
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.training_checks import Finding, check, require_trainable
from rubberduck.custom_models.training_set import TrainingSet, read_set
from rubberduck.custom_models.version_errors import (
    CannotTrain,
    NoSuchVersion,
    TrainingWaits,
    VersionBusy,
)
from rubberduck.custom_models.versions import Versions
from rubberduck.db.engine import Database
from rubberduck.db.results import Results
from rubberduck.jobs.models import ACTIVE, Job
from rubberduck.jobs.queue import JobQueue
from rubberduck.scoring.matching import Answer, Target, TestedPicture
from rubberduck.services.training_queue import TRAIN, TRAININGS, owner_of, retry_job
from rubberduck.storage.folder import FolderStorage
from tests.support.objects import draw_project
from tests.support.trained_projects import create_project

LABELS = (("a", "mug"), ("b", "ball"))


def an_evaluation() -> Evaluation:
    pictures = [TestedPicture("p", "g", (Target("mug"),), (Answer("mug", 0.9),))]
    return evaluate(pictures, {"mug": 0.5}, "pictures", "validation")


def trained(trunk: str = "t" * 64) -> Trained:
    splits = {"gone": "train", "also gone": "test"}
    return Trained(an_evaluation(), splits, 1.5, "key", "f" * 64, 345, trunk)


def test_a_job_makes_one_version_and_changes_only_its_own(any_results: Results) -> None:
    versions, projects = Versions(any_results.database), Projects(any_results.database)
    project = projects.create("mugs", "pictures", ["mug"], "ann").id
    jobs = [f"job{number % 4}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:  # every job begins three times, at once
        begun = pool.map(
            lambda job: versions.begin(project, job, created_by="ann", labels=LABELS), jobs
        )
    assert len({version.id for version in begun}) == 4
    assert [version.number for version in versions.list_all(project)] == [4, 3, 2, 1]

    version = versions.get(project, 1)
    other = next(job for job in jobs if job != version.job_id)
    assert version.job_id
    assert not versions.complete(version.id, other, trained())
    assert versions.fail(version.id, version.job_id, "Cancelled.")
    assert not versions.complete(version.id, version.job_id, trained())  # it was cancelled
    again = versions.begin(project, version.job_id, created_by="ann", labels=LABELS)
    assert (again.id, again.state, again.state_message) == (version.id, "TRAINING_IN_PROGRESS", "")
    assert versions.complete(version.id, version.job_id, trained())
    assert not versions.complete(version.id, version.job_id, trained())
    assert not versions.fail(version.id, version.job_id, "too late")
    done = versions.get(project, 1)
    assert (done.state, done.name, done.file_bytes, done.label_names) == (
        "TRAINING_COMPLETED",
        "v1",
        345,
        ("mug", "ball"),
    )
    assert done.evaluation == an_evaluation()
    # Its pictures were deleted while it was trained: the one to train with counts as withdrawn.
    assert (done.pictures, done.withdrawn_pictures, versions.splits(done.id)) == (1, 1, {})
    with pytest.raises(NoSuchProject):
        versions.begin("nowhere", "job", created_by="ann", labels=LABELS)


def test_states_change_only_from_where_they_may(results: Results) -> None:
    versions = Versions(results.database)
    project = Projects(results.database).create("mugs", "pictures", ["mug"], "ann").id
    for job in ("one", "two"):
        version = versions.begin(project, job, created_by="ann", labels=LABELS)
        if job == "one":
            versions.complete(version.id, job, trained())
    first = versions.get(project, 1)
    with pytest.raises(VersionBusy):
        versions.set_default(project, 2)  # in training
    with pytest.raises(VersionBusy):
        versions.mark_deleting(project, 2)
    versions.set_default(project, 1)
    assert [version.is_default for version in versions.list_all(project)] == [False, True]

    assert versions.change_state(first.id, ["TRAINING_COMPLETED"], "RUNNING", units=2)
    assert not versions.change_state(first.id, ["TRAINING_COMPLETED"], "STOPPED")
    assert stale_versions(results.database, "t" * 64) == []
    (stale,) = stale_versions(results.database, "n" * 64)  # a release brought another trunk
    assert (stale.id, stale.project_id, stale.trunk_sha256) == (first.id, project, "t" * 64)
    assert versions.replace_file(first.id, "t" * 64, trained("n" * 64))
    assert not versions.replace_file(first.id, "t" * 64, trained("n" * 64))
    assert versions.get(project, 1).state == "RUNNING"

    versions.change_state(first.id, ["RUNNING"], "STOPPED")
    versions.mark_deleting(project, 1)
    versions.forget(first.id)
    with pytest.raises(NoSuchVersion):
        versions.get(project, 1)
    assert versions.begin(project, "three", created_by="ann", labels=LABELS).number == 3


def test_two_clicks_do_not_train_twice(any_results: Results) -> None:
    versions, projects = Versions(any_results.database), Projects(any_results.database)
    project = projects.create("mugs", "pictures", ["mug"], "ann").id

    def begin(job: str) -> str | None:
        try:
            version = versions.begin(
                project, job, created_by="ann", labels=LABELS, engine=REKOGNITION
            )
        except TrainingWaits:
            return None
        return version.id

    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(begin, ("job0", "job1", "job2", "job3")))
    assert len(versions.list_all(project)) == 1
    assert begun.count(None) == 3
    version = versions.get(project, 1)
    assert begin(str(version.job_id)) == version.id  # the job runs again after a crash

    queue, owner = JobQueue(any_results.database, 20), owner_of(project)

    def press(kind: str) -> str | None:
        return queue.enqueue_unless_active(TRAININGS, kind, owner, project_id=project)

    with ThreadPoolExecutor(8) as pool:
        queued = list(pool.map(press, TRAININGS * 4))
    assert len([id for id in queued if id]) == len(queue.store.newest(owner)) == 1
    for job in queue.store.newest(owner):
        queue.store.cancel(job.id)
    assert press(TRAIN)
    (active,) = queue.store.newest(owner, ACTIVE)
    cancelled = [job for job in queue.store.newest(owner) if job.id != active.id]
    with pytest.raises(TrainingWaits):
        retry_job(queue, cancelled[0])
    queue.store.cancel(active.id)

    def retry(job: Job) -> bool:
        try:
            retry_job(queue, job)
        except TrainingWaits:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(retry, [active, *cancelled])) == [False, True]
    assert len(queue.store.newest(owner, ACTIVE)) == 1
    assert versions.change_state(version.id, ["TRAINING_IN_PROGRESS"], "TRAINING_COMPLETED")
    # Amazon was asked to start it, and has not answered yet.
    assert versions.change_state(
        version.id, ["TRAINING_COMPLETED"], "TRAINING_COMPLETED", should_run=True
    )
    with pytest.raises(VersionBusy):
        versions.mark_deleting(project, 1)
    with pytest.raises(NoSuchVersion):
        versions.mark_deleting(project, 2**63)


def placed(**sides: str | None) -> list[Placed]:
    return [Placed(id, frozenset({"mug"}), side, group=id[0]) for id, side in sides.items()]


def test_a_picture_keeps_its_side_and_takes_its_group_along() -> None:
    places = place(placed(a1="test", a2=None, b1="train", b2="test", c1=None))
    sides = {id: where.side for id, where in places.items()}
    assert sides["a2"] == "test"
    assert (sides["b1"], sides["b2"]) == ("test", "test")  # never trained with what it is tested on
    assert sides["c1"] == "train"
    assert places["a1"].group == places["a2"].group != places["c1"].group


MUG, BALL, BOTH = frozenset({"mug"}), frozenset({"ball"}), frozenset({"mug", "ball"})
SIDES = ("train", "train", "train", "validation", "test")
WRONG = {
    "no labels": ("boxes", [], []),
    "nothing is labelled": ("boxes", ["mug"], [(frozenset[str](), "train")]),
    "“ball”: label some": ("boxes", ["mug", "ball"], [(MUG, side) for side in SIDES]),
    "Too few pictures have the label “ball”: 1.": (
        "boxes",
        ["mug", "ball"],
        [*((MUG, side) for side in SIDES), (BALL, "train")],
    ),
    "All pictures are labelled “mug”": ("pictures", ["mug"], [(MUG, side) for side in SIDES]),
    "is on the test side": ("boxes", ["mug"], [(MUG, "train")] * 5),
    "No picture for training has the label “mug”": ("boxes", ["mug"], [(MUG, "test")] * 5),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_a_project_lacks_is_said_before_anything_starts(sentence: str) -> None:
    findings = check(*WRONG[sentence])
    if sentence == "nothing is labelled":
        sentence = "draw boxes on some first"
    with pytest.raises(CannotTrain, match=sentence):
        require_trainable(findings)


def test_few_test_pictures_are_no_obstacle_but_said() -> None:
    pictures = [(BOTH, side) for side in SIDES] * 2
    findings = check("boxes", ["mug", "ball"], pictures)
    require_trainable(findings)
    assert [finding.is_fatal for finding in findings] == [False]
    assert said(findings[0]) == (
        "Fewer than 10 test pictures have: mug, ball. Their figures will mean little."
    )


def said(finding: Finding) -> str:
    return finding.text.format(**finding.values)


def test_a_version_that_is_trained_again_keeps_its_sides_and_groups(
    results: Results, settings: Settings
) -> None:
    """Frames of one video count as fewer pictures, also where they lie on two sides by now."""
    database, storage = results.database, FolderStorage(settings.uploads)
    project = create_project(database, storage, draw_project(3, empty=0))
    first, second, third = (each.id for each in read_all(database, project).pictures)
    row = project_pictures.c
    with database.transaction(writing=True) as connection:
        frames = project_pictures.update().where(row.id.in_([first, second]))
        connection.execute(frames.values(group_name="a video"))
    kept = {first: "train", second: "test", third: "train"}
    places = read_all(database, project, kept=kept).places
    assert {id: place.side for id, place in places.items()} == kept
    assert places[first].group == places[second].group != places[third].group


def read_all(database: Database, project: Project, **more: Any) -> TrainingSet:
    labels = [(label.id, label.name) for label in project.labels]
    return read_set(database, project.id, project.kind, labels, **more)
