"""The same picture again: repeated, by a stranger, with a new model, on its last day."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import create_app
from rubberduck.core.models import Label, PendingUpload
from rubberduck.core.settings import ROOT, Settings
from rubberduck.db.tables import duck_results
from rubberduck.db.workers import own_id
from rubberduck.imaging.decode import Picture
from rubberduck.services.observation import Swept
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.retention import Sweeper
from tests.support.fake_detector import FakeDetector, duck_labels
from tests.support.pictures import encoded, form

API = "/api/v1/pictures"
UUID = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def post(client: FlaskClient, data: bytes, key: str | None = None) -> TestResponse:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(API, headers=headers, **form(data))


def known_client(app: Flask) -> FlaskClient:
    """A program that keeps its cookie, and has it already."""
    client = app.test_client()
    client.get("/")
    return client


class Slow(FakeDetector):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__(*duck_labels())
        self.called, self.may_answer = threading.Event(), threading.Event()

    def labels(self, picture: Picture) -> list[Label]:
        self.called.set()
        assert self.may_answer.wait(60)
        return super().labels(picture)


# Keys


def test_two_visitors_may_use_the_same_key(app: Flask, detector: FakeDetector) -> None:
    answers = [
        post(known_client(app), encoded(comment=comment), key="1") for comment in ("mine", "yours")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].location != answers[1].location
    assert detector.calls == 2


def test_a_short_key_without_a_cookie_is_ignored_and_the_answer_says_so(app: Flask) -> None:
    answers = [post(app.test_client(), encoded(comment=c), key="1") for c in ("mine", "yours")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.json["idempotency_key_ignored"] for answer in answers if answer.json] == [
        True,
        True,
    ]


def test_a_long_key_of_other_bytes_is_never_a_strangers_422(app: Flask) -> None:
    post(app.test_client(), encoded(comment="mine"), key=UUID)
    assert post(app.test_client(), encoded(comment="yours"), key=UUID).status_code == 201


def test_a_second_key_for_known_bytes_is_remembered(app: Flask) -> None:
    client = known_client(app)
    first, second = post(client, encoded(), key="a"), post(client, encoded(), key="b")
    assert first.location == second.location
    assert post(client, encoded(comment="other"), key="b").status_code == 422


def test_whoever_lost_the_cookie_can_still_delete(app: Flask) -> None:
    lost = post(app.test_client(), encoded(), key=UUID)
    again = post(app.test_client(), encoded(), key=UUID)
    assert again.location == lost.location
    assert again.json
    token = again.json["delete_token"]
    stranger = app.test_client()
    address = f"/api/v1/results/{again.json['id']}"
    assert stranger.delete(address, headers={"Delete-Token": f"{token}x"}).status_code == 404
    assert stranger.delete(address, headers={"Delete-Token": token}).status_code == 204
    assert stranger.get(address).status_code == 404


# Strangers and models


@pytest.mark.parametrize(("share", "calls"), [(False, 2), (True, 1)])
def test_answers_are_shared_across_visitors_only_where_that_is_set(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector, share: bool, calls: int
) -> None:
    app = create_app(settings, pipeline=replace(pipeline, share_answers=share))
    locations = {post(known_client(app), encoded()).location for _ in range(2)}
    assert len(locations) == 2
    assert detector.calls == calls


def test_a_new_model_answers_itself(app: Flask, detector: FakeDetector) -> None:
    client = known_client(app)
    first = post(client, encoded()).json
    detector.version = "2"
    second, third = post(client, encoded()).json, post(client, encoded()).json
    assert first
    assert second
    assert third
    assert (first["engine_version"], second["engine_version"]) == ("1", "2")
    assert third["id"] == second["id"] != first["id"]
    assert "Model version 2." in client.get(second["links"]["page"]).text
    assert detector.calls == 2


# In work


def test_twenty_equal_posts_are_one_call_and_one_address(
    settings: Settings, pipeline: Pipeline
) -> None:
    slow = Slow()
    app = create_app(settings, pipeline=replace(pipeline, detector=slow))
    cookie = known_client(app)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, cookie, encoded())
        assert slow.called.wait(60)
        others = [post(cookie, encoded()) for _ in range(19)]
        assert {answer.status_code for answer in others} == {202}
        assert {answer.headers["Retry-After"] for answer in others} == {"1"}
        where = others[0].location
        assert cookie.get(where).status_code == 202
        id = where.rsplit("/", 1)[-1]
        page = cookie.get(f"/result/{id}")
        assert (page.status_code, page.headers["Refresh"]) == (202, "1")
        assert cookie.post("/", **form(encoded())).location == f"/result/{id}"
        slow.may_answer.set()
        created = first.result()
    assert {answer.location for answer in others} == {created.location}
    assert (created.status_code, cookie.get(where).status_code) == (201, 200)
    assert slow.calls == 1


KILLED = """
import os, signal, sys
from rubberduck.core.models import Upload
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.db.results import Results
from datetime import UTC, datetime
id = "i" * 22
what = RUBBER_DUCK.title, f"uploads/{id}.jpg"
upload = Upload(id, datetime.now(UTC), *what, sys.argv[2], "me")
assert Results(sys.argv[1]).begin(upload, "fake detector", "1") is None
os.kill(os.getpid(), signal.SIGKILL)
"""


def begun_elsewhere(settings: Settings, data: bytes) -> None:
    """An upload whose process is killed in the middle."""
    from hashlib import sha256

    arguments = [settings.database_url, sha256(data).hexdigest()]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL


def test_the_upload_of_a_killed_process_is_taken_over_at_once(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector
) -> None:
    data = encoded()
    begun_elsewhere(settings, data)
    result = pipeline.process_upload(data, "me")
    assert result.id == "i" * 22
    assert pipeline.results.get(result.id).verdict.found
    assert detector.calls == 1


@pytest.mark.parametrize(
    "worker", [lambda: "another", own_id], ids=["on another machine", "this process"]
)
@pytest.mark.parametrize(("age", "is_taken"), [(5, False), (20, True)])
def test_of_a_process_that_may_run_the_heartbeat_tells(
    settings: Settings, pipeline: Pipeline, age: int, is_taken: bool, worker: Callable[[], str]
) -> None:
    """One that runs has not ended, but gave the upload up if the database went away under it."""
    data = encoded()
    begun_elsewhere(settings, data)
    beat = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=age)
    with pipeline.results.database.transaction(writing=True) as connection:
        connection.execute(update(duck_results).values(worker=worker(), heartbeat_at=beat))
    answer = pipeline.process_upload(data, "me")
    assert isinstance(answer, PendingUpload) is not is_taken


def test_a_picture_in_work_beats(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rubberduck.db.heartbeats.HEARTBEAT_SECONDS", 0.01)
    beats = threading.Event()
    slow = Slow()
    busy = replace(pipeline, detector=slow)
    begin = datetime.now(UTC).replace(tzinfo=None)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(busy.process_upload, encoded(), "me")
        assert slow.called.wait(60)
        for _ in range(1000):
            with pipeline.results.database.transaction() as connection:
                row: Any = connection.execute(duck_results.select()).mappings().one()
            if row["heartbeat_at"] > row["created_at"]:
                beats.set()
                break
            threading.Event().wait(0.01)
        slow.may_answer.set()
        done.result()
    assert beats.is_set()
    assert row["heartbeat_at"] > begin


# Retention


def test_what_is_answered_again_is_kept_from_that_day(
    app: Flask, settings: Settings, pipeline: Pipeline
) -> None:
    client, keep = known_client(app), timedelta(days=settings.keep_days)
    start = datetime.now(UTC)
    first = post(client, encoded()).json
    assert first
    with time_machine.travel(start + keep - timedelta(hours=2), tick=True):
        again = post(client, encoded()).json
    assert again
    assert again["id"] == first["id"]
    assert again["expires_at"] > first["expires_at"]
    with time_machine.travel(start + keep + timedelta(days=1), tick=True):
        sweeper = Sweeper(pipeline.open_results, pipeline.storage)
        assert sweeper.sweep() == Swept()
        assert client.get(first["links"]["picture"]).status_code == 200
        assert client.get(first["links"]["marked"]).status_code == 200
    with time_machine.travel(start + 2 * keep + timedelta(days=1), tick=True):
        assert sweeper.sweep() == Swept(results=1)
    assert not os.listdir(settings.uploads / "uploads")
