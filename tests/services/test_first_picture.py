"""The first picture of a process waits for its decoder and for what it loads at the same time."""

from dataclasses import replace
from pathlib import Path

import pytest

from rubberduck.core.errors import DetectorFailed, NotAPicture
from rubberduck.imaging import decode
from rubberduck.imaging.sandbox import Sandbox
from rubberduck.services.pipeline import Pipeline
from tests.support.command_line import run_program
from tests.support.fake_detector import FakeDetector

PROGRAM = """
import json, sys
from app import start
from rubberduck.imaging.sandbox import Child
steps = []
WATCHED = ("sqlalchemy", "onnxruntime")

def watch(event, arguments):
    if event == "subprocess.Popen" and "rubberduck.imaging.decode_child" in arguments[1]:
        steps.append("the decoder is started")
    if event == "import" and arguments[0] in WATCHED:
        steps.append(arguments[0])

wait = Child.wait_until_ready

def wait_until_ready(child):
    steps.append("the decoder is waited for")
    wait(child)

Child.wait_until_ready = wait_until_ready
client = start().test_client()
assert client.get("/").status_code == 200
sys.addaudithook(watch)
with open("static/samples/easy.jpg", "rb") as picture:
    sent = {"data": picture.read(), "content_type": "image/jpeg"}
assert client.post("/api/v1/pictures", **sent).status_code == 201
print(json.dumps(list(dict.fromkeys(steps))))
"""


def test_the_decoder_starts_while_the_rest_is_loaded(tmp_path: Path) -> None:
    started, *loaded, waited = run_program(PROGRAM, tmp_path)
    assert (started, waited) == ("the decoder is started", "the decoder is waited for")
    assert set(loaded) == {"sqlalchemy", "onnxruntime"}


class BrokenDetector(FakeDetector):
    @property
    def version(self) -> str:  # type: ignore[override]
        raise DetectorFailed("It cannot be loaded.")


def test_what_is_no_picture_is_told_before_a_detector_that_cannot_be_loaded(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Sandbox("rubberduck.imaging.decode_child", children=1, max_requests=10)
    monkeypatch.setattr(decode, "_sandbox", fresh)
    with pytest.raises(NotAPicture):
        replace(pipeline, detector=BrokenDetector()).process_upload(b"quack")
    fresh.close()
