"""All pictures of a bucket are answered by jobs, page by page, each once."""

import json
import os
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.db.bucket_runs import BucketAnswer, BucketRuns
from rubberduck.db.engine import Database
from rubberduck.events.bucket_run import AT_ONCE, Page, answer_page, answers_of, list_page
from rubberduck.jobs.child import Task
from rubberduck.jobs.store import JobStore
from rubberduck.storage.s3 import S3Storage
from tests.support.aws import BUCKET
from tests.support.command_line import run_command
from tests.support.databases import create_database
from tests.support.pictures import tiny
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.workers import working


def put_pictures(s3: Any, number: int) -> None:
    for each in range(number):
        s3.put_object(Bucket=BUCKET, Key=f"all/{each:03} ü.jpg", Body=tiny(each))


def test_a_bucket_is_answered_by_the_worker_and_told_as_json(
    s3: Any, settings: Settings, tmp_path: Path, duck: Path
) -> None:
    create_database(settings.database_url, with_jobs=True)
    put_pictures(s3, 5)
    s3.put_object(Bucket=BUCKET, Key="all/duck.jpg", Body=duck.read_bytes())
    s3.put_object(Bucket=BUCKET, Key="all/bad.jpg", Body=b"quack")
    s3.put_object(Bucket=BUCKET, Key="all/notes.txt", Body=b"no picture")
    app = create_app(settings, pipeline=build_pipeline(settings))
    amazon = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    with working(tmp_path, settings.database_url, **amazon):
        done = run_command(app, "look", "--json", f"s3://{BUCKET}/all/")
        (id,) = re.findall(r"--run (\S+) --json", done.stderr)
        again = run_command(app, "look", "--run", id)
    assert "all/duck.jpg: yes, " in again.stdout
    assert "all/bad.jpg: This file is not a picture" in again.stdout
    assert "There is no such run" in run_command(app, "look", "--run", "none").stderr
    assert "7 pictures, at no cost." in done.stderr
    assert "7 pictures: 1 yes, 1 without an answer." in done.stderr
    answers = {each["key"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert len(answers) == 7
    assert answers["all/duck.jpg"]["found"] is True
    assert answers["all/duck.jpg"]["boxes"][0]["label"] == "Duck"
    assert answers["all/bad.jpg"]["error"].startswith("This file is not a picture we can read.")
    assert done.exit_code == 1  # as with files: one has no answer


@pytest.fixture
def paid_app(settings: Settings, s3: Any, eyes: RekognitionEndpoint) -> Flask:
    create_database(settings.database_url, with_jobs=True)
    settings = settings.model_copy(update={"engine": "rekognition"})
    return create_app(settings, pipeline=build_pipeline(settings))


def test_price_and_time_are_told_before_anything_costs(
    paid_app: Flask, s3: Any, eyes: RekognitionEndpoint
) -> None:
    put_pictures(s3, 3)
    done = run_command(paid_app, "look", f"s3://{BUCKET}/all/")
    assert done.exit_code == 2
    assert (
        "will be called 3 times, for about $0.00, in at least 0 minutes at 5 calls" in done.stderr
    )
    assert "Add --yes to confirm." in done.stderr
    assert eyes.arrived == 0
    done = run_command(paid_app, "look", "s3://ducks-of-the-tests/none/")
    assert "There are no pictures in s3://ducks-of-the-tests/none/." in done.stderr


def test_pages_follow_each_other_and_a_step_that_runs_again_pays_nothing_twice(
    paid_app: Flask, s3: Any, eyes: RekognitionEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pictures(s3, 5)
    listed = S3Storage.list_keys

    def pages_of_two(self: S3Storage, bucket: str, prefix: str, token: str | None = None) -> Any:
        keys, _ = listed(self, bucket, prefix)
        start = int(token or 0)
        return keys[start : start + 2], str(start + 2) if start + 2 < len(keys) else None

    monkeypatch.setattr(S3Storage, "list_keys", pages_of_two)
    site = paid_app.extensions["pipeline"]
    database: Database = site.results.database
    runs, store = BucketRuns(database), JobStore(database)
    runs.begin("run", BUCKET, "all/", "?")
    page: dict[str, Any] | None = {
        **{"run_id": "run", "number": 0, "token": None},
        **{"bucket": BUCKET, "prefix": "all/", "calls_a_second": None},
    }
    while page:
        task = Task(Page(**page).job_id, lambda: site, StringIO())
        keys = list_page(task, page)
        assert list_page(task, page) == keys
        eyes.faults.append("ThrottlingException")  # one call more, of the client's own retries
        assert answer_page(task, page, keys) == 0
        calls = eyes.arrived
        assert answer_page(task, page, keys) == 0
        assert eyes.arrived == calls
        following = f"run-{page['number'] + 1}"
        found = [job for job in store.newest() if job.id == following]
        page = found[0].arguments["page"] if found else None
        progress = runs.progress("run")
        by_now = min(2 * (Page(**page).number if page else 3), 5)
        assert (progress.answered, progress.is_done) == (by_now, page is None)
    assert runs.counts("run").answered == 5
    assert len({answer.key for answer in runs.answers("run")}) == 5


def test_what_has_no_answer_says_why_and_an_outage_leaves_it_for_later(
    paid_app: Flask, s3: Any, eyes: RekognitionEndpoint
) -> None:
    put_pictures(s3, 1)
    s3.put_object(Bucket=BUCKET, Key="all/bad.jpg", Body=b"quack")
    site = replace(paid_app.extensions["pipeline"], fallback_detector=None)
    runs = BucketRuns(site.results.database)
    runs.begin("run", BUCKET, "all/", "?")
    page = {
        **{"run_id": "run", "number": 0, "token": None},
        **{"bucket": BUCKET, "prefix": "all/", "calls_a_second": 1000.0},
    }
    task = Task("run-0", lambda: site, StringIO())
    keys = [*list_page(task, page), "all/gone.jpg"]
    eyes.always = "ThrottlingException"
    assert answer_page(task, page, keys) == 1
    eyes.always = None
    reasons = {answer.key: answer.error or "" for answer in runs.answers("run")}
    assert "not a picture" in reasons["all/bad.jpg"]
    assert "deleted since it was listed" in reasons["all/gone.jpg"]
    assert len(reasons) == 2
    assert answer_page(task, page, keys) == 0
    assert runs.counts("run").answered == 3


def test_a_picture_that_the_detector_refuses_holds_no_page_up(
    paid_app: Flask, s3: Any, eyes: RekognitionEndpoint
) -> None:
    put_pictures(s3, 1)
    site = replace(paid_app.extensions["pipeline"], fallback_detector=None)
    runs = BucketRuns(site.results.database)
    runs.begin("run", BUCKET, "all/", "?")
    page = {
        **{"run_id": "run", "number": 0, "token": None},
        **{"bucket": BUCKET, "prefix": "all/", "calls_a_second": None},
    }
    task = Task("run-0", lambda: site, StringIO())
    eyes.always = "InvalidImageFormatException"
    assert answer_page(task, page, list_page(task, page)) == 0
    (answer,) = runs.answers("run")
    assert "The detector refuses it. InvalidImageFormatException" in (answer.error or "")


def test_a_crash_repeats_no_more_calls_than_are_in_flight() -> None:
    begun, saved = [], 0

    def answer(key: str) -> BucketAnswer:
        begun.append(key)
        return BucketAnswer(key, True, 99.0, [], "fake", None)

    keys = [str(number) for number in range(5 * AT_ONCE)]
    for answers in answers_of(answer, keys):
        assert len(begun) - saved <= AT_ONCE
        saved += len(answers)
    assert sorted(begun) == sorted(keys)
    assert saved == len(keys)


def test_a_run_whose_job_has_ended_is_reported_with_what_to_do(paid_app: Flask, s3: Any) -> None:
    put_pictures(s3, 1)
    site = paid_app.extensions["pipeline"]
    store = JobStore(site.results.database)
    BucketRuns(site.results.database).begin("run", BUCKET, "all/", "?")
    store.insert("run-0", "answer-bucket", "site", {})
    store.cancel("run-0")
    done = run_command(paid_app, "look", "--run", "run")
    assert done.exit_code == 1
    assert "A part of it ended early (cancelled)" in done.stderr
    assert "flask jobs retry run-0" in done.stderr
