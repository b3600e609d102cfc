"""Videos at length: 200 frames of every kind, read, copied and drawn on, from any moment on."""

from pathlib import Path

import pytest

from rubberduck.videos.encoding import make_copy, render
from rubberduck.videos.reading import Frame, frames, stills
from tests.support.clips import KINDS, Clip, make_clip, number_of

pytestmark = pytest.mark.soak
FRAMES = 200
EVERY_FRAME = 1000.0  # a second


@pytest.fixture(params=KINDS)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Clip:
    return make_clip(tmp_path / "clip", KINDS[request.param], FRAMES)


def wrong_frames(path: Path, clip: Clip) -> list[object]:
    """Return the frames that do not show their number at their time."""
    read = list(frames(path, EVERY_FRAME))
    expected = zip(clip.numbers, clip.seconds, strict=True)
    return [
        (number_of(frame.image), frame.seconds, number)
        for frame, (number, seconds) in zip(read, expected, strict=True)
        if number_of(frame.image) != number or abs(frame.seconds - float(seconds)) > 0.001
    ]


def test_no_frame_is_off(clip: Clip) -> None:
    assert wrong_frames(clip.path, clip) == []


def test_no_frame_of_a_copy_is_off(clip: Clip, tmp_path: Path) -> None:
    make_copy(clip.path, tmp_path / "copy")
    assert wrong_frames(tmp_path / "copy", clip) == []


def test_no_frame_of_a_rendered_video_is_off(clip: Clip, tmp_path: Path) -> None:
    render(clip.path, tmp_path / "rendered", lambda _: [])
    assert wrong_frames(tmp_path / "rendered", clip) == []


def test_readings_from_any_sample_on_are_the_same(clip: Clip) -> None:
    def seen(read: list[Frame]) -> list[tuple[int, bool, bytes]]:
        return [(frame.pts, frame.is_cut, frame.image.tobytes()) for frame in read]

    unbroken = list(frames(clip.path, 5.0))
    for index in range(0, len(unbroken), 5):
        start = unbroken[index].pts
        assert seen(list(frames(clip.path, 5.0, start))) == seen(unbroken[index:])


def test_stills_of_any_moment_are_the_frames_shown_then(clip: Clip) -> None:
    read = list(frames(clip.path, EVERY_FRAME))
    wanted = [frame.pts for frame in read[::7]] + [frame.end_pts - 1 for frame in read[::11]]
    found = [number_of(still.image) for still in stills(clip.path, wanted)]
    assert found == [number_of(f.image) for f in [*read[::7], *read[::11]]]
