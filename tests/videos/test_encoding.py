"""Copies that browsers play and videos with boxes: the same frames at the same times, in step."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from rubberduck.core.models import Box
from rubberduck.videos.encoding import VP9, make_copy, render
from rubberduck.videos.models import VideoLimits
from rubberduck.videos.reading import frames, probe
from tests.support.clips import (
    KINDS,
    RATE,
    SOUND_RATE,
    Clip,
    Recipe,
    make_clip,
    number_of,
    with_edits,
)

LIMITS = VideoLimits(bytes=50_000_000, minutes=1, pixels=2_000_000)
EVERY_FRAME = 1000.0  # a second
# How each kind gets to browsers, and what its copy is then.
COPIES = [
    ("H.264 with B-frames in MP4", "h264", "video/mp4"),
    ("H.264 in MKV", "h264", "video/mp4"),
    ("H.264 in MPEG-TS", "h264", "video/mp4"),
    ("VP9 in WebM", "vp9", "video/webm"),
    ("AV1 in MP4", "av1", "video/mp4"),
    ("long pauses", "h264", "video/mp4"),
    ("display matrix (0, 1, -1, 0)", "h264", "video/mp4"),
    ("HEVC in MP4", "h264", "video/mp4"),
    ("MPEG-4 with B-frames in AVI", "h264", "video/mp4"),
    ("edit list that begins later", "h264", "video/mp4"),
    ("edit list of two ranges", "h264", "video/mp4"),
    ("mirrored display matrix (0, 1, 1, 0)", "h264", "video/mp4"),
    ("interlaced H.264", "h264", "video/mp4"),
    ("wide pixels", "h264", "video/mp4"),
    ("HDR", "h264", "video/mp4"),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def check_frames(path: Path, clip: Clip) -> None:
    """Each frame of the file shows its number at its time."""
    read = list(frames(path, EVERY_FRAME))
    assert [number_of(frame.image) for frame in read] == list(clip.numbers)
    assert [frame.seconds for frame in read] == pytest.approx(
        [float(seconds) for seconds in clip.seconds], abs=0.001
    )


@pytest.mark.parametrize(("kind", "codec", "content_type"), COPIES)
def test_a_copy_has_the_same_frames_at_the_same_times(
    source: Path, target: Path, kind: str, codec: str, content_type: str
) -> None:
    clip = make_clip(source, KINDS[kind])
    written = make_copy(source, target, limits=LIMITS)
    assert (written.content_type, written.bytes) == (content_type, target.stat().st_size)
    info = probe(target, LIMITS)
    assert (info.codec, info.start_pts) == (codec, 0)
    assert (info.width, info.height) == clip.size
    check_frames(target, clip)


def test_what_browsers_play_is_copied_without_a_loss(source: Path, target: Path) -> None:
    make_clip(source, Recipe(sound="aac"))
    make_copy(source, target)
    originals, copies = (
        [frame.image.tobytes() for frame in frames(path, EVERY_FRAME)] for path in (source, target)
    )
    assert copies == originals


def test_a_copy_is_720p_at_most_and_even_where_it_is_encoded(source: Path, target: Path) -> None:
    make_clip(source, replace(KINDS["Motion JPEG in AVI"], size=(1922, 1082)), frames=2)
    make_copy(source, target)
    assert next(frames(target, 5.0)).image.size == (1278, 720)


def test_a_copy_holds_no_metadata(source: Path, target: Path) -> None:
    """Neither the place, nor words of the file, nor a second stream with positions."""
    secret = "+48.8577+002.295/"
    recipe = Recipe(sound="aac", options={"x264-params": "keyint=12"})
    clip = make_clip(source.with_suffix(".plain"), recipe)
    with av.open(str(clip.path)) as plain, av.open(str(source), "w", format="mov") as container:
        container.metadata.update(location=secret, title=secret, comment=secret)
        container.set_chapters(
            [
                {
                    "id": 1,
                    "start": 0,
                    "end": 1,
                    "time_base": Fraction(1),
                    "metadata": {"title": secret},
                }
            ]
        )
        streams = {s.index: container.add_stream_from_template(s) for s in plain.streams}
        for packet in plain.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                container.mux(packet)
    assert secret.encode() in source.read_bytes()
    assert b"x264" in source.read_bytes()  # a message inside the stream, as cameras write places
    make_copy(source, target)
    data = target.read_bytes()
    assert secret.encode() not in data
    assert b"x264" not in data
    check_frames(target, clip)


def test_the_index_comes_first(source: Path, target: Path) -> None:
    make_clip(source, Recipe())
    make_copy(source, target)
    data = target.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def clicks(path: Path) -> list[float]:
    """Return when the clicks of the sound begin, in seconds."""
    found: list[NDArray[Any]] = []
    start = 0.0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", SOUND_RATE)
        for frame in container.decode(audio=0):
            start = frame.time if not found and frame.time is not None else start
            found += [each.to_ndarray().ravel() for each in resampler.resample(frame)]
    loud = np.flatnonzero(np.abs(np.concatenate(found)) > 0.2)
    onsets = [loud[0], *(at for before, at in pairwise(loud) if at - before > SOUND_RATE // 2)]
    return [start + at / SOUND_RATE for at in onsets]


SOUNDS = [
    pytest.param(Recipe(sound="aac"), "aac", id="AAC is copied"),
    pytest.param(replace(KINDS["VP9 in WebM"], sound="libopus"), "opus", id="Opus is copied"),
    pytest.param(replace(KINDS["H.264 in MPEG-TS"], sound="mp2"), "aac", id="MP2 is encoded"),
    pytest.param(replace(KINDS["H.264 in AVI"], sound="pcm_s16le"), "aac", id="PCM is encoded"),
    pytest.param(replace(KINDS["H.264 in MKV"], sound="ac3"), "aac", id="AC-3 is encoded"),
]


@pytest.mark.parametrize(("recipe", "codec"), SOUNDS)
@pytest.mark.parametrize("is_drawn", [False, True])
def test_sound_stays_in_step_with_the_pictures(
    source: Path, target: Path, recipe: Recipe, codec: str, is_drawn: bool
) -> None:
    make_clip(source, recipe, frames=90)
    if is_drawn:
        render(source, target, boxes_after_a_second)
    else:
        make_copy(source, target)
    assert probe(target, LIMITS).sound_codec == ("aac" if is_drawn else codec)
    assert clicks(target) == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=1 / RATE / 2)


def test_sound_of_a_video_that_begins_later_begins_with_it(source: Path, target: Path) -> None:
    """The pictures begin a second after the sound: what is before them is left out."""
    make_clip(source, Recipe(sound="aac", start=12_800), frames=60)
    make_copy(source, target)
    assert clicks(target) == pytest.approx([0.0, 1.0], abs=1 / RATE / 2)


def test_sound_has_an_edit_list_of_its_own(source: Path, target: Path) -> None:
    """The pictures skip 20 frames; the sound plays on."""
    make_clip(source, Recipe(sound="aac", finish=with_edits((10, 40), (60, 90))), frames=100)
    make_copy(source, target)
    assert clicks(target) == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=1 / RATE / 2)


BOX = Box(0.1, 0.15, 0.5, 0.6, "Duck", 97.0)


def boxes_after_a_second(seconds: float) -> Sequence[Box]:
    return [BOX] if seconds >= 1 else []


@pytest.mark.parametrize(
    ("kind", "encoder", "content_type"),
    [
        ("H.264 with B-frames in MP4", "h264", "video/mp4"),
        ("variable rate in WebM", VP9, "video/webm"),
        ("mirrored display matrix (0, 1, 1, 0)", "h264", "video/mp4"),
    ],
)
def test_boxes_are_drawn_on_their_frames(
    source: Path, target: Path, kind: str, encoder: str, content_type: str
) -> None:
    clip = make_clip(source, replace(KINDS[kind], size=(384, 256)))
    written = render(source, target, boxes_after_a_second, encoder=encoder)
    assert written.content_type == content_type
    read = list(frames(target, EVERY_FRAME))
    assert [frame.seconds for frame in read] == pytest.approx(
        [float(seconds) for seconds in clip.seconds], abs=0.001
    )
    assert [is_marked(frame.image) for frame in read] == [s >= 1 for s in clip.seconds]
    plain = [number_of(frame.image) for frame in read if frame.seconds < 1]
    assert plain == [n for n, s in zip(clip.numbers, clip.seconds, strict=True) if s < 1]


def is_marked(image: Image.Image) -> bool:
    """Return whether there is the yellow of the boxes at the left side of BOX."""
    x, y = round(BOX.left * image.width), round((BOX.top + BOX.height / 2) * image.height)
    around = np.asarray(image.crop((x - 2, y - 2, x + 3, y + 3)), int)
    return bool((around[:, :, 0] - around[:, :, 2]).max() > 80)


def test_progress_rises_to_the_end_and_may_cancel(source: Path, target: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(_: float) -> None:
        raise Cancelled

    make_clip(source, Recipe(codec="hevc"))
    before = set(psutil.Process().children())  # of other tests in this process
    shares: list[float] = []
    make_copy(source, target, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0, abs=0.05)
    with pytest.raises(Cancelled):
        render(source, target, lambda _: [], progress=cancel)
    assert set(psutil.Process().children()) <= before
