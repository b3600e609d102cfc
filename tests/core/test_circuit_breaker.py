"""What does not answer is left alone: nobody waits for it, and it is not asked again and again."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from app import create_app
from composition import build_pipeline
from rubberduck.core.circuit_breaker import FAILURE_THRESHOLD
from rubberduck.core.errors import DetectorFailed, PictureRefused
from rubberduck.core.models import Label
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.detectors.with_breaker import DetectorWithBreaker
from rubberduck.imaging.decode import Picture, decode_picture
from rubberduck.storage.s3 import S3Storage
from tests.support.aws import BUCKET
from tests.support.fake_detector import FakeDetector, duck_labels
from tests.support.faults import AMAZONS, Countdown, amazon_fails
from tests.support.pictures import encoded
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.visitor import post_and_open, post_picture, visible_text

PICTURE = decode_picture(encoded(), max_bytes=15_000_000, max_side=2048)


class Moody(FakeDetector):
    """Fails as long as `failure` is set."""

    failure: DetectorFailed | None = DetectorFailed("It rests.")

    def labels(self, picture: Picture) -> list[Label]:
        labels = super().labels(picture)
        if self.failure:
            raise self.failure
        return labels


@pytest.fixture(autouse=True)
def _a_long_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this computer is, it is over only when a test says so."""
    monkeypatch.setattr("rubberduck.core.circuit_breaker.RESET_TIMEOUT", 3600.0)


@pytest.fixture
def moody() -> Moody:
    return Moody(*duck_labels())


def call_and_fail(breaker: DetectorWithBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(DetectorFailed):
            breaker.labels(PICTURE)


def rested(breaker: DetectorWithBreaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the thirty seconds were over."""
    monkeypatch.setattr(breaker.circuit, "_next_try", time.monotonic())


def test_after_five_failures_in_a_row_it_is_not_asked(moody: Moody) -> None:
    breaker = DetectorWithBreaker(moody)
    call_and_fail(breaker, 50)
    assert moody.calls == FAILURE_THRESHOLD


def test_one_good_answer_forgives_what_was_before(moody: Moody) -> None:
    breaker = DetectorWithBreaker(moody)
    for _ in range(3):
        moody.failure = Moody.failure
        call_and_fail(breaker, FAILURE_THRESHOLD - 1)
        moody.failure = None
        assert breaker.labels(PICTURE)
    assert not breaker.circuit.is_open


def test_after_a_rest_one_tries_for_all(moody: Moody, monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = DetectorWithBreaker(moody)
    call_and_fail(breaker, FAILURE_THRESHOLD)
    rested(breaker, monkeypatch)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: call_and_fail(breaker), range(20)))
    assert moody.calls == FAILURE_THRESHOLD + 1


def test_when_it_answers_again_everybody_asks(
    moody: Moody, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = DetectorWithBreaker(moody)
    call_and_fail(breaker, 3 * FAILURE_THRESHOLD)
    moody.failure = None
    rested(breaker, monkeypatch)
    with caplog.at_level(logging.INFO):
        assert all(breaker.labels(PICTURE) for _ in range(9))
    assert moody.calls == FAILURE_THRESHOLD + 9
    assert len([line for line in caplog.messages if "circuit opened" in line]) == 1
    assert caplog.messages.count("circuit closed engine=fake detector") == 1


def test_what_is_about_one_picture_alone_is_no_failure(moody: Moody) -> None:
    moody.failure = PictureRefused("It is no picture to us.")
    call_and_fail(DetectorWithBreaker(moody), 20)
    assert moody.calls == 20


def test_who_refuses_a_picture_is_there_again(
    moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker = DetectorWithBreaker(moody)
    call_and_fail(breaker, FAILURE_THRESHOLD)
    rested(breaker, monkeypatch)
    moody.failure = PictureRefused("It is no picture to us.")
    call_and_fail(breaker)
    moody.failure = None
    assert breaker.labels(PICTURE)


def test_nobody_waits_for_another_one() -> None:
    """As many as ask at once: a lock held meanwhile would make them a queue."""
    together = threading.Barrier(8, timeout=30)

    class Meeting(FakeDetector):
        def labels(self, picture: Picture) -> list[Label]:
            together.wait()
            return self.answer

    breaker = DetectorWithBreaker(Meeting(*duck_labels()))
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: breaker.labels(PICTURE), range(8)))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_changes_nothing(moody: Moody, hours: int) -> None:
    breaker = DetectorWithBreaker(moody)
    call_and_fail(breaker, FAILURE_THRESHOLD)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
        call_and_fail(breaker)
    assert moody.calls == FAILURE_THRESHOLD


def test_it_looks_like_the_one_behind_it(moody: Moody) -> None:
    breaker = DetectorWithBreaker(moody)
    breaker.check()
    properties = (breaker.name, breaker.supported_labels, breaker.cost_per_call_usd)
    assert properties == (moody.name, moody.supported_labels, moody.cost_per_call_usd)


def test_twenty_uploads_while_rekognition_is_down(
    aws_client: FlaskClient, eyes: RekognitionEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    eyes.always = "InternalServerError"
    for number in range(20):
        page = visible_text(post_and_open(aws_client, encoded(comment=str(number))))
        assert "Amazon Rekognition was unavailable, so the embedded" in page
    assert len(eyes.requests) == 3 * FAILURE_THRESHOLD


@pytest.fixture
def storage(aws_settings: Settings, s3: Any, monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    storage = build_pipeline(aws_settings).storage
    assert isinstance(storage, S3Storage)
    return storage


@pytest.fixture
def client(
    aws_settings: Settings, storage: S3Storage, eyes: RekognitionEndpoint, results: Results
) -> FlaskClient:
    one = ThreadPoolExecutor(1)  # one after the other, so that a test can wait for the last
    pipeline = replace(
        build_pipeline(aws_settings), open_results=lambda: results, storage=storage, _executor=one
    )
    return create_app(aws_settings, pipeline=pipeline).test_client()


def test_while_s3_is_known_to_be_down_uploads_are_refused_at_once(
    client: FlaskClient, storage: S3Storage, eyes: RekognitionEndpoint
) -> None:
    calls = Countdown(1, lasts=True)
    with amazon_fails([storage.client], AMAZONS["no connection"], calls):
        for number in range(40):
            assert post_picture(client, encoded(comment=str(number))).status_code == 503
        assert post_picture(client, b"no picture, but nobody looks").status_code == 503
        assert client.get("/healthz").status_code == 200
    assert calls.calls <= 2 * (FAILURE_THRESHOLD + 1)  # two attempts each, one in work
    assert len(eyes.requests) <= FAILURE_THRESHOLD  # a picture that cannot be kept is not paid for
    assert not storage.client.list_objects_v2(Bucket=BUCKET)["KeyCount"]


def test_when_s3_is_back_uploads_are_taken_again(
    client: FlaskClient, storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with amazon_fails([storage.client], AMAZONS["503"], Countdown(1, lasts=True)):
        for number in range(FAILURE_THRESHOLD):
            post_picture(client, encoded(comment=str(number)))
        client.application.extensions["pipeline"]._executor.submit(int).result()
    assert post_picture(client, encoded()).status_code == 503
    monkeypatch.setattr(storage.circuit, "_next_try", time.monotonic())
    assert [post_picture(client, encoded()).status_code for _ in range(3)] == [303] * 3


def test_a_refusal_of_one_request_does_not_stop_the_others(
    client: FlaskClient, storage: S3Storage
) -> None:
    with amazon_fails([storage.client], AMAZONS["403"], Countdown(1, lasts=True)):
        for number in range(3 * FAILURE_THRESHOLD):
            post_picture(client, encoded(comment=str(number)))
    assert post_picture(client, encoded()).status_code == 303


def test_no_visitor_waits_long_for_s3(aws_settings: Settings, aws: str) -> None:
    storage = build_pipeline(aws_settings).storage
    assert isinstance(storage, S3Storage)
    config: Any = storage.client.meta.config
    attempts = config.retries["total_max_attempts"]
    between = 1  # second at most, says botocore
    assert attempts * max(config.connect_timeout, config.read_timeout) + between < 12
