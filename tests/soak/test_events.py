"""1,000 pictures arrive, their events repeated and shuffled, while workers are killed."""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from moto.s3.models import s3_backends

from tests.support.arrivals import INPUT, OUTPUT, body, new_queue, record, unreliable
from tests.support.aws import BUCKET
from tests.support.databases import create_database
from tests.support.pictures import tiny
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import until
from tests.support.workers import Worker

pytestmark = pytest.mark.soak
PICTURES, KILLS, WORKERS, AT_ONCE = 1000, 10, 2, 4
tell = sys.stdout.write  # figures, which `make soak` shows


def test_each_picture_is_answered_once_though_workers_are_killed(
    s3: Any, eyes: RekognitionEndpoint, database_url: str, tmp_path: Path
) -> None:
    create_database(database_url, with_jobs=True)
    queue = new_queue("soak")
    messages = []
    for number in range(PICTURES):
        key = f"in/{number:04}.jpg"
        etag = s3.put_object(Bucket=BUCKET, Key=key, Body=tiny(number))["ETag"]
        messages.append(body(record(key, etag)))
    for message in unreliable(messages, seed=7):
        queue.send(message)
    sent = queue.left
    settings = {
        "DUCK_EVENTS_INPUT": INPUT,
        "DUCK_EVENTS_OUTPUT": OUTPUT,
        "DUCK_EVENTS_QUEUE": queue.url,
        "DUCK_EVENTS_DEAD_QUEUE": queue.dead_url,
        "DUCK_ENGINE": "rekognition",
        "DUCK_DAILY_CALLS": "100000",
        "DUCK_MONTHLY_CALLS": "100000",
        "DUCK_WORKER_JOBS": str(AT_ONCE),
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
    }
    numbers = iter(range(1000))

    def start() -> Worker:
        return Worker(tmp_path, database_url, f"worker {next(numbers)}", **settings)

    def answered() -> list[str]:
        """Read the keys in moto itself, which takes half a second to list them over the wire."""
        keys = list(s3_backends["123456789012"]["aws"].buckets[BUCKET].keys)
        return [key for key in keys if key.startswith("out/") and key.endswith(".json")]

    def is_true(condition: Callable[[], bool]) -> bool:
        """Start workers that have ended again, as serve.py does: the database may be slow."""
        for number, worker in enumerate(workers):
            if worker.process.poll() is not None:
                workers[number] = start()
        return condition()

    began = time.monotonic()
    workers = [start() for _ in range(WORKERS)]
    try:
        for kill in range(KILLS):
            share = PICTURES * (kill + 1) // (KILLS + 2)
            until(partial(is_true, lambda share=share: len(answered()) >= share), 900)  # type: ignore[misc]
            victim = random.randrange(WORKERS)
            workers[victim].kill()
            workers[victim] = start()
        until(partial(is_true, lambda: not queue.left), 900)
    finally:
        for worker in workers:
            worker.kill()
    seconds, calls = time.monotonic() - began, eyes.arrived
    found = [json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in answered()]
    store = database_url.partition(":")[0]
    tell(
        f"\n{store}: {PICTURES} pictures, {sent} events, {KILLS} kills, {seconds:.0f} s: "
        f"{len(found)} answers, {calls} paid calls\n"
    )
    assert len({answer["source"]["key"] for answer in found}) == len(found) == PICTURES
    assert all("error" not in answer for answer in found)
    assert calls <= PICTURES + KILLS * AT_ONCE
    assert queue.dead() == []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        keys = [{"Key": item["Key"]} for item in page.get("Contents", ())]
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
