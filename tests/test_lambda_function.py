"""The function at AWS Lambda answers pictures in a bucket: from a queue's batch and directly."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lambda_function
from rubberduck.core.errors import NotAPicture
from rubberduck.core.settings import InvalidSettings
from rubberduck.imaging.decode import keep_buffers
from rubberduck.imaging.sandbox import KEPT_BYTES
from tests.support.arrivals import INPUT, OUTPUT, body, from_eventbridge, record
from tests.support.aws import BUCKET
from tests.support.function_image import in_sqs, outcome_in_image
from tests.support.pictures import encoded


@pytest.fixture
def _function(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The function's settings: no database, no bucket of a site, the embedded detector."""
    monkeypatch.setenv("DUCK_EVENTS_INPUT", INPUT)
    monkeypatch.setenv("DUCK_EVENTS_OUTPUT", OUTPUT)
    lambda_function.delivery.cache_clear()
    yield
    lambda_function.delivery.cache_clear()
    keep_buffers(KEPT_BYTES)


@pytest.mark.usefixtures("_function")
def test_of_a_batch_only_what_failed_comes_again(s3: Any, duck: Path) -> None:
    good = s3.put_object(Bucket=BUCKET, Key="in/duck.jpg", Body=duck.read_bytes())["ETag"]
    bad = s3.put_object(Bucket=BUCKET, Key="in/bad.jpg", Body=b"no picture")["ETag"]
    batch = [
        in_sqs("1", body(record("in/duck.jpg", good))),
        in_sqs("2", body(record("in/bad.jpg", bad))),
        in_sqs("3", body(record("in/duck.jpg", good))),  # the same again
        in_sqs("4", '{"Event": "s3:TestEvent"}'),
    ]
    outcome = lambda_function.lambda_handler({"Records": batch}, None)
    assert outcome == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    answer = json.loads(s3.get_object(Bucket=BUCKET, Key="out/duck.jpg.json")["Body"].read())
    assert (answer["found"], answer["said"]) == (True, "Rubber duck detected! :))")
    assert s3.head_object(Bucket=BUCKET, Key=answer["marked"])["ContentType"] == "image/jpeg"


@pytest.mark.usefixtures("_function")
def test_a_copy_of_eventbridge_is_answered_though_its_key_has_a_plus(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="in/a+b.jpg", Body=encoded())["ETag"]
    event = from_eventbridge("in/a+b.jpg", etag)
    assert lambda_function.lambda_handler(event, None) == {"outcomes": ["answered"]}
    assert lambda_function.lambda_handler(event, None) == {"outcomes": ["duplicate"]}
    assert s3.head_object(Bucket=BUCKET, Key="out/a+b.jpg.json")


@pytest.mark.usefixtures("_function")
def test_without_a_queue_all_are_tried_before_a_failure_is_raised(s3: Any) -> None:
    bad = s3.put_object(Bucket=BUCKET, Key="in/bad.jpg", Body=b"no picture")["ETag"]
    good = s3.put_object(Bucket=BUCKET, Key="in/good.jpg", Body=encoded())["ETag"]
    event = {"Records": [record("in/bad.jpg", bad), record("in/good.jpg", good)]}
    with pytest.raises(NotAPicture):
        lambda_function.lambda_handler(event, None)
    assert s3.head_object(Bucket=BUCKET, Key="out/good.jpg.json")


@pytest.mark.usefixtures("_function")
def test_calls_that_cost_need_a_database_for_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_ENGINE", "rekognition")
    with pytest.raises(InvalidSettings, match="DUCK_DATABASE_URL must be PostgreSQL"):
        lambda_function.lambda_handler({"Records": [record("in/a", "b")]}, None)


def test_importing_the_function_loads_nothing_of_the_site() -> None:
    """A cold start imports what it needs at the first event, whose time-out is longer."""
    code = "import lambda_function, sys; print([m for m in sys.modules if m.startswith('rubber')])"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert loaded.strip() == "[]"


@pytest.mark.skipif(os.geteuid() != 0, reason="making a disk read-only takes root")
def test_the_function_runs_from_its_image_with_a_read_only_disk_and_no_shared_memory(
    s3: Any, duck: Path, tmp_path: Path
) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="in/duck.jpg", Body=duck.read_bytes())["ETag"]
    event = {"Records": [in_sqs("1", body(record("in/duck.jpg", etag)))]}
    assert outcome_in_image(Path(sys.executable), tmp_path, event) == {"batchItemFailures": []}
    answer = json.loads(s3.get_object(Bucket=BUCKET, Key="out/duck.jpg.json")["Body"].read())
    assert answer["found"] is True
