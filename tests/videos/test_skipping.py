"""Frames that no sample needs are not decoded, and nobody can tell by the samples."""

from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path

import pytest

from rubberduck.videos.decode_child import Timed, timed_frames
from rubberduck.videos.decode_source import Source
from tests.support.clips import KINDS, make_clip

RATE = Fraction(5)
WITH_B_FRAMES = ["H.264 with B-frames in MP4", "H.264 in MKV", "later start in MPEG-TS"]
WITH_PAUSES = ["variable rate in MP4", "long pauses", "edit list that begins later"]
DECODED_WHOLE = ["edit list of two ranges", "interlaced H.264", "HEVC in MP4", "H.264 in AVI"]


def read(path: Path, rate: Fraction | None, start: int | None = None) -> list[Timed]:
    with path.open("rb") as file:
        source = Source(file.fileno(), 1_000_000)
        return list(timed_frames(source, source.frames(start, rate)))


def samples(frames: list[Timed], base: Fraction) -> list[tuple[int, int]]:
    """Return the times of the first frames at or after each moment of a sample, and their ends."""
    moments = [floor((each.pts - frames[0].pts) * base * RATE) for each in frames]
    later = [each for each, (a, b) in zip(frames[1:], pairwise(moments), strict=True) if a != b]
    chosen = dict.fromkeys([(each.pts, each.end) for each in (frames[0], *later, frames[-1])])
    return list(chosen)


@pytest.mark.parametrize("kind", WITH_B_FRAMES + WITH_PAUSES)
def test_samples_are_the_same_if_other_frames_are_left_out(tmp_path: Path, kind: str) -> None:
    clip = make_clip(tmp_path / "clip", KINDS[kind], 75)
    whole, sparse = read(clip.path, None), read(clip.path, RATE)
    assert samples(sparse, KINDS[kind].base) == samples(whole, KINDS[kind].base)
    assert {(each.pts, each.end) for each in sparse} <= {(each.pts, each.end) for each in whole}
    assert len(whole) == len(clip.numbers)
    assert len(sparse) < 0.75 * len(whole)
    start = whole[40].pts
    resumed = [each.pts for each in read(clip.path, RATE, start) if each.pts >= start]
    assert resumed == [each.pts for each in sparse if each.pts >= start]


@pytest.mark.parametrize("kind", DECODED_WHOLE)
def test_what_other_frames_may_need_is_not_left_out(tmp_path: Path, kind: str) -> None:
    clip = make_clip(tmp_path / "clip", KINDS[kind], 50)
    assert len(read(clip.path, RATE)) == len(read(clip.path, None)) == len(clip.numbers)
