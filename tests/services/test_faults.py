"""Whatever fails outside, at whichever call: a plain answer, nothing lost, nothing left behind."""

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from errno import EACCES, EIO, EMFILE, ENOSPC
from functools import partial
from itertools import count
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from composition import build_pipeline
from rekognition import Rekognition
from rubberduck.core.errors import DuckError
from rubberduck.core.ids import random_id
from rubberduck.core.models import Upload
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.db.tables import duck_results
from rubberduck.detectors.with_breaker import DetectorWithBreaker
from rubberduck.detectors.with_budget import DetectorWithBudget
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.s3 import S3Storage
from tests.support.databases import create_database
from tests.support.faults import AMAZONS, Countdown, amazon_fails, database_fails, disk_fails
from tests.support.pictures import encoded, form
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.visitor import post_picture

NEVER = sys.maxsize
FAR = datetime(9999, 1, 1, tzinfo=UTC)
pictures = (encoded(comment=str(number)) for number in count())  # each of other bytes
OTHERS = 10  # pictures: more than there are orphans, so that a sweep believes the database


@dataclass(frozen=True)
class House:
    """The site with an answered picture in it, and others, which must outlive every fault."""

    app: Flask
    pipeline: Pipeline
    client: FlaskClient
    kept: str
    its_bytes: bytes
    hours: Iterator[int] = field(default_factory=lambda: count(2))

    @classmethod
    def of(cls, settings: Settings, pipeline: Pipeline) -> "House":
        pipeline = replace(pipeline, _executor=ThreadPoolExecutor(1))
        app = create_app(settings, pipeline=pipeline)
        client, data = app.test_client(), next(pictures)
        for _ in range(OTHERS):
            post_picture(client, next(pictures))
        return cls(app, pipeline, client, post_picture(client, data).location, data)

    def sweep_later(self) -> None:
        """Each time an hour later: a sweep that could not write left its lease, which runs out."""
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=next(self.hours))):
            self.app.extensions["sweeper"].sweep()

    def must_be_whole(self) -> None:
        """No row without its pictures, no picture without its row, nothing live gone."""
        assert self.client.get(self.kept).status_code == 200
        with self.pipeline.results.database.engine.connect() as connection:
            rows = list(connection.execute(select(duck_results)).mappings())
        assert {row["status"] for row in rows} == {"ready"}
        keys = {key for row in rows for key in (row["s3_key"], row["marked_key"]) if key}
        assert set(self.pipeline.storage.keys_older_than(FAR)) == keys


# What visitors do. Each gets ready first, and gives what is done while things fail.
Deed = Callable[[], TestResponse | None]
Fault = Callable[[Countdown], AbstractContextManager[None]]


def upload(house: House) -> Deed:
    return partial(post_picture, house.client, next(pictures))


def upload_first(house: House) -> Deed:
    """The bucket is looked at before."""
    assert isinstance(house.pipeline.storage, S3Storage)
    house.pipeline.storage._checked.clear()
    return upload(house)


def upload_by_program(house: House) -> Deed:
    parts = form(next(pictures))
    headers = {"Idempotency-Key": f"key {parts['data'][-99:].hex()}"}
    return lambda: house.client.post("/api/v1/pictures", headers=headers, **parts)


def upload_again(house: House) -> Deed:
    return partial(post_picture, house.client, house.its_bytes)


def upload_anothers(house: House) -> Deed:
    """Known by its bytes: stored again, not asked again."""
    return partial(post_picture, house.app.test_client(), house.its_bytes)


def delete(house: House) -> Deed:
    where = post_picture(house.client, next(pictures)).location
    return lambda: house.client.post(f"{where}/delete")


def read(house: House) -> Deed:
    return lambda: house.client.get(house.kept)


def decode_picture(house: House) -> Deed:
    return lambda: house.client.get(f"{house.kept}/small.jpg")


def sweep(house: House) -> Deed:
    """A result cut off, and a picture without a row; what the sweep before left is gone first."""
    house.sweep_later()
    for number in range(2):
        id = random_id()
        cut_off = Upload(id, datetime.now(UTC), "?", f"uploads/{id}.jpg", sha256=id)
        if number:
            house.pipeline.results.begin(cut_off, "nobody")
        house.pipeline.storage.put(cut_off.picture_key, next(pictures))
        house.pipeline.storage.put(f"marked/{id}.jpg", next(pictures))

    def deed() -> None:
        with suppress(DuckError):
            house.sweep_later()

    return deed


VISITS = [
    upload, upload_by_program, upload_again, upload_anothers, delete, read, decode_picture, sweep
]  # fmt: skip


def meet(
    house: House, visit: Callable[[House], Deed], fault: Fault, *, lasts: bool, step: int = 1
) -> int:
    """Let a visit meet the fault at its first call, its second, …; return how many it makes.

    With `step`, only at one of so many calls.
    """
    undisturbed = attempt(house, visit, fault, Countdown(NEVER, lasts)).calls
    for k in range(1, 2 * undisturbed + 1 + step, step):  # one that is disturbed may try again
        if not attempt(house, visit, fault, Countdown(k, lasts)).struck:
            house.sweep_later()
            house.must_be_whole()
            return undisturbed
    raise AssertionError(f"{visit.__name__} never came to an end")


def attempt(
    house: House, visit: Callable[[House], Deed], fault: Fault, countdown: Countdown
) -> Countdown:
    deed = visit(house)
    with fault(countdown):
        must_be_plain(deed())
        house.pipeline._executor.submit(int).result()  # the last in its row, so all is done
    return countdown


def must_be_plain(answer: TestResponse | None) -> None:
    if answer is None or answer.status_code < 500:
        return
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.mimetype in ("text/html", "application/problem+json")
    assert "try again" in answer.text.lower()


@pytest.fixture
def _in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits between two attempts, and nothing is left alone: each call must be met."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    monkeypatch.setattr("rubberduck.core.circuit_breaker.RESET_TIMEOUT", 0.0)


@pytest.fixture
def on_aws(
    _in_no_time: None, aws_settings: Settings, s3: Any, eyes: RekognitionEndpoint, results: Results
) -> House:
    return House.of(
        aws_settings, replace(build_pipeline(aws_settings), open_results=lambda: results)
    )


def both_ways(kinds: Iterable[Any], *in_every_run: tuple[Any, bool]) -> pytest.MarkDecorator:
    """Each kind, once and from then on; what is not named runs with `make soak`."""
    ways = [(kind, lasts) for kind in kinds for lasts in (False, True)]
    assert set(in_every_run) <= set(ways)
    return pytest.mark.parametrize(
        ("kind", "lasts"),
        [pytest.param(*way, marks=[] if way in in_every_run else pytest.mark.soak) for way in ways],
    )


@both_ways(AMAZONS, ("no connection", True), ("500", False), ("garbage", True))
def test_amazon_fails_at_every_call(on_aws: House, kind: str, lasts: bool) -> None:
    storage, breaker = on_aws.pipeline.storage, on_aws.pipeline.detector
    assert isinstance(storage, S3Storage)
    assert isinstance(breaker, DetectorWithBreaker)
    assert isinstance(breaker.detector, DetectorWithBudget)
    eyes = breaker.detector.detector
    assert isinstance(eyes, Rekognition)
    clients = [storage.client, eyes.client]
    fault = partial(amazon_fails, clients, AMAZONS[kind])
    calls = [meet(on_aws, visit, fault, lasts=lasts) for visit in (upload_first, *VISITS)]
    assert calls[:2] == [4, 3]  # look at the bucket; store, ask, store with boxes


LOCKED, FULL = "database is locked", "database or disk is full"


@pytest.mark.parametrize(
    ("database_url", "kind", "lasts"),
    [
        ("sqlite", LOCKED, False),
        ("sqlite", FULL, True),
        ("postgresql", LOCKED, False),
        pytest.param("sqlite", FULL, False, marks=pytest.mark.soak),
        pytest.param("postgresql", LOCKED, True, marks=pytest.mark.soak),
        pytest.param("postgresql", FULL, True, marks=pytest.mark.soak),
    ],
    indirect=["database_url"],
)
def test_the_database_fails_at_every_statement(
    database_url: str,
    settings: Settings,
    pipeline: Pipeline,
    open_results: Callable[[str], Results],
    kind: str,
    lasts: bool,
) -> None:
    create_database(database_url)
    results = open_results(database_url)
    house = House.of(settings, replace(pipeline, open_results=lambda: results))
    fault = partial(database_fails, results.database.engine, kind)
    # The statements of a sweep, which are many, fail one by one on SQLite.
    steps = {sweep: 5 if database_url.startswith("postgresql") else 1}
    calls = [meet(house, each, fault, lasts=lasts, step=steps.get(each, 1)) for each in VISITS]
    assert calls[0] >= 5


@both_ways([ENOSPC, EACCES, EIO, EMFILE], (ENOSPC, False), (ENOSPC, True), (EACCES, True))
def test_the_disk_fails_at_every_call(
    settings: Settings, pipeline: Pipeline, kind: int, lasts: bool
) -> None:
    house = House.of(settings, pipeline)
    fault = partial(disk_fails, settings.uploads, kind)
    calls = [meet(house, visit, fault, lasts=lasts) for visit in VISITS]
    assert calls[0] >= 6  # a folder, an open file and its name, for each of two pictures
