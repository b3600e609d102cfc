"""Frames of a video become pictures of a project, with what was seen in them to confirm."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image

from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.custom_models.errors import InvalidArchive, ProjectFull
from rubberduck.custom_models.labelling import Labelling
from rubberduck.custom_models.project_pictures import ProjectPicture, ProjectPictures, Quota
from rubberduck.custom_models.project_sides import plan_sides
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.video_suggestions import has_suggestions, stored_suggestion
from rubberduck.jobs.child import Task
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.frames_into_projects import take_in
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.base import Storage
from rubberduck.videos.errors import VideoNotReady
from rubberduck.videos.keys import prefix_of
from rubberduck.videos.models import ANALYSING
from rubberduck.videos.store import Videos
from tests.support.databases import create_database
from tests.support.ready_videos import HEIGHT, RATE, SIDE, WIDTH, YELLOW, samples, store_video
from tests.support.workers import ended, working

ID = "a-video-of-22-letters_"
QUOTA = {"quota_pictures": 100, "quota_bytes": 10**9}


class Silent(Task):
    def _send(self, **message: Any) -> None:
        """Nobody follows this step."""


@pytest.fixture
def site(pipeline: Pipeline, storage: Storage) -> Pipeline:
    return replace(pipeline, storage=storage)


@pytest.fixture
def project(site: Pipeline) -> Project:
    return Projects(site.results.database).create("Ducks", "boxes", ["duck"], "ada")


def take(site: Pipeline, project: Project, **choice: Any) -> dict[str, int]:
    """Take frames in, as the worker does."""
    task = Silent("a job", lambda: site, cast(Any, SimpleNamespace()))
    label_id = project.labels[0].id if len(project.labels) == 1 else None
    options = {"label_id": label_id, **QUOTA, **choice}
    return take_in(task, project.id, "ada", ID, options)


def pictures(site: Pipeline, project: Project) -> list[ProjectPicture]:
    book = ProjectPictures(site.results.database, site.storage, 10**7, Quota(100, 10**9))
    return list(book.each(project.id))


def suggested(site: Pipeline, project: Project, picture: ProjectPicture) -> Any:
    work = Labelling(site.results.database, project, "ada", sees_truth=True)
    return stored_suggestion(site.results.database, project, work.get(picture.id))


def test_the_best_frame_of_each_object(site: Pipeline, project: Project) -> None:
    store_video(site, ID)
    assert take(site, project) == {"added": 2, "suggested": 2}
    found = pictures(site, project)
    assert {(each.source, each.group_name, each.owner) for each in found} == {
        ("video", f"video {ID}", None)
    }
    assert not any(each.is_labelled for each in found)  # nothing is taken for truth
    for picture in found:
        suggestion = suggested(site, project, picture)
        assert suggestion.version is None
        assert suggestion.scores == (0.92,)
        assert_on_ducks(site, picture, suggestion.annotation.boxes)
    assert take(site, project) == {"duplicates": 2, "suggested": 2}
    assert len(pictures(site, project)) == 2


def assert_on_ducks(site: Pipeline, picture: ProjectPicture, boxes: Any) -> None:
    """Each box is around a yellow square: frame and box are of the same moment."""
    image = Image.open(BytesIO(site.storage.get(picture.key))).convert("RGB")
    assert image.size == (WIDTH, HEIGHT)
    assert boxes
    for box in boxes:
        for x in (box.left + 4, box.left + box.width - 5):
            for y in (box.top + 4, box.top + box.height - 5):
                pixel = cast("tuple[int, int, int]", image.getpixel((x, y)))
                assert all(abs(a - b) < 60 for a, b in zip(pixel, YELLOW, strict=True)), (x, y)
        assert abs(box.width - SIDE) <= 1


def test_one_frame_a_second_from_the_copy(site: Pipeline, project: Project) -> None:
    store_video(site, ID)
    counts = take(site, project, every_seconds=1, most=4)
    assert counts == {"added": 4, "suggested": 4}
    found = pictures(site, project)
    names = [f"video-{ID[:8]}-{second:04}.000s.jpg" for second in range(4)]
    assert [each.file_name for each in found] == names
    for picture in found:
        assert_on_ducks(site, picture, suggested(site, project, picture).annotation.boxes)


def test_frames_of_ones_choice_and_without_anything_in_them(
    site: Pipeline, project: Project
) -> None:
    store_video(site, ID)
    empty = round(5.4 * RATE)  # nothing is there at 5.4 s
    counts = take(site, project, frames=[0, empty, 12345])
    assert counts == {"absent": 1, "added": 2, "suggested": 1}
    with pytest.raises(InvalidArchive, match="of 2, none could be taken"):  # it was "done"
        take(site, project, frames=[12345, 999_999_999])
    first, second = pictures(site, project)
    assert suggested(site, project, first) is not None
    assert suggested(site, project, second) is None


def test_without_its_copy_only_the_best_frames_are_there(site: Pipeline, project: Project) -> None:
    store_video(site, ID)
    Videos(site.results.database).update(ID, copy_key=None, copy_type=None)
    with pytest.raises(InvalidArchive, match="of 2, none could be taken"):
        take(site, project, frames=[5, 10])
    assert take(site, project)["added"] == 2
    assert prefix_of(ID)


def test_a_split_keeps_the_frames_of_a_video_together(site: Pipeline, project: Project) -> None:
    store_video(site, ID)
    take(site, project, every_seconds=1)
    work = Labelling(site.results.database, project, "ada", sees_truth=True)
    for picture in pictures(site, project):
        suggestion = suggested(site, project, picture)
        if suggestion is not None:
            work.save(picture.id, 0, suggestion.annotation)
    labelled = [each for each in pictures(site, project) if each.is_labelled]
    assert len(labelled) > 4
    assert len({side for side, _ in plan_sides(labelled, 0, again=True).values()}) == 1
    assert not has_suggestions(site.results.database, project.id)  # in those that are left


def test_a_quota_ends_it_and_keeps_what_is_there(site: Pipeline, project: Project) -> None:
    store_video(site, ID)
    with pytest.raises(ProjectFull):
        take(site, project, every_seconds=1, quota_pictures=3)
    assert len(pictures(site, project)) == 3


def test_labels_of_whole_pictures_and_of_several_names(site: Pipeline) -> None:
    store_video(site, ID)
    projects = Projects(site.results.database)
    whole = projects.create("Whole", "pictures", ["Toy", "rubber DUCK"], "ada")
    assert take(site, whole)["added"] == 2
    (picture, _) = pictures(site, whole)
    labels = suggested(site, whole, picture).annotation.labels
    assert [whole.label_names[label] for label in labels] == ["rubber DUCK"]
    others = projects.create("Others", "boxes", ["mug", "plate"], "ada")
    assert take(site, others) == {"added": 2}  # nothing here has such a name
    projects.rename_label(whole.id, labels[0], "duck")
    renamed = projects.get(whole.id)
    assert suggested(site, renamed, picture).annotation.labels == labels


def test_a_stricter_threshold_and_one_label(site: Pipeline, project: Project) -> None:
    store_video(site, ID)
    assert take(site, project, min_confidence=99.0) == {}
    assert take(site, project, label="Toy")["added"] == 2


def test_a_video_that_is_not_ready(site: Pipeline, project: Project) -> None:
    video = store_video(site, ID, samples())
    Videos(site.results.database).update(video.id, status=ANALYSING)
    with pytest.raises(VideoNotReady):
        take(site, project)


def test_a_worker_does_it(settings: Settings, tmp_path: Path) -> None:
    create_database(settings.database_url, with_jobs=True)
    site = build_pipeline(settings)
    project = Projects(site.results.database).create("Ducks", "boxes", ["duck"], "ada")
    store_video(site, ID)
    queue = JobQueue(site.results.database, 9)
    job_id = queue.enqueue(
        "take-in-frames",
        f"project:{project.id}",
        project_id=project.id,
        operator_id="ada",
        video_id=ID,
        choice={"label_id": project.labels[0].id, **QUOTA},
    )
    with working(tmp_path, settings.database_url):
        (job,) = ended(queue, job_id)
    assert (job.state, job.result) == ("done", {"added": 2, "suggested": 2})
    assert len(pictures(site, project)) == 2
    site.close()
