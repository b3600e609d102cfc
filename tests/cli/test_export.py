"""`flask export`: a person gets all that is kept of him, and nothing of others."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect

from rubberduck.accounts.audit import AuditLog
from rubberduck.accounts.links import Links
from rubberduck.accounts.operators import Operators
from rubberduck.core.errors import StorageFailed
from rubberduck.core.models import Correction
from rubberduck.custom_models.annotations import Annotation
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.labelling import Labelling
from rubberduck.custom_models.project_pictures import Added, ProjectPictures, Upload
from rubberduck.custom_models.tables import version_pictures
from rubberduck.custom_models.versions import Versions
from rubberduck.db.corrections import save_correction
from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.db.engine import Database
from rubberduck.db.personal_rows import rows_of
from rubberduck.db.tables import ledger
from rubberduck.jobs.models import Run
from rubberduck.jobs.store import JobStore
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.models import READY, Segment
from rubberduck.videos.paid import PaidAnalyses
from rubberduck.videos.store import Videos
from tests.support.analysed_videos import (
    begin_video,
    duck_sample,
    paid_analysis,
    swimming_ducks,
)
from tests.support.command_line import run_command
from tests.support.labelling import QUOTA, add_project, noise
from tests.support.operators import sign_in
from tests.support.pictures import corners, encoded, form
from tests.support.visitor import as_visitor, make_key

SECRETS = {"token_hash", "secret_hash", "key_hash"}


def exported(file: Path) -> tuple[dict[str, list[dict[str, Any]]], dict[str, bytes]]:
    """Return the rows by table, and the files by key."""
    with ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    rows = {
        name.removeprefix("rows/").removesuffix(".jsonl"): list(map(json.loads, data.splitlines()))
        for name, data in content.items()
        if name.startswith("rows/")
    }
    files = {
        name.removeprefix("files/"): data
        for name, data in content.items()
        if name.startswith("files/")
    }
    return rows, files


def kept_rows(database: Database, person: str) -> dict[str, int]:
    """Count the rows of all tables in which this id stands, whatever the column is called."""
    with database.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        counts = {
            name: sum(
                person in row for row in connection.exec_driver_sql(f"SELECT * FROM {name}").all()
            )
            for name in tables
        }
    return {name: count for name, count in counts.items() if count}


def upload(client: FlaskClient, width: int) -> str:
    made = client.post("/api/v1/pictures", **form(encoded(corners(width, 100)))).json
    assert made
    return str(made["id"])


def test_a_visitor_gets_everything_and_nothing_of_others(
    app: Flask, pipeline: Pipeline, tmp_path: Path
) -> None:
    mine, other = (as_visitor(app.test_client(), f"visitor-{name}-" + "x" * 12) for name in "ab")
    owner, database = f"visitor-a-{'x' * 12}", pipeline.results.database
    ids = [upload(mine, 100), upload(mine, 101)]
    theirs = upload(other, 102)
    mine.put(f"/api/v1/results/{ids[0]}/judgement", json={"right": False})
    save_correction(pipeline.results, ids[0], owner, Correction((), True, datetime.now(UTC)))
    make_key(mine)
    jobs = JobStore(database)
    jobs.insert("a-job", "anything", owner, {})
    jobs.begin(Run("a-job", 0, "a worker"))
    project, _ = add_project(database, pipeline.storage, "mugs", [])
    sent = Upload(noise(1), "one.jpg", source="result", result_id=ids[0], owner=owner)
    ProjectPictures(database, pipeline.storage, 10**7, QUOTA).add(project, sent)

    target = tmp_path / "visitor.zip"
    done = run_command(app, "export", "visitor", f"/result/{ids[1]}/picture.jpg", str(target))
    assert done.exit_code == 0, done.output
    rows, files = exported(target)
    kept = kept_rows(database, owner)
    assert {name: len(found) for name, found in rows.items()} == kept | {
        "corrections": 1,
        "job_log": 1,
    }
    assert kept.keys() == {
        "duck_results",
        "visitor_storage",
        "access_tokens",
        "jobs",
        "project_pictures",
    }
    assert {row["id"] for row in rows["duck_results"]} == set(ids)
    assert len(files) == 6  # of each result the picture and the one with boxes; of the project's
    assert {key: pipeline.storage.get(key) for key in files} == files
    assert not [key for key in files if theirs in key]
    assert f"{sum(map(len, rows.values()))} rows, 6 files" in done.output
    assert not [row for found in rows.values() for row in found if SECRETS & set(row)]


def test_a_visitor_gets_what_operators_had_amazon_see_in_a_video(
    app: Flask, pipeline: Pipeline, tmp_path: Path
) -> None:
    database, owner = pipeline.results.database, "visitor-a-" + "x" * 12
    video = begin_video(database, swimming_ducks(), owner=owner)
    others = begin_video(database, [duck_sample(0)], id="a-video-of-another-person", owner="b")
    Videos(database).update(video.id, status=READY)
    job, paid = "the paid job", PaidAnalyses(database)
    for id, of in (("paid", video.id), ("of another", others.id)):
        paid.create(paid_analysis(id, video_id=of, job_id=job))
    assert paid.begin("paid", job)
    assert paid.add_segment("paid", job, Segment(0, 1, (duck_sample(0),)))

    target = tmp_path / "visitor.zip"
    done = run_command(app, "export", "visitor", video.id, str(target))
    assert done.exit_code == 0, done.output
    rows, _ = exported(target)
    ((row,), segments) = rows["video_paid_analyses"], rows["video_segments"]
    assert (row["id"], row["question"]) == ("paid", "A duck?")
    assert {row["video_id"] for row in segments} == {video.id, "paid"}
    assert "ada" not in json.dumps(rows)


def test_an_operator_gets_what_he_did_also_when_he_was_removed(
    app: Flask, client: FlaskClient, pipeline: Pipeline, tmp_path: Path
) -> None:
    database = pipeline.results.database
    ada, bob = sign_in(client, "Ada"), sign_in(app.test_client(), "Bob")
    Links(database).create(ada)
    form_of_key = {"name": "script", "days": "30", "scope": "operator"}
    assert client.post("/account/keys", data=form_of_key).status_code == 201
    project, [picture] = add_project(database, pipeline.storage, "mugs", [noise(1)], "pictures")
    Labelling(database, project, ada.id, sees_truth=True).save(picture, 0, Annotation((), ()))

    target = tmp_path / "ada.zip"
    done = run_command(app, "export", "operator", "Ada", str(target))
    assert done.exit_code == 0, done.output
    rows, files = exported(target)
    assert {name: len(found) for name, found in rows.items()} == kept_rows(database, ada.id)
    assert rows.keys() >= {"operators", "operator_sessions", "sign_in_links", "annotations"}
    assert [row["act"] for row in rows["audit_log"]] == ["token.create"]
    assert files == {}
    text = json.dumps(rows)
    assert bob.id not in text
    assert not [name for name in SECRETS if f'"{name}"' in text]

    Operators(database).remove("Ada")
    removed = run_command(app, "export", "operator", "Ada", str(tmp_path / "removed.zip"))
    assert removed.exit_code == 0, removed.output
    after, _ = exported(tmp_path / "removed.zip")
    assert after.keys() == rows.keys() - {"operator_sessions", "sign_in_links", "access_tokens"}


def test_a_labeller_gets_nothing_of_the_others_who_had_the_same_picture(
    app: Flask, client: FlaskClient, pipeline: Pipeline, tmp_path: Path
) -> None:
    database, storage = pipeline.results.database, pipeline.storage
    visitor, result_id = f"visitor-a-{'x' * 12}", "result-of-the-visitor"
    ada = sign_in(client, "Ada")
    bob = sign_in(app.test_client(), "Bob", role="labeller")
    project, _ = add_project(database, storage, "mugs", [])
    mug = Box(project.labels[0].id, 7, 8, 9, 10)
    ids = []
    for seed in (1, 2):
        sent = Upload(noise(seed), f"visitor-{result_id[:8]}.jpg", "result", ada.id)
        sent = replace(sent, result_id=result_id, owner=visitor, group_name="video secret-video")
        added = ProjectPictures(database, storage, 10**7, QUOTA).add(project, sent)
        assert isinstance(added, Added)
        ids.append(added.picture.id)
    adas = Labelling(database, project, ada.id, sees_truth=True)
    bobs = Labelling(database, project, bob.id, sees_truth=False)
    bobs.save(ids[0], 0, Annotation((replace(mug, left=70),)))
    adas.save(ids[1], 0, Annotation((mug,)))
    adas.mark_truth(ids[1], True)
    bobs.open(ids[1])  # the lease is his
    audit = AuditLog(database)
    audit.add(bob.id, "Bob", "operator.remove", "Carol", id="id-of-carol")
    audit.add(bob.id, "Bob", "video.analyse", "secret-video")
    audit.add(bob.id, "Bob", "project.frames", "mugs", video="secret-video")

    done = run_command(app, "export", "operator", "Bob", str(tmp_path / "bob.zip"))
    assert done.exit_code == 0, done.output
    rows, files = exported(tmp_path / "bob.zip")
    assert {name: len(found) for name, found in rows.items()} == kept_rows(database, bob.id)
    assert files == {}
    text = json.dumps(rows)
    others = (visitor, result_id, result_id[:8], ada.id, "Carol", "id-of-carol", "secret-video")
    assert [each for each in others if each in text] == []
    labelled, leased = sorted(rows["project_pictures"], key=lambda row: ids.index(row["id"]))
    assert labelled["labelled_by"] == leased["leased_by"] == bob.id
    assert "labelled_at" in labelled
    assert not {"boxes", "labels", "truth", "labelled_at", "created_at"} & set(leased)
    assert [row["boxes"][0]["left"] for row in rows["annotations"]] == [70]
    assert [row.get("object") for row in rows["audit_log"]] == [None, None, "mugs"]

    done = run_command(app, "export", "visitor", visitor, str(tmp_path / "visitor.zip"))
    assert "no page or result" in done.output  # of whom no result is left
    found = [row for table, row in rows_of(database, visitor) if table == "project_pictures"]
    assert [(row["owner"], row["result_id"]) for row in found] == [(visitor, result_id)] * 2
    assert not [person for person in (ada.id, bob.id) if person in json.dumps(found)]


def test_a_project_comes_with_its_jobs_costs_and_acts_and_with_no_others(
    app: Flask, pipeline: Pipeline, tmp_path: Path
) -> None:
    database, storage = pipeline.results.database, pipeline.storage
    mugs, _ = add_project(database, storage, "mugs", [])
    cups, _ = add_project(database, storage, "cups", [])
    for project in (mugs, cups):
        job, model = f"job-of-{project.name}", f"{project.name} version 1"
        jobs = JobStore(database)
        jobs.insert(job, "anything", f"project:{project.id}", {"project_id": project.id})
        jobs.begin(Run(job, 0, "a worker"))
        version = Versions(database).begin(project.id, job, created_by="a", labels=[])
        with database.transaction(writing=True) as connection:
            trained = {"version_id": version.id, "picture_id": f"of-{project.name}"}
            connection.execute(version_pictures.insert(), trained | {"split": "train"})
            of = {"service": "a service", "what": model, "microdollars": 5, "at": datetime.now(UTC)}
            connection.execute(ledger.insert(), of | {"key": job, "project_id": project.id})
        EmulatorRecords(database).put("dataset", project.name, {}, project_id=project.id)
        audit = AuditLog(database)
        for act, object, details in (
            ("project.create", project.name, {"id": project.id}),
            ("project.delete.failed", project.name, {"reason": "unavailable"}),
            ("model.train", project.id, {"job": job}),
            ("model.start", f"{project.name} 1", {"units": 1}),
            ("job.cancel", "train", {"project": project.id}),
            ("object.create", project.name, {"id": "a named object"}),
        ):
            audit.add("a", "Ada", act, object, **details)

    done = run_command(app, "export", "project", mugs.id, str(tmp_path / "mugs.zip"))
    assert done.exit_code == 0, done.output
    with ZipFile(tmp_path / "mugs.zip") as archive:
        rows = {
            name.removesuffix(".jsonl"): list(map(json.loads, archive.read(name).splitlines()))
            for name in archive.namelist()
            if name.endswith(".jsonl")
        }
    assert [row["picture_id"] for row in rows["version_pictures"]] == ["of-mugs"]
    assert [row["id"] for row in rows["jobs"]] == ["job-of-mugs"]
    assert {row["job_id"] for row in rows["job_log"]} == {"job-of-mugs"}
    assert [row["name"] for row in rows["emulator_records"]] == ["mugs"]
    assert [(row["what"], row["microdollars"]) for row in rows["ledger"]] == [("mugs version 1", 5)]
    assert [row["act"] for row in rows["audit_log"]] == [
        "project.create",
        "project.delete.failed",
        "model.train",
        "model.start",
        "job.cancel",
    ]
    assert "cups" not in json.dumps(rows)


def test_what_cannot_be_exported_is_said_and_leaves_no_file(
    app: Flask,
    client: FlaskClient,
    pipeline: Pipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    id, target = upload(client, 100), tmp_path / "visitor.zip"
    unknown = run_command(app, "export", "visitor", "https://a-long-host-name.example/mine")
    assert (unknown.exit_code, "no page or result" in unknown.output) == (1, True)
    nobody = run_command(app, "export", "operator", "Ada")
    assert (nobody.exit_code, "Nobody of this name" in nobody.output) == (1, True)

    def fail(*_: object) -> None:
        raise StorageFailed("The disk is on fire.")

    with monkeypatch.context() as patch:
        patch.setattr(type(pipeline.storage), "fetch", fail)
        failed = run_command(app, "export", "visitor", id, str(target))
    assert (failed.exit_code, "on fire" in failed.output) == (1, True)
    assert not target.exists()
    target.write_bytes(b"")
    taken = run_command(app, "export", "visitor", id, str(target))
    assert (taken.exit_code, "exists already" in taken.output) == (1, True)
    assert target.read_bytes() == b""
