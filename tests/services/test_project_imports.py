"""Pictures below a prefix of a bucket become pictures of a project, and exports go back to it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rubberduck.custom_models.project_keys import import_key
from rubberduck.custom_models.project_pictures import ProjectPictures, Quota
from rubberduck.custom_models.projects import Projects
from rubberduck.jobs.child import Task
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.project_imports import import_page, import_pictures
from rubberduck.services.project_jobs import delete_objects, export_to_storage
from rubberduck.storage.base import Storage
from rubberduck.storage.s3 import S3Storage
from tests.support.archives import zipped
from tests.support.aws import BUCKET
from tests.support.job_steps import JobSteps
from tests.support.pictures import encoded
from tests.support.scenes import scene


class Silent(Task):
    def _send(self, **message: Any) -> None:
        """Nobody follows this step."""


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_an_archive_is_kept_until_its_import_is_recorded(
    pipeline: Pipeline, storage: Storage
) -> None:
    """A step that was killed when it had come to its end finds the archive again."""
    site = replace(pipeline, storage=storage)
    project = Projects(pipeline.results.database).create("Shapes", "pictures", [], "ada")
    storage.put(key := import_key(project.id, "sent.zip"), zipped({"1.jpg": encoded(scene(1))}))
    steps = JobSteps(site, twice=frozenset({"import", "delete"}))
    options = {"quota_pictures": 1, "quota_bytes": 10**9}
    counts = import_pictures(cast(Any, steps), project.id, "ada", key, options)
    assert counts == {"duplicates": 1}
    with pytest.raises(FileNotFoundError):
        storage.get(key)


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_prefix_is_imported_with_its_folders_as_labels(
    pipeline: Pipeline, storage: Storage, tmp_path: Path
) -> None:
    s3_bucket = cast(S3Storage, storage)
    site = replace(pipeline, storage=s3_bucket)
    for number in range(4):
        folder = "disc" if number % 2 else "square"
        s3_bucket.put(f"photos/{folder}/{number}.png", encoded(scene(number), "PNG"))
    s3_bucket.put("photos/readme.txt", b"hello")
    s3_bucket.put("uploads/a-visitors.jpg", encoded(scene(9)))
    projects = Projects(pipeline.results.database)
    project = projects.create("Shapes", "pictures", [], "ada")
    task = Silent("a-job", lambda: site, cast(Any, SimpleNamespace()))
    options = {"quota_pictures": 100, "quota_bytes": 10**9, "folders": True}
    address, ids = f"s3://{BUCKET}/photos/", [project.id, "ada"]
    page = import_page(task, ids, address, options, None)
    assert page == {"counts": {"added": 4, "labelled": 4}, "next": None}
    again = import_page(task, ids, f"s3://{BUCKET}/", options, None)
    assert again["counts"]["duplicates"] == 4  # and no visitor's picture
    assert {label.name for label in projects.get(project.id).labels} == {"disc", "square"}
    exported = export_to_storage(task, project.id, "manifest", True)
    s3_bucket.fetch(exported["key"], tmp_path / "export.zip")
    assert (tmp_path / "export.zip").stat().st_size == exported["bytes"]
    book = ProjectPictures(pipeline.results.database, s3_bucket, 10**7, Quota(100, 10**9))
    keys = [key for each in book.each(project.id) for key in (each.key, each.preview_key)]
    assert delete_objects(task, project.id) == len(keys) + 1
    left, _ = s3_bucket.list_keys(BUCKET, "projects/")
    assert left == []
