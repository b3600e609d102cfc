"""`flask look s3://…` over 100,000 pictures, while worker and command are killed; `make soak`.

FAN_OUT_KEYS sets another number.
"""

import os
import sys
import time
from pathlib import Path

import pytest

from tests.support import fake_s3
from tests.support.aws import BUCKET
from tests.support.databases import create_database
from tests.support.fan_out import fan_out
from tests.support.rekognition_endpoint import RekognitionEndpoint

KEYS = int(os.environ.get("FAN_OUT_KEYS", "100000"))
KILL_SECONDS = 10.0
tell = sys.stdout.write  # figures, which `make soak` shows


@pytest.mark.soak
def test_each_key_is_answered_once_though_all_is_killed_every_ten_seconds(
    eyes: RekognitionEndpoint, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_database(database_url, with_jobs=True)
    began = time.monotonic()
    with fake_s3.running(BUCKET) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        with fan_out(tmp_path, database_url, s3, eyes, KEYS) as run:
            while run.goes_on_for(KILL_SECONDS):
                run.kill()
                run.start()
            status, seconds = run.finish(), time.monotonic() - began
            store = database_url.partition(":")[0]
            tell(
                f"\n{store}: {KEYS:,} keys, {run.kills} kills, {seconds:.0f} s: "
                f"{run.answered():,} answers, {len(run.manifest()):,} lines of the manifest, "
                f"{eyes.arrived:,} paid calls, {KEYS / seconds:.0f} keys a second\n"
            )
            assert status == 0, run.log
            assert sorted(run.manifest()) == sorted(run.keys_with_answers()) == s3.keys
            assert eyes.arrived <= run.most_calls
