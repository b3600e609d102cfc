"""The worker of an import into a project is killed with kill -9: none missing, none twice."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import select

from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.custom_models.project_keys import import_key
from rubberduck.custom_models.projects import Projects
from rubberduck.custom_models.tables import annotations, project_pictures
from rubberduck.jobs.queue import JobQueue
from tests.support.aws import BUCKET
from tests.support.databases import create_database
from tests.support.held_answers import hold_at_s3
from tests.support.pictures import encoded
from tests.support.scenes import scene
from tests.support.server import amazon
from tests.support.workers import ended, killed_when_held, working

PICTURES = {f"{'disc' if n % 2 else 'square'}/{n}.jpg": encoded(scene(n)) for n in range(6)}


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, data in PICTURES.items():
            target.writestr(name, data)
    return file.getvalue()


def test_a_killed_import_goes_on_and_takes_each_picture_once(
    s3: Any,
    moto_server: ThreadedMotoServer,
    aws_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_database(aws_settings.database_url, with_jobs=True)
    site = build_pipeline(aws_settings)
    database = site.results.database
    project = Projects(database).create("Shapes", "pictures", [], "ada")
    site.storage.put(key := import_key(project.id, "sent.zip"), archive())
    options = {"quota_pictures": 100, "quota_bytes": 10**9, "folders": True, "near": True}
    queue, arguments = JobQueue(database, 9), {"project_id": project.id, "operator_id": "ada"}
    owner = f"project:{project.id}"
    id = queue.enqueue("import-pictures", owner, key=key, options=options, **arguments)
    (temporary := tmp_path / "temporary").mkdir()
    environment = {**amazon(), "DUCK_BUCKET": BUCKET, "TMPDIR": str(temporary)}

    def is_fourth_original(request: str) -> bool:
        with database.transaction() as connection:
            rows = connection.execute(select(project_pictures.c.id)).all()
        return request.startswith("PUT") and len(rows) == 4

    held = hold_at_s3(moto_server, monkeypatch, is_fourth_original)
    with working(tmp_path, aws_settings.database_url, "first", **environment) as worker:
        killed_when_held(worker, held)
    assert list(temporary.iterdir()) != []  # what no killed process can delete
    with working(tmp_path, aws_settings.database_url, "last", **environment):
        (job,) = ended(queue, id)
    assert job.state == "done", job.error
    with database.transaction() as connection:
        pictures = connection.execute(project_pictures.select()).all()
        labelled = connection.execute(select(annotations.c.picture_id)).scalars().all()
    expected = sorted(hashlib.sha256(data).hexdigest() for data in PICTURES.values())
    assert sorted(each.sha256 for each in pictures) == expected
    assert {each.status for each in pictures} == {"ready"}
    assert sorted(labelled) == sorted(each.id for each in pictures)
    assert sum(job.result[what] for what in job.result if what != "labelled") == len(PICTURES)
    stored = {each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert stored == {key for each in pictures for key in (each.key, each.preview_key)}
    assert list(temporary.iterdir()) == []
    site.close()
