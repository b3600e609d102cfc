"""The child that decodes videos: what it holds, what it cannot do, and what happens if it fails."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from rubberduck.core.errors import StorageFailed
from rubberduck.imaging import sandbox
from rubberduck.imaging.sandbox import ChildFailed
from rubberduck.videos import encoding, reading
from rubberduck.videos.encoding import make_copy
from rubberduck.videos.errors import VideoRefused
from rubberduck.videos.models import VideoLimits
from rubberduck.videos.reading import frames, opened, probe
from tests.support.clips import Recipe, make_clip

LIMITS = VideoLimits(bytes=50_000_000, minutes=1, pixels=2_000_000)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip", Recipe(sound="mp2")).path


@linux_only
def test_the_child_holds_the_video_and_nothing_else(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCK_SECRET_KEY", "canary")
    (tmp_path / "secret").write_text("canary")
    with (tmp_path / "secret").open() as secret, opened(clip, LIMITS) as (child, _):
        os.set_inheritable(secret.fileno(), True)
        process = psutil.Process(child.process.pid)
        names = {os.path.basename(file.path) for file in process.open_files()}
        assert names == {"clip"}
        assert set(process.environ()) <= {*sandbox.ENVIRONMENT, "LD_LIBRARY_PATH", "LC_CTYPE"}
        assert child.protections["no further descriptors"]
        assert child.protections["seccomp"]


@linux_only
def test_the_file_of_a_copy_cannot_fill_the_disk(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "MAX_FILE", 1000)
    with pytest.raises(StorageFailed, match="space"):
        make_copy(clip, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size <= 1000


def test_a_child_that_ends_is_a_sentence(clip: Path) -> None:
    before = set(psutil.Process().children())  # of other tests in this process
    reading = frames(clip, 25.0)
    next(reading)
    (child,) = set(psutil.Process().children()) - before
    child.send_signal(signal.SIGSEGV)
    with pytest.raises(VideoRefused) as refused:
        list(reading)
    assert "crashed" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "why"), [("REQUEST_SECONDS", 0.001, "time"), ("BASE_MEMORY", 1000, "memory")]
)
def test_limits_of_time_and_memory_are_sentences(
    clip: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: float, why: str
) -> None:
    monkeypatch.setattr(reading, name, value)
    monkeypatch.setattr(reading, "BYTES_PER_PIXEL", 0)
    with pytest.raises(VideoRefused) as refused:
        probe(clip, LIMITS)
    assert why in str(refused.value)


def test_what_a_child_says_of_a_frame_is_not_trusted(clip: Path) -> None:
    with opened(clip, LIMITS) as (child, info):
        size = {"width": 192, "height": 128}
        for reply in ({}, {**size, "pts": "1"}, {"width": 10**6, "height": 10**6}):
            with pytest.raises(ChildFailed):
                reading._checked_frame(
                    child, {"pts": 0, "end": 1, "is_cut": False, **reply}, 0, info
                )
