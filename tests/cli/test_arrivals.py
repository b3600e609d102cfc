"""`flask watch`, `upload` and `link`, as typed."""

from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from flask import Flask

from app import create_app
from composition import build_pipeline
from rubberduck.cli import arrivals
from rubberduck.core.settings import Settings
from rubberduck.events import watched_folder
from rubberduck.storage.s3_conditional import ConditionalS3
from rubberduck.storage.s3_errors import S3Unavailable
from tests.support.arrivals import INPUT, OUTPUT, new_queue
from tests.support.aws import BUCKET
from tests.support.command_line import run_command
from tests.support.databases import create_database
from tests.support.pictures import encoded


@pytest.fixture
def bucket_app(settings: Settings, s3: Any) -> Flask:
    changes = {"events_input": INPUT, "events_output": OUTPUT}
    settings = settings.model_copy(update=changes)
    return create_app(settings, pipeline=build_pipeline(settings))


def test_watch_answers_what_lies_in_the_folder(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_folder, "REST_SECONDS", 0.0)
    (inbox := tmp_path / "photos" / "in").mkdir(parents=True)
    (inbox / "duck.jpg").write_bytes(encoded())
    (inbox / "bad.jpg").write_bytes(b"quack")
    done = run_command(app, "watch", "--once", str(tmp_path / "photos"))
    assert done.exit_code == 0
    assert done.stdout == "duck.jpg: yes, 94%\n"
    assert "Put pictures into" in done.stderr
    assert "bad.jpg: This file is not a picture we can read." in done.stderr


def test_pictures_are_sent_to_the_bucket_with_their_names(
    bucket_app: Flask, s3: Any, tmp_path: Path
) -> None:
    (folder := tmp_path / "holiday" / "beach").mkdir(parents=True)
    (folder / "a b.jpg").write_bytes(encoded())
    (tmp_path / "duck.png").write_bytes(encoded(format="PNG"))
    paths = [str(tmp_path / "holiday"), str(tmp_path / "duck.png")]
    done = run_command(bucket_app, "upload", *paths, f"{INPUT}2026/")
    assert done.exit_code == 0
    expected = ["in/2026/beach/a b.jpg", "in/2026/duck.png"]
    assert done.stdout.splitlines() == [f"s3://{BUCKET}/{key}" for key in expected]
    assert s3.head_object(Bucket=BUCKET, Key=expected[1])["ContentType"] == "image/png"


def test_a_file_that_cannot_be_sent_is_named(bucket_app: Flask, tmp_path: Path) -> None:
    done = run_command(bucket_app, "upload", str(tmp_path / "none.jpg"), INPUT)
    assert done.exit_code == 1
    assert "none.jpg: not sent: The file cannot be read: No such file or directory." in done.stderr
    done = run_command(bucket_app, "upload", str(tmp_path / "none.jpg"), "in/")
    assert done.exit_code == 2
    assert "it is not an address such as s3://my-bucket/in/" in done.stderr


def test_a_file_is_sent_again_when_s3_answers_again_and_an_outage_ends_the_command(
    bucket_app: Flask, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(encoded())
    put_file, down = ConditionalS3.put_file, [True]

    def failing(bucket: ConditionalS3, *values: Any) -> None:
        if down:
            raise S3Unavailable("Storage is unavailable.", cause="S3 did not answer.")
        put_file(bucket, *values)

    pauses: list[float] = []
    monkeypatch.setattr(ConditionalS3, "put_file", failing)
    monkeypatch.setattr("rubberduck.cli.arrivals.time.sleep", pauses.append)
    done = run_command(bucket_app, "upload", str(tmp_path), INPUT)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "a.jpg and what follows it were not sent." in done.stderr
    assert pauses == list(arrivals.UPLOAD_PAUSES)
    monkeypatch.setattr("rubberduck.cli.arrivals.time.sleep", lambda _: down.clear())
    done = run_command(bucket_app, "upload", str(tmp_path), INPUT)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"{INPUT}a.jpg", f"{INPUT}b.jpg"]
    assert "S3 did not answer. Trying again in 2 seconds." in done.stderr


def test_a_link_opens_the_marked_picture_of_a_key(bucket_app: Flask, s3: Any) -> None:
    done = run_command(bucket_app, "link", "in/a b.jpg")
    assert done.exit_code == 1
    assert "There is no object" in done.stderr
    s3.put_object(Bucket=BUCKET, Key="out/a b.jpg.marked.jpg", Body=b"marked")
    for key in ("in/a b.jpg", f"{OUTPUT}a b.jpg.marked.jpg"):
        done = run_command(bucket_app, "link", "--seconds", "120", key)
        assert done.exit_code == 0
        assert "X-Amz-Expires=120" in done.stdout
        with urlopen(done.stdout.strip()) as answer:
            assert answer.read() == b"marked"


def test_check_tries_the_queue_the_answers_and_the_claims(settings: Settings, s3: Any) -> None:
    create_database(settings.database_url)
    queue = new_queue("check")
    changes = {"events_input": INPUT, "events_output": OUTPUT, "events_queue": queue.url}
    settings = settings.model_copy(update=changes)
    app = create_app(settings, pipeline=build_pipeline(settings))
    for _ in range(2):  # the claim of the first check is there
        assert "ok     pictures that arrive" in run_command(app, "check").output
    queue.client.delete_queue(QueueUrl=queue.url)
    done = run_command(app, "check")
    assert "wrong  pictures that arrive: " in done.output
    assert "the queue does not exist: check DUCK_EVENTS_QUEUE" in done.output
    assert done.exit_code == 1
    wrong = settings.model_copy(update={"events_output": INPUT})
    done = run_command(create_app(wrong, pipeline=build_pipeline(wrong)), "check")
    assert "wrong  pictures that arrive: DUCK_EVENTS_OUTPUT is wrong" in done.output
