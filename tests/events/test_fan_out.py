"""`flask look s3://…` over two pages of pictures, while worker and command are killed."""

from pathlib import Path

import pytest

from rubberduck.core.settings import Settings
from tests.support import fake_s3
from tests.support.aws import BUCKET
from tests.support.databases import create_database
from tests.support.fan_out import fan_out
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import until

KEYS, PAGE, KILLS = 40, 20, 1


def test_each_key_is_answered_once_though_worker_and_command_are_killed(
    eyes: RekognitionEndpoint, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_database(settings.database_url)
    with fake_s3.running(BUCKET, page=PAGE) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        with fan_out(tmp_path, settings.database_url, s3, eyes, KEYS) as run:
            for kill in range(KILLS):
                share = KEYS * (kill + 1) // (KILLS + 1)
                until(lambda share=share: run.answered() >= share)  # type: ignore[misc]
                run.kill()
                run.start()
            assert run.finish() == 0, run.log
            assert sorted(run.manifest()) == sorted(run.keys_with_answers()) == s3.keys
            assert KEYS <= eyes.arrived <= run.most_calls
