"""`flask look` with videos, as typed: with the embedded detector, and with a fake one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from flask import Flask
from tqdm import tqdm

from app import create_app
from rubberduck.cli import render_video
from rubberduck.core.settings import ROOT, Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.command_line import run_command
from tests.support.databases import create_database
from tests.support.duck_videos import write_duck_video
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import encoded
from tests.support.server import until


def comes_and_goes(seconds: float) -> bool:
    return 1 <= seconds < 2.6 or seconds >= 5


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds: a duck from 1 s to 2.6 s, and from 5 s on."""
    return write_duck_video(tmp_path_factory.mktemp("films") / "pond.mp4", 7.0, comes_and_goes)


@pytest.fixture
def real_app(settings: Settings, composed: Callable[[Settings], Pipeline]) -> Flask:
    """The site with the embedded detector."""
    return create_app(settings, pipeline=composed(settings))


@pytest.mark.usefixtures("no_temporary_files")
def test_look_at_a_video(real_app: Flask, film: Path, settings: Settings) -> None:
    done = run_command(real_app, "look", str(film))
    said = f"{film}: yes, "
    assert done.exit_code == 0
    assert done.stdout.startswith(said)
    assert done.stdout.endswith("%, 2 different objects: 0:01–0:02, 0:05–0:07\n")
    assert not settings.uploads.exists()  # nothing is kept
    line = json.loads(run_command(real_app, "look", "--json", str(film)).stdout)
    assert (line["duck"], line["distinct"], line["error"], line["seconds"]) == (True, 2, None, 7.0)
    times = [(track["first_seconds"], track["end_seconds"]) for track in line["tracks"]]
    assert times[0] == (pytest.approx(1.0, abs=0.21), pytest.approx(2.6, abs=0.21))
    assert times[1] == (pytest.approx(5.0, abs=0.21), 7.0)
    assert line["tracks"][0]["best"]["box"]["label"] == "Rubber duck"
    assert line["samples"] >= 36


def test_look_at_several_files_of_both_kinds(app: Flask, film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(encoded())
    (folder / "b.mp4").write_bytes(film.read_bytes()[:3000])
    (folder / "c.mp4").write_bytes(encoded())  # a picture, whatever its name says
    (folder / "d.mov").write_bytes(b"quack" * 100)
    (folder / "e.mkv").write_bytes(film.read_bytes())  # an MP4, whatever its name says
    (folder / "notes.txt").write_text("not asked about")
    done = run_command(app, "look", "--json", str(folder))
    lines = {Path(line["file"]).name: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.exit_code == 1
    assert {name: line["duck"] for name, line in lines.items()} == {
        "a.jpg": True,
        "b.mp4": None,
        "c.mp4": True,
        "d.mov": None,
        "e.mkv": True,
    }
    assert "tracks" in lines["e.mkv"]
    assert "tracks" not in lines["c.mp4"]
    assert lines["b.mp4"]["error"].startswith("This video cannot be analysed.")
    assert "whatever its name says" in lines["d.mov"]["error"]


def test_look_at_a_video_from_standard_input(app: Flask, film: Path) -> None:
    line = json.loads(run_command(app, "look", "--json", "-", input=film.read_bytes()).stdout)
    assert (line["file"], line["duck"], line["seconds"]) == ("-", True, 7.0)


def test_look_says_no(app: Flask, film: Path, detector: FakeDetector) -> None:
    detector.answer = []
    done = run_command(app, "look", str(film))
    assert (done.exit_code, done.stdout) == (0, f"{film}: no\n")


def test_look_refuses_what_is_too_long(app: Flask, film: Path, settings: Settings) -> None:
    app.extensions["settings"] = settings.model_copy(update={"video_bytes": 10_000})
    done = run_command(app, "look", str(film))
    assert done.exit_code == 1
    assert "This video is too large." in done.stderr


@pytest.mark.parametrize(
    ("name", "codec", "format"), [("out.mp4", "h264", "mp4"), ("out.webm", "vp9", "webm")]
)
@pytest.mark.usefixtures("no_temporary_files")
def test_look_writes_the_video_with_boxes(
    real_app: Flask, film: Path, tmp_path: Path, name: str, codec: str, format: str
) -> None:
    (folder := tmp_path / "made").mkdir()
    target = folder / name
    done = run_command(real_app, "look", "--json", "--render", str(target), str(film))
    line = json.loads(done.stdout)
    assert (done.exit_code, line["rendered"]) == (0, str(target))
    assert list(folder.iterdir()) == [target]
    with av.open(str(target)) as container, av.open(str(film)) as original:
        (stream,) = container.streams.video
        assert (stream.codec_context.name, format in container.format.name) == (codec, True)
        drawn = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        plain = [frame.to_ndarray(format="rgb24") for frame in original.decode(video=0)]
    assert len(drawn) == len(plain) == 70
    apart = (np.abs(one.astype(int) - two) for one, two in zip(drawn, plain, strict=True))
    changed = [bool((each > 90).sum() > 100) for each in apart]
    assert changed == [comes_and_goes(number / 10) for number in range(70)]
    again = run_command(real_app, "look", "--render", str(target), str(film))
    assert "exists already" in again.stderr
    assert again.exit_code == 2


class Interrupted(tqdm):  # type: ignore[type-arg]
    def update(self, n: float | None = 1) -> bool | None:
        raise KeyboardInterrupt


def test_ctrl_c_while_boxes_are_drawn_leaves_nothing(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = Interrupted([], disable=True)
    monkeypatch.setattr(render_video, "progress_bar", lambda *_, **options: bar)
    (folder := tmp_path / "made").mkdir()
    with pytest.raises(KeyboardInterrupt):
        render_video.write_with_boxes(film, folder / "out.mp4", ())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "files"),
    [
        ("out.avi", ["pond.mp4"]),
        ("out.mp4", ["pond.mp4", "pond.mp4"]),
        ("out.mp4", ["a.jpg"]),
        ("missing/out.mp4", ["pond.mp4"]),
    ],
)
def test_look_cannot_write_everything_everywhere(
    app: Flask, film: Path, tmp_path: Path, target: str, files: list[str]
) -> None:
    (tmp_path / "pond.mp4").write_bytes(film.read_bytes())
    (tmp_path / "a.jpg").write_bytes(encoded())
    paths = [str(tmp_path / file) for file in files]
    done = run_command(app, "look", "--render", str(tmp_path / target), *paths)
    assert done.exit_code == 2
    assert not (tmp_path / target).exists()


class ExpensiveDetector(FakeDetector):
    name = "an expensive detector"
    cost_per_call_usd = 0.001


def test_look_says_what_a_video_costs_at_most(
    settings: Settings, pipeline: Pipeline, detector: FakeDetector, film: Path
) -> None:
    expensive = ExpensiveDetector(*detector.answer)
    app = create_app(settings, pipeline=replace(pipeline, detector=expensive))
    done = run_command(app, "look", str(film))
    assert done.exit_code == 2
    # Five frames a second, and three more at most.
    assert "will be called at most 56 times, for at most $0.056. Add --yes" in done.output
    assert expensive.calls == 0
    assert run_command(app, "look", "--yes", str(film)).exit_code == 0
    assert 0 < expensive.calls <= 56


def test_look_asks_another_question(real_app: Flask, film: Path) -> None:
    done = run_command(real_app, "look", "--question", "real-duck", str(film))
    assert (done.exit_code, done.stdout) == (0, f"{film}: no\n")
    refused = run_command(real_app, "look", "--question", "dog", str(film))
    assert "real-duck" in refused.stderr
    assert refused.exit_code == 1
    both = run_command(real_app, "look", "--question", "real-duck", "--model", "mugs", str(film))
    assert both.exit_code == 2


def test_ctrl_c_leaves_nothing(film: Path, tmp_path: Path) -> None:
    long = write_duck_video(tmp_path / "long.mp4", 60.0)
    (temporary := tmp_path / "temporary").mkdir()
    settings = {
        "DUCK_DATABASE_URL": f"sqlite:///{tmp_path / 'duck.db'}",
        "DUCK_UPLOADS": str(tmp_path / "uploads"),
        "DUCK_SECRET_KEY": "a key of the tests",
        "TMPDIR": str(temporary),
    }
    create_database(settings["DUCK_DATABASE_URL"])
    look = subprocess.Popen(
        # A shell starts what it runs in the background with SIGINT ignored, and it is inherited:
        # Python then raises no KeyboardInterrupt.
        [
            "env",
            "--default-signal=INT",
            sys.executable,
            "-m",
            "flask",
            "look",
            str(film),
            str(long),
        ],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert look.stdout
    assert look.stdout.readline().startswith(f"{film}: yes")  # the long one is being read now
    os.killpg(look.pid, signal.SIGINT)  # as a terminal does
    rest, _ = look.communicate()
    assert rest == ""
    assert look.returncode == 1
    assert list(temporary.iterdir()) == []
    until(lambda: not is_group(look.pid))  # no decoder is left


def is_group(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True
