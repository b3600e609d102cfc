"""Every frame at its true time, from any kind of file that people send: it shows its number."""

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import psutil
import pytest

from rubberduck.core.settings import ROOT
from rubberduck.videos.models import VideoLimits
from rubberduck.videos.reading import Frame, frames, probe, stills
from tests.support.clips import KINDS, MILLISECONDS, Recipe, make_clip, number_of

LIMITS = VideoLimits(bytes=50_000_000, minutes=1, pixels=2_000_000)
EVERY_FRAME = 1000.0  # a second


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clip"


def seen(read: Iterable[Frame]) -> list[tuple[int, bool, bytes]]:
    """Return what has to be the same when the frames are read again."""
    return [(frame.pts, frame.is_cut, frame.image.tobytes()) for frame in read]


@pytest.mark.parametrize("kind", KINDS)
def test_each_frame_is_read_at_its_true_time(path: Path, kind: str) -> None:
    clip = make_clip(path, KINDS[kind])
    read = list(frames(path, EVERY_FRAME, limits=LIMITS))
    assert [number_of(frame.image) for frame in read] == list(clip.numbers)
    assert [round(frame.seconds, 3) for frame in read] == [round(float(s), 3) for s in clip.seconds]
    assert {frame.image.size for frame in read} == {clip.size}
    middle = read[len(read) // 2].pts
    assert seen(frames(path, EVERY_FRAME, middle)) == seen(f for f in read if f.pts >= middle)


def test_samples_come_at_the_rate_and_at_both_ends(path: Path) -> None:
    clip = make_clip(path, Recipe(), frames=63)
    read = list(frames(path, 2.0))
    regular = [Fraction(n, 2) for n in range(5)]
    first_at = [next(s for s in clip.seconds if s >= moment) for moment in regular]
    times = [round(frame.seconds, 3) for frame in read]
    assert {round(float(s), 3) for s in first_at} < set(times)
    assert (times[0], times[-1]) == (0.0, round(float(clip.seconds[-1]), 3))
    assert all(number_of(f.image) == clip.shown_at(f.seconds) for f in read)


@pytest.mark.parametrize("format", ["mp4", "mpegts", "avi"])
def test_a_reading_that_resumes_anywhere_goes_on_as_the_unbroken_one(
    path: Path, format: str
) -> None:
    kind = next(r for r in KINDS.values() if (r.codec, r.format) == ("h264", format))
    make_clip(path, kind, frames=200)
    unbroken = list(frames(path, 5.0))
    for start in (unbroken[0], unbroken[9], unbroken[-2]):
        resumed = frames(path, 5.0, start.pts + 1)
        assert seen(resumed) == seen(f for f in unbroken if f.pts > start.pts)


def test_stills_are_the_frames_shown_at_that_time(path: Path) -> None:
    make_clip(path, Recipe())
    times = [512 * 30 + 511, 0, 512 * 49 + 10_000, 512 * 7]
    assert [number_of(still.image) for still in stills(path, times)] == [30, 0, 49, 7]


def test_large_frames_are_shrunk(path: Path) -> None:
    make_clip(path, Recipe(size=(640, 480)), frames=2)
    assert [f.image.size for f in frames(path, 5.0, max_side=320)] == [(320, 240)] * 2


def test_the_inside_of_a_file_is_told(path: Path) -> None:
    make_clip(path, Recipe(sound="aac"))
    info = probe(path, LIMITS)
    assert (info.codec, info.sound_codec, info.rate) == ("h264", "aac", 25.0)
    assert (info.width, info.height, info.time_base) == (192, 128, Fraction(1, 12800))
    assert info.seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    "kind",
    ["no length in the header", "wrong number of frames in the header", "later start in WebM"],
)
def test_the_length_is_told_whatever_the_header_says(path: Path, kind: str) -> None:
    make_clip(path, KINDS[kind])
    assert probe(path, LIMITS).seconds == pytest.approx(2.0, abs=0.05)


def test_slow_videos_are_read_frame_by_frame(path: Path) -> None:
    """A frame every thousand seconds is allowed, within the limit of minutes."""
    make_clip(path, replace(MILLISECONDS, step=1_000_000), frames=3)
    read = list(frames(path, 5.0, limits=VideoLimits(10**7, 60, 10**6)))
    assert [(number_of(f.image), f.seconds) for f in read] == [(0, 0.0), (1, 1e3), (2, 2e3)]


def test_memory_does_not_grow_with_the_length(path: Path) -> None:
    make_clip(path, Recipe(size=(640, 360), options={"bf": "0"}), frames=600)
    before = set(psutil.Process().children())  # of other tests in this process
    held = []
    for frame in frames(path, 25.0):
        if 4 < frame.seconds < 5 or frame.seconds > 22:
            (child,) = set(psutil.Process().children()) - before
            held.append(child.memory_info().rss)
    assert held[-1] - held[0] < 20_000_000  # 450 frames between them are 155 MB


def test_the_site_itself_never_loads_the_decoders() -> None:
    code = (
        "import sys; import rubberduck.videos.reading; "
        "sys.exit(any(name in sys.modules for name in ('av', 'rubberduck.videos.decode_source')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
