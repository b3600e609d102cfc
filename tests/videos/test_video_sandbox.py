"""The child that decodes videos: what it holds, what it cannot do, and what happens if it fails."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from rubberduck.core.errors import StorageFailed
from rubberduck.core.settings import ROOT
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


@linux_only
def test_the_child_of_a_killed_analysis_ends_at_once(clip: Path) -> None:
    """A stopped child shows it: it could not notice a closed connection."""
    code = (
        "import sys; from pathlib import Path; from rubberduck.videos.reading import opened\n"
        "with opened(Path(sys.argv[1]), None) as (child, _):\n"
        "    print(child.process.pid, flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen([sys.executable, "-c", code, str(clip)], **pipes) as analysis:  # type: ignore[call-overload]
        child = psutil.Process(int(analysis.stdout.readline()))
        child.send_signal(signal.SIGSTOP)
        analysis.kill()
    gone, _ = psutil.wait_procs([child], timeout=60)
    assert gone == [child]


def test_a_limit_of_memory_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg 8.1 tells of few allocations that fail: its H.264 decoder leaves out a frame for which
    it has no memory, and some smaller ones crash it, which ends the child only."""
    large = make_clip(tmp_path / "clip", Recipe(size=(1600, 1200)), frames=10).path
    monkeypatch.setattr(reading, "BASE_MEMORY", 4_000_000)
    monkeypatch.setattr(reading, "BYTES_PER_PIXEL", 0)
    with pytest.raises(VideoRefused, match=r"memory|Not one frame|The decoder crashed"):
        probe(large, LIMITS)


def test_a_limit_of_time_is_a_sentence(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send = sandbox.Child.send

    def send_to_stopped(child: sandbox.Child, *arguments: Any) -> None:
        child.wait_until_ready()
        child.process.send_signal(signal.SIGSTOP)  # it might be quicker than any limit
        send(child, *arguments)

    monkeypatch.setattr(sandbox.Child, "send", send_to_stopped)
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 0.01)
    with pytest.raises(VideoRefused, match="time"):
        probe(clip, LIMITS)


def test_what_a_child_says_of_a_frame_is_not_trusted(clip: Path) -> None:
    with opened(clip, LIMITS) as (child, info):
        size = {"width": 192, "height": 128}
        for reply in ({}, {**size, "pts": "1"}, {"width": 10**6, "height": 10**6}):
            with pytest.raises(ChildFailed):
                reading._checked_frame(
                    child, {"pts": 0, "end": 1, "is_cut": False, **reply}, 0, info
                )
