"""What an operator does with a project, on its pages without JavaScript."""

import re
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zipfile import ZipFile

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select

from rubberduck.accounts.audit import AuditLog
from rubberduck.custom_models.errors import InvalidArchive
from rubberduck.custom_models.project_pictures import ProjectPictures, Quota
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import (
    annotations,
    model_versions,
    project_labels,
    project_pictures,
    projects,
    version_pictures,
)
from rubberduck.jobs.child import Task
from rubberduck.jobs.models import Job, Run
from rubberduck.jobs.store import JobStore
from rubberduck.services import project_imports, project_jobs
from rubberduck.services.backup import create_backup
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from tests.support.archives import zipped
from tests.support.command_line import run_command
from tests.support.operators import sign_in
from tests.support.pictures import corners, encoded, exif, form
from tests.support.scenes import scene
from tests.support.visitor import visible_text


class Recorded(Task):
    """A job's step, run here; what it shows and logs is kept."""

    def __init__(self, site: Pipeline) -> None:
        super().__init__("a-job", lambda: site, cast(Any, SimpleNamespace()))
        self.lines: list[str] = []

    def progress(self, percent: float, sentence: str = "") -> None:
        assert 0 <= percent <= 100

    def log(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def operator(app: Flask) -> FlaskClient:
    client = app.test_client()
    sign_in(client)
    return client


def make_project(client: FlaskClient, kind: str = "boxes", labels: str = "disc\nsquare") -> str:
    where = client.post("/projects/", data={"name": "Shapes", "kind": kind, "labels": labels})
    assert where.status_code == 303
    return where.location


def project_of(pipeline: Pipeline, page: str) -> Project:
    return Projects(pipeline.results.database).get(page.rpartition("/")[2])


def pictures_of(pipeline: Pipeline) -> ProjectPictures:
    quota = Quota(1000, 10**9)
    return ProjectPictures(pipeline.results.database, pipeline.storage, 15_000_000, quota)


def send(client: FlaskClient, page: str, *files: tuple[bytes, str], **more: str) -> str:
    data = {**more, "picture": [(BytesIO(data), name) for data, name in files]}
    answer = client.post(f"{page}/pictures", data=data)
    assert answer.status_code == 303, answer.text
    return answer.location


def newest_job(pipeline: Pipeline) -> Job:
    return JobStore(pipeline.results.database).newest(limit=1)[0]


def run_jobs(pipeline: Pipeline, app: Flask) -> list[Recorded]:
    """Run the waiting jobs' steps in this process, as a worker's children do."""
    from rubberduck.jobs.queue import JobQueue

    store, tasks = JobQueue(pipeline.results.database, 20).store, []
    for job in store.newest(states=("queued",)):
        task = Recorded(pipeline)
        task.job_id = job.id
        run: dict[str, Any] = {
            "import-pictures": project_imports.import_file,
            "export-project": project_jobs.export_to_storage,
        }
        if job.kind == "delete-project":
            for step in (
                project_jobs.hide_project,
                project_jobs.delete_objects,
                project_jobs.delete_rows,
            ):
                step(task, **job.arguments)
                step(task, **job.arguments)  # after a crash it runs again
            store.begin(Run(job.id, job.attempt, "worker"))
            assert store.finish(Run(job.id, job.attempt, "worker"), None)
        else:
            run[job.kind](task, **job.arguments)
            if key := job.arguments.get("key"):
                project_imports.delete_file(task, key)
            store.cancel(job.id)
        tasks.append(task)
    return tasks


def test_only_those_who_signed_in_see_projects(app: Flask, operator: FlaskClient) -> None:
    page = make_project(operator)
    visitor, labeller = app.test_client(), app.test_client()
    sign_in(labeller, "Lea", "labeller")
    for address in ("/projects/", page, f"{page}/settings", "/projects/new"):
        assert "/sign-in?next=" in visitor.get(address).location
        assert operator.get(address).status_code == 200
    assert labeller.get(page).status_code == 200
    seen = labeller.get(page).text
    assert ('id="add"' in seen, f"{page}/settings" in seen) == (False, False)
    assert "The project has no pictures yet." in labeller.get(f"{page}/label").text
    for address in (f"{page}/settings", f"{page}/data", f"{page}/checks", f"{page}/delete"):
        assert labeller.get(address).status_code == 403
    refused = labeller.post(f"{page}/pictures", **form(encoded(scene(1))))
    assert refused.status_code == 403
    for address, field in ((f"{page}/settings", "keep_days"), (f"{page}/split", "seed")):
        assert operator.post(address, data={field: "9" * 5000}).status_code == 400
    for address in ("/projects/none", f"{page}/pictures/none/preview.jpg", "/projects/%00"):
        assert operator.get(address).status_code == 404


def test_pictures_come_in_and_what_happened_is_told(
    operator: FlaskClient, pipeline: Pipeline
) -> None:
    page = make_project(operator)
    send(
        operator,
        page,
        (encoded(scene(1)), "one.jpg"),
        (encoded(scene(1)), "same.jpg"),
        (encoded(scene(1).resize((300, 225))), "near.jpg"),
        (encoded(scene(2), "WEBP"), "two.webp"),
        (b"quack", "not a picture.jpg"),
        (encoded(scene(3).resize((60, 300)), "PNG"), "small.png"),
    )
    told = visible_text(operator.get(page).text)
    assert "Pictures added: 2." in told
    assert "Already in the project, so skipped: 1." in told
    assert "They look like a picture of the project, so skipped: 1." in told
    assert "Refused: 2. not a picture.jpg: This file is not a picture we can read." in told
    assert "small.png: This picture cannot be trained with. It has 60 × 300 pixels" in told
    assert "2 pictures of at most 10,000" in told
    near = (encoded(scene(1).resize((300, 225))), "near.jpg")
    send(operator, page, near, near="1")
    assert "Pictures added: 1." in visible_text(operator.get(page).text)
    shown = operator.get(page).text
    ids = re.findall(r'name="picture" value="([\w-]{16})"', shown)
    assert len(ids) == 3
    for name in ("preview.jpg", "thumbnail.jpg", "original"):
        answer = operator.get(f"{page}/pictures/{ids[0]}/{name}")
        assert Image.open(BytesIO(answer.data)).format == "JPEG"
    asked = operator.post(f"{page}/pictures/change", data={"picture": ids[:2], "do": "delete"})
    assert "Delete 2 pictures?" in visible_text(asked.text)
    gone = {"picture": ids[:2], "do": "delete", "confirmed": "1"}
    operator.post(f"{page}/pictures/change", data=gone)
    assert "Pictures deleted: 2." in visible_text(operator.get(page).text)
    assert pictures_of(pipeline).counts(project_of(pipeline, page).id).stored == 1


def test_a_full_project_refuses_before_it_reads(operator: FlaskClient, app: Flask) -> None:
    page = make_project(operator)
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"project_bytes": 1000})
    no_form = {"data": bytes(100_000), "content_type": "multipart/form-data; boundary=x"}
    answer = operator.post(f"{page}/pictures", **no_form)  # reading it would be a 400
    assert answer.status_code == 413
    assert (
        "Its pictures take 0 MB, what is sent takes 0.1 MB, and all may take 0 MB."
        in visible_text(answer.text)
    )


def test_each_zip_that_is_queued_is_in_the_audit_list(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    page = make_project(operator)
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"owner_jobs": 1})
    packed = [(BytesIO(zipped({"a.jpg": encoded(scene(n))})), f"{n}.zip") for n in range(2)]
    answer = operator.post(f"{page}/pictures", data={"picture": packed})
    assert answer.status_code == 429
    assert newest_job(pipeline).kind == "import-pictures"
    entry, *_ = AuditLog(pipeline.results.database).page()
    assert (entry.act, entry.object, entry.details["files"]) == ("project.upload", "Shapes", 1)


def test_a_form_of_labels_and_pictures_adds_the_pictures_first(
    operator: FlaskClient, pipeline: Pipeline
) -> None:
    page = make_project(operator)
    packed = [(BytesIO(b"{}"), "labels.json"), (BytesIO(encoded(scene(1))), "a.jpg")]
    assert "/jobs/" in operator.post(f"{page}/pictures", data={"picture": packed}).location
    (picture,) = pictures_of(pipeline).each(project_of(pipeline, page).id)
    assert picture.created_at < newest_job(pipeline).created_at


def test_an_import_that_has_no_turn_or_no_disk_is_refused_before_it_is_read(
    operator: FlaskClient, app: Flask, pipeline: Pipeline
) -> None:
    page = make_project(operator)
    api = f"/api/v1/projects/{project_of(pipeline, page).id}"
    no_form = {"data": bytes(100_000), "content_type": "multipart/form-data; boundary=x"}
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"min_free_disk": 100})
    full = operator.post(f"{page}/pictures?import", **no_form)  # reading it would be a 400
    assert full.status_code == 503
    assert "This site has no room for large files" in visible_text(full.text)
    app.extensions["settings"] = settings
    for _ in range(settings.owner_jobs):
        done = send(operator, page, (zipped(shapes(["disc"])), "shapes.zip"))
        assert "/jobs/" in done
    for where in (f"{page}/pictures?import", f"{api}/imports"):
        busy = operator.post(where, **no_form)
        assert (busy.status_code, busy.headers["Retry-After"]) == (429, "60")
    late = {"picture": (BytesIO(zipped(shapes(["disc"]))), "shapes.zip")}
    assert operator.post(f"{page}/pictures", data=late).status_code == 429  # a form without script
    assert operator.post(f"{api}/pictures", **form(encoded())).status_code == 201


def test_a_zip_that_is_too_large_is_told_its_own_limit(operator: FlaskClient, app: Flask) -> None:
    """It used to be told that of a picture, with the advice to send a screenshot."""
    page = make_project(operator)
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"archive_bytes": 20_000_000})
    for where in (f"{page}/pictures?import", f"/api/v1{page}/imports"):
        answer = operator.post(where, **form(bytes(20_100_000), "many.zip"))
        assert answer.status_code == 413
        said = visible_text(answer.text)
        assert "It is larger than the limit of 20 MB. Send it in several parts." in said


def test_a_project_with_all_its_pictures_takes_labels_but_no_picture(
    operator: FlaskClient, app: Flask, pipeline: Pipeline
) -> None:
    page = make_project(operator)
    project = project_of(pipeline, page)
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"project_pictures": 1})
    api = f"/api/v1/projects/{project.id}/pictures"
    assert operator.post(api, **form(encoded())).status_code == 201
    no_form = {"data": bytes(100_000), "content_type": "multipart/form-data; boundary=x"}
    assert operator.post(api, **no_form).status_code == 413  # reading it would be a 400
    labels = (b"{}", "labels.json")
    assert "/jobs/" in send(operator, page, labels)


def shapes(folders: list[str]) -> dict[str, bytes]:
    """Return a picture in each of these folders, by name."""
    return {
        f"{folder}/{number}.png": encoded(scene(number), "PNG")
        for number, folder in enumerate(folders)
    }


def test_folders_of_a_zip_are_labels_and_an_export_comes_back(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    page = make_project(operator, "pictures", "")
    others = {
        "__MACOSX/._1.png": b"junk",
        "square/readme.txt": b"hello",
        "square/broken.jpg": b"hello",
    }
    packed = zipped(shapes(["square", "disc"] * 2) | others)
    job = send(operator, page, (packed, "shapes.zip"), folders="1")
    assert "/jobs/" in job
    (task,) = run_jobs(pipeline, app)
    assert task.lines[-3:] == ["pictures added: 4", "pictures labelled: 4", "refused: 1"]
    project = project_of(pipeline, page)
    assert {label.name for label in project.labels} == {"disc", "square"}
    counts = pictures_of(pipeline).counts(project.id)
    assert (counts.labelled, sorted(counts.by_label.values())) == (4, [2, 2])
    for format in ("manifest", "label-studio"):
        exported = operator.post(f"{page}/export", data={"format": format})
        assert exported.status_code == 200
        assert "attachment; filename=Shapes." in exported.headers["Content-Disposition"]
        assert b"disc" in exported.data
    where = operator.post(f"{page}/export", data={"format": "label-studio", "pictures": "1"})
    run_jobs(pipeline, app)
    file = pipeline.storage.get(f"exports/{project.id}/{where.location.rpartition('/')[2]}.zip")
    other = operator.post("/projects/", data={"name": "Copy", "kind": "pictures", "labels": ""})
    send(operator, other.location, (file, "labels.zip"))
    run_jobs(pipeline, app)
    copied = project_of(pipeline, other.location)
    after = pictures_of(pipeline).counts(copied.id)
    assert (after.pictures, after.labelled, sorted(after.by_label.values())) == (4, 4, [2, 2])


def test_boxes_of_every_format_come_back_as_they_were(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    """A turned photo, one with nothing in it, one not labelled; and labels of pictures here."""
    page = make_project(operator)
    turned = encoded(corners(320, 240), exif=exif(6))
    send(operator, page, (turned, "turned.jpg"), (encoded(scene(2)), "empty.jpg"))
    send(operator, page, (encoded(scene(3)), "later.jpg"))
    manifest = (
        '{"source-ref":"s3://b/turned.jpg","m":{"image_size":[{"width":240,"height":320,"depth":3}],'
        '"annotations":[{"class_id":0,"left":10,"top":20,"width":30,"height":40}]},"m-metadata":'
        '{"objects":[{"confidence":1}],"class-map":{"0":"disc"},"type":"groundtruth/object-detection",'
        '"human-annotated":"yes","creation-date":"2026-11-28T20:00:00","job-name":"x"}}\n'
        '{"source-ref":"s3://b/empty.jpg","m":{"image_size":[{"width":400,"height":300,"depth":3}],'
        '"annotations":[]},"m-metadata":{"objects":[],"class-map":{},"type":'
        '"groundtruth/object-detection","human-annotated":"yes","creation-date":'
        '"2026-11-28T20:00:00","job-name":"x"}}\n'
        '{"source-ref":"s3://b/unknown.jpg"}\n'
    )
    send(operator, page, (manifest.encode(), "labels.manifest"))
    (task,) = run_jobs(pipeline, app)
    assert any("neither in the file nor in the project" in line for line in task.lines)
    for data, name, sentence in (
        (b"", "empty.manifest", "The file: it is empty. Export it again."),
        (b"{}", "empty.json", "names no picture and no label"),
        (b"hello", "hello.json", "in none of the formats Custom Labels manifest, COCO"),
        (b"PK\3\4 cut off", "half.zip", "no complete ZIP. Send it again."),
        (
            zipped({"data/labels.json": '{"images": ['}),
            "cut.zip",
            "^data/labels.json, .*: it is not JSON",
        ),
    ):
        send(operator, page, (data, name))
        with pytest.raises(InvalidArchive, match=sentence):
            run_jobs(pipeline, app)
        JobStore(pipeline.results.database).cancel(newest_job(pipeline).id)
    project = project_of(pipeline, page)

    def labels_of(which: Project) -> dict[str, Any]:
        names = which.label_names
        return {
            each.file_name.partition(".")[0]: [
                (names[box.label], box.left, box.top, box.width, box.height) for box in each.boxes
            ]
            for each in pictures_of(pipeline).each(which.id, labelled_only=True)
        }

    expected = {"turned": [("disc", 10, 20, 30, 40)], "empty": []}
    assert labels_of(project) == expected
    for format in ("coco", "yolo", "voc"):
        where = operator.post(f"{page}/export", data={"format": format, "pictures": "1"})
        run_jobs(pipeline, app)
        file = pipeline.storage.get(f"exports/{project.id}/{where.location.rpartition('/')[2]}.zip")
        made = {"name": format, "kind": "boxes", "labels": ""}
        copy = operator.post("/projects/", data=made).location
        send(operator, copy, (file, "data.zip"))
        run_jobs(pipeline, app)
        assert labels_of(project_of(pipeline, copy)) == expected


def test_a_zip_that_breaks_out_is_refused_in_words(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    from rubberduck.custom_models.errors import InvalidArchive

    page = make_project(operator)
    send(operator, page, (zipped({"../out.jpg": encoded()}), "evil.zip"))
    with pytest.raises(InvalidArchive, match=r"the name leaves the folder\. Pack it again"):
        run_jobs(pipeline, app)


def test_checks_and_split_are_shown_and_changed(
    operator: FlaskClient, pipeline: Pipeline, app: Flask, tmp_path: Path
) -> None:
    page = make_project(operator, "pictures", "disc\nsquare\nnever used")
    packed = zipped(shapes(["square", "disc"] * 12))
    send(operator, page, (packed, "shapes.zip"), folders="1")
    run_jobs(pipeline, app)
    shown = visible_text(operator.get(f"{page}/checks").text)
    assert "No picture has the label “never used”" in shown
    assert "24 labelled pictures have no side yet." in shown
    operator.post(f"{page}/split")
    project = project_of(pipeline, page)

    def sides() -> dict[str, str]:
        return {each.id: str(each.split) for each in pictures_of(pipeline).each(project.id)}

    first = sides()
    assert sorted(first.values()).count("train") in range(13, 17)
    shown = visible_text(operator.get(f"{page}/checks").text)
    assert ("no side yet" in shown, "24 lines checked as the manifests" in shown) == (False, True)
    operator.post(f"{page}/split", data={"again": "1", "seed": "7"})
    assert sides() != first
    moved = next(id for id, side in sides().items() if side == "train")
    operator.post(f"{page}/pictures/change", data={"picture": moved, "do": "test"})
    operator.post(f"{page}/split", data={"again": "1", "seed": "8"})
    assert sides()[moved] == "test"
    assert operator.post(f"{page}/split", data={"seed": "-1"}).status_code == 400
    refused = operator.post(f"{page}/pictures/change", data={"picture": moved, "do": "moon"})
    assert refused.status_code == 400


def test_settings_change_and_a_label_in_use_goes_only_when_confirmed(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    page = make_project(operator, "pictures", "")
    packed = zipped(shapes(["disc", "disk", "square"]))
    send(operator, page, (packed, "shapes.zip"), folders="1")
    run_jobs(pipeline, app)
    project = project_of(pipeline, page)
    ids = {label.name: label.id for label in project.labels}
    values = {"name": "Forms", "question": "", "keep_days": "7"}
    operator.post(f"{page}/settings", data=values)
    project = project_of(pipeline, page)
    assert (project.name, project.keep_days) == ("Forms", 7)
    assert project.question == "Is there a disc or a disk or a square in this image?"
    operator.post(f"{page}/labels", data={"labels": "ring\n\nring"})
    operator.post(f"{page}/labels/{ids['disc']}", data={"do": "rename", "name": "round"})
    operator.post(f"{page}/labels/{ids['square']}", data={"do": "up"})
    names = [label.name for label in project_of(pipeline, page).labels]
    assert names == ["round", "square", "disk", "ring"]
    remove = f"{page}/labels/{ids['disk']}/remove"
    assert "1 picture has it." in visible_text(operator.get(remove).text)
    unconfirmed = operator.post(remove)
    assert unconfirmed.status_code == 409
    assert "Pictures with the label “disk”: 1." in visible_text(unconfirmed.text)
    operator.post(remove, data={"confirmed": "1", "into": ids["disc"]})
    counts = pictures_of(pipeline).counts(project.id)
    assert counts.by_label == {ids["disc"]: 2, ids["square"]: 1}
    operator.post(f"{page}/labels/{ids['square']}/remove", data={"confirmed": "1"})
    counts = pictures_of(pipeline).counts(project.id)
    assert (counts.labelled, counts.by_label) == (2, {ids["disc"]: 2})


def test_a_deletion_that_has_begun_cannot_be_cancelled(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    page = make_project(operator, "pictures", "")
    operator.post(f"{page}/delete", data={"name": "Shapes"})
    job, store = newest_job(pipeline), JobStore(pipeline.results.database)
    assert job.kind == "delete-project"
    shown = operator.get(f"/jobs/{job.id}").text
    assert (f"/jobs/{job.id}/cancel" in shown, f"/jobs/{job.id}/retry" in shown) == (False, False)
    assert f"/jobs/{job.id}/cancel" not in operator.get("/jobs/").text
    refused = operator.post(f"/jobs/{job.id}/cancel")
    assert (refused.status_code, "goes on to its end" in refused.text) == (409, True)
    answer = operator.post(f"/api/v1/jobs/{job.id}/cancel")
    assert answer.status_code == 409
    assert answer.get_json()["type"].endswith("job-ended")
    assert "goes on to its end" in answer.get_json()["detail"]
    command = run_command(app, "jobs", "cancel", job.id)
    assert (command.exit_code, "goes on to its end" in command.output) == (1, True)
    assert store.get(job.id).state == "queued"
    store.begin(Run(job.id, 0, "worker"))
    store.fail(Run(job.id, 0, "worker"), "Amazon does not answer.")
    assert f"/jobs/{job.id}/retry" in operator.get(f"/jobs/{job.id}").text


def test_a_deleted_project_leaves_no_row_and_no_object(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    page = make_project(operator, "pictures", "")
    send(operator, page, (zipped(shapes(["disc"] * 3)), "shapes.zip"), folders="1")
    run_jobs(pipeline, app)
    operator.post(f"{page}/export", data={"format": "everything"})
    run_jobs(pipeline, app)
    project = project_of(pipeline, page)
    pipeline.storage.put(f"projects/{project.id}/models/one.onnx", b"a model")
    pipeline.storage.put(f"imports/{project.id}/left.zip", b"of an import that failed")
    export = newest_job(pipeline)
    shown = operator.get(f"/jobs/{export.id}").text
    assert f'href="/projects/{project.id}/data">Shapes</a>' in shown  # where it is downloaded
    store = JobStore(pipeline.results.database)
    for number in range(20):  # DUCK_OWNER_JOBS: its deletion needs no room among them
        store.insert(f"training-{number}", "train-model", f"project:{project.id}", {})
    shown = visible_text(operator.get(f"{page}/delete").text)
    assert "3 pictures, with their previews" in shown
    operator.post(f"{page}/delete", data={"name": "shapes"})
    assert operator.get(page).status_code == 200  # the name was not right
    operator.post(f"{page}/delete", data={"name": "Shapes"})
    assert operator.get(page).status_code == 404
    assert store.count(f"project:{project.id}")["cancelled"] == 22
    assert f"/projects/{project.id}" not in operator.get(f"/jobs/{export.id}").text
    run_jobs(pipeline, app)
    tables = (projects, project_labels, project_pictures, annotations, model_versions)
    with pipeline.results.database.transaction() as connection:
        for table in (*tables, version_pictures):
            assert connection.scalar(select(func.count()).select_from(table)) == 0
    folder = pipeline.storage.local_path("")
    assert folder
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_visitors_picture_comes_in_with_consent_and_leaves_with_it(
    operator: FlaskClient, client: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    page = make_project(operator, "boxes", "rubber duck")
    box = {"left": 0.25, "top": 0.5, "width": 0.5, "height": 0.25, "label": "Rubber duck"}

    def wrong(seed: int, consent: bool) -> str:
        return judged_wrong(client, scene(seed), ["Rubber duck"], consent=consent)

    agreed, other, third, refused = wrong(1, True), wrong(2, True), wrong(3, True), wrong(4, False)
    shown = operator.get(f"{page}/visitors").text
    assert all(f'value="{id}"' in shown for id in (agreed, other, third))
    assert refused not in shown
    ids = [agreed, other, third, refused, "unknown"]
    operator.post(f"{page}/visitors", data={"result": ids})
    project = project_of(pipeline, page)
    stored = {each.result_id: each for each in pictures_of(pipeline).each(project.id)}
    assert set(stored) == {agreed, other, third}
    placed = stored[agreed].boxes[0]
    assert (placed.left, placed.top, placed.width, placed.height) == (100, 150, 200, 75)
    with pipeline.results.database.transaction(writing=True) as connection:
        connection.execute(model_versions.insert().values(_version(project.id)))
        for picture in stored.values():
            split = "test" if picture.result_id == third else "train"
            values = {"version_id": "v1", "picture_id": picture.id, "split": split}
            connection.execute(version_pictures.insert().values(values))
    mine = client.get("/mine").text
    assert "Pictures of yours that models are trained with" in mine
    thumbnail = f"/mine/taken/{stored[agreed].id}.jpg"
    assert client.get(thumbnail).status_code == 200
    assert app.test_client().get(thumbnail).status_code == 404
    app.test_client().post("/mine/take-back", data={"picture": stored[agreed].id})
    assert pictures_of(pipeline).counts(project.id).stored == 3  # somebody else's request
    client.put(f"/api/v1/results/{agreed}/corrections", json={"boxes": [box], "consent": False})
    client.post("/mine/delete", data={"only": other, "confirmed": "1"})
    assert {each.result_id for each in pictures_of(pipeline).each(project.id)} == {third}
    client.post("/mine/delete-all")
    assert pictures_of(pipeline).counts(project.id).stored == 0
    with pytest.raises(FileNotFoundError):
        pipeline.storage.get(stored[agreed].key)
    with pipeline.results.database.transaction() as connection:
        assert connection.scalar(select(model_versions.c.withdrawn_pictures)) == 2


def judged_wrong(
    client: FlaskClient, picture: Image.Image, labels: Iterable[str], *, consent: bool = True
) -> str:
    """Send a picture as a visitor who draws a box for each label; return the result's id."""
    id = client.post("/", **form(encoded(picture, "PNG"))).location.rpartition("/")[2]
    sides = {"left": 0.25, "top": 0.5, "width": 0.5, "height": 0.25}
    body = {"boxes": [{**sides, "label": label} for label in labels], "consent": consent}
    assert client.put(f"/api/v1/results/{id}/corrections", json=body).status_code == 200
    return id


def test_boxes_with_other_labels_are_left_out_and_the_rest_is_to_be_confirmed(
    operator: FlaskClient, client: FlaskClient, pipeline: Pipeline
) -> None:
    """Saved without them, the picture would count as labelled, with nothing where they were."""
    page = make_project(operator, "boxes", "rubber duck")
    mixed = judged_wrong(client, scene(1), ["Rubber duck", "goose"])
    operator.post(f"{page}/visitors", data={"result": [mixed]})
    project = project_of(pipeline, page)
    (stored,) = pictures_of(pipeline).each(project.id)
    assert not stored.is_labelled
    api = f"/api/v1{page}/pictures/{stored.id}/suggestions"
    suggested: Any = operator.get(api).json
    (box,) = suggested["boxes"]
    sides = [box[side] for side in ("left", "top", "width", "height")]
    assert (box["label"], sides) == (project.labels[0].id, [100, 150, 200, 75])
    assert 'data-suggests="true"' in operator.get(f"{page}/label").text


def test_a_visitors_picture_like_one_of_the_project_is_skipped_and_named(
    operator: FlaskClient, client: FlaskClient, pipeline: Pipeline
) -> None:
    page = make_project(operator, "boxes", "rubber duck")
    send(operator, page, (encoded(scene(1)), "mine.jpg"))
    near = judged_wrong(client, scene(1).resize((300, 225)), ["rubber duck"])
    answer = operator.post(f"{page}/visitors", data={"result": [near]}, follow_redirects=True)
    said = f"visitor-{near[:8]}.jpg: It looks like mine.jpg of the project"
    assert said in visible_text(answer.text)
    assert pictures_of(pipeline).counts(project_of(pipeline, page).id).stored == 1
    operator.post(f"{page}/visitors", data={"result": [near], "near": "1"})
    assert pictures_of(pipeline).counts(project_of(pipeline, page).id).stored == 2


def _version(project_id: str) -> dict[str, Any]:
    return {
        "id": "v1",
        "project_id": project_id,
        "number": 1,
        "name": "v1",
        "engine": "embedded",
        "state": "TRAINING_COMPLETED",
        "state_message": "",
        "created_at": datetime(2026, 11, 29),
        "created_by": "ada",
        "seed": 0,
        "labels": [],
        "pictures": 3,
        "withdrawn_pictures": 0,
        "is_default": False,
        "may_start_itself": False,
        "should_run": False,
        "units": 1,
    }


def test_a_command_exports_all_and_a_backup_covers_it(
    operator: FlaskClient, pipeline: Pipeline, app: Flask, tmp_path: Path
) -> None:
    page = make_project(operator)
    send(operator, page, (encoded(scene(1), "PNG"), "one.png"), (encoded(scene(2)), "two.jpg"))
    id, file = page.rpartition("/")[2], tmp_path / "all.zip"
    done = app.test_cli_runner().invoke(args=["export", "project", id, str(file)])
    assert done.exit_code == 0, done.output
    with ZipFile(file) as archive:
        names = set(archive.namelist())
        assert {"project.jsonl", "pictures.jsonl", "labels.manifest"} <= names
        assert {"images/one.png", "images/two.jpg"} <= names
    again = app.test_cli_runner().invoke(args=["export", "project", id, str(file)])
    assert "exists already" in again.output
    create_backup(tmp_path / "backup.tar", app.extensions["settings"], pipeline)
    with tarfile.open(tmp_path / "backup.tar") as tar:
        stored = [name for name in tar.getnames() if f"uploads/projects/{id}/" in name]
    assert sorted(Path(name).suffix for name in stored) == [".jpg", ".jpg", ".jpg", ".png"]


def test_pictures_past_their_retention_are_swept(
    operator: FlaskClient, pipeline: Pipeline, app: Flask
) -> None:
    page = make_project(operator)
    operator.post(f"{page}/settings", data={"name": "A", "question": "", "keep_days": "7"})
    send(operator, page, (encoded(scene(1)), "one.jpg"))
    pipeline.storage.put("imports/x/old.zip", b"")
    book, id = pictures_of(pipeline), page.rpartition("/")[2]
    sweeper = Sweeper(pipeline.open_results, pipeline.storage)
    sweeper.sweep()
    assert book.counts(id).stored == 1
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        sweeper.sweep()
    assert book.counts(id).stored == 0
    folder = pipeline.storage.local_path("")
    assert folder
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_refused_form_keeps_what_was_typed(operator: FlaskClient, pipeline: Pipeline) -> None:
    typed = {"name": " ", "kind": "pictures", "labels": "cup\nsaucer", "question": "Whose <cup>?"}
    answer = operator.post("/projects/", data=typed)
    assert answer.status_code == 400
    for kept in (
        "A project&#39;s name has 1 to 100 characters",
        "cup\nsaucer</textarea>",
        'value="Whose &lt;cup&gt;?"',
        'value="pictures" checked',
    ):
        assert kept in answer.text
    page = make_project(operator)
    taken = operator.post("/projects/", data={**typed, "name": "Shapes"})
    assert (taken.status_code, "There is a project “Shapes” already." in taken.text) == (409, True)

    typed = {"name": "Other", "question": "What is it?", "keep_days": "0"}
    answer = operator.post(f"{page}/settings", data=typed)
    assert answer.status_code == 400
    for kept in ('value="Other"', 'value="What is it?"', 'value="0"', "kept for 1 to"):
        assert kept in answer.text
    assert project_of(pipeline, page).name == "Shapes"  # and nothing of it was saved

    disc, _ = project_of(pipeline, page).labels
    answer = operator.post(f"{page}/labels/{disc.id}", data={"do": "rename", "name": "square"})
    assert answer.status_code == 409
    assert answer.text.count('value="square"') == 2  # what was typed, and the other label
    assert answer.text.count('role="alert"') == 1
    answer = operator.post(f"{page}/labels", data={"labels": "disc\n" + "x" * 300})
    assert (answer.status_code, "x" * 300 + "</textarea>" in answer.text) == (400, True)
    assert operator.post("/projects/unknown/settings", data=typed).status_code == 404
    for origin, leads_back in (("http://localhost", True), ("https://other.test", False)):
        sent_from = {"Referer": f"{origin}{page}/checks"}
        answer = operator.post(f"{page}/split", data={"seed": "x"}, headers=sent_from)
        assert answer.status_code == 400
        assert (f'href="{page}/checks">Back' in answer.text) == leads_back
