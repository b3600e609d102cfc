"""The emulator in gunicorn's processes, as `make run EMULATOR=1` starts them."""

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from rubberduck.core.settings import ROOT
from tests.support.emulator import PATH, rekognition
from tests.support.pictures import tiny
from tests.support.server import environment_for, serving


def test_workers_share_what_was_ordered_and_hang_up(tmp_path: Path, duck: Path) -> None:
    with serving(tmp_path, DUCK_EMULATOR="1", DUCK_EMULATOR_FAULTS="hang-up,throttle*4") as site:
        client = rekognition(f"{site.url}{PATH}")
        with pytest.raises(ConnectionClosedError):
            client.detect_labels(Image={"Bytes": tiny(1)})
        for _ in range(4):
            with pytest.raises(ClientError, match="ThrottlingException"):
                client.detect_labels(Image={"Bytes": tiny(1)})
        answer = client.detect_labels(Image={"Bytes": duck.read_bytes()})
        assert "Duck" in {label["Name"] for label in answer["Labels"]}
        assert "Traceback" not in site.log
        assert "target='RekognitionService.DetectLabels' status=200" in site.log


def test_the_server_does_not_start_if_it_would_ask_itself(tmp_path: Path) -> None:
    environment = environment_for(
        tmp_path,
        8000,
        DUCK_EMULATOR="1",
        AWS_ENDPOINT_URL_REKOGNITION=f"http://127.0.0.1:8000{PATH}",
    )
    command = [sys.executable, "-c", "import wsgi"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "The site does not start. AWS_ENDPOINT_URL_REKOGNITION leads to an emulator" in (
        done.stderr
    )
